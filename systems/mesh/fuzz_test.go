package mesh_test

import (
	"bytes"
	"errors"
	"testing"

	"ordertrace/systems/mesh"
	"ordertrace/systems/mesh/meshtest"
)

// FuzzCheck feeds files that lie in memory, whose reading cannot fail: whatever
// is wrong is the file's fault, and the answer does not hang on knowing the size.
func FuzzCheck(f *testing.F) {
	small := meshtest.Sphere(5, 3, 3)
	for _, seed := range [][]byte{
		nil,
		stl(small),
		stlHeaded("solid", small),
		[]byte(text(small)),
		[]byte(text(cube)),
		stl(small.Without(2)),
		stl(small.Flipped(2)),
		stl(small.Reversed()),
		stl(meshtest.Join(cube, cube)),
		withCount(stl(small), 1<<31),
		cut(stl(small), 7),
		cut([]byte(text(small)), 30),
		append(stl(small), "more"...),
		[]byte("solid\nendsolid\nsolid"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		before := allocated()
		checked, err := mesh.Check(bytes.NewReader(file), int64(len(file)), mesh.Limits{})
		if grown := allocated() - before; grown > 8<<20+uint64(200*len(file)) {
			t.Fatalf("%d bytes allocated for %d", grown, len(file))
		}
		var refused *mesh.Error
		if err != nil && (!errors.As(err, &refused) || refused.Reason == "" || refused.Error() == "") {
			t.Fatalf("not the file's fault: %v", err)
		}
		unsized, err2 := mesh.Check(bytes.NewReader(file), -1, mesh.Limits{})
		if (err == nil) != (err2 == nil) || checked != unsized {
			t.Fatalf("with size: %v, %v; without: %v, %v", checked, err, unsized, err2)
		}
		if err != nil {
			return
		}
		if measured, err := mesh.Measure(bytes.NewReader(file), -1, mesh.Limits{}); err != nil || measured != checked {
			t.Fatalf("checked: %v; measured: %v, %v", checked, measured, err)
		}
	})
}
