package mesh_test

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"ordertrace/systems/mesh"
	"ordertrace/systems/mesh/meshtest"
)

// watched follows the reading of a file and ends it with its context.
type watched struct {
	io.Reader
	ctx      context.Context
	progress func(read int64)
	read     int64
}

func (w *watched) Read(p []byte) (int, error) {
	if err := context.Cause(w.ctx); err != nil {
		return 0, err
	}
	n, err := w.Reader.Read(p)
	w.read += int64(n)
	w.progress(w.read)
	return n, err
}

// A reader of the caller's own gives progress and cancellation.
func ExampleCheck() {
	var file bytes.Buffer
	_ = meshtest.WriteBinary(&file, "cube", meshtest.Cube(10))
	size := int64(file.Len())

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	report, err := mesh.Check(&watched{
		Reader:   &file,
		ctx:      ctx,
		progress: func(read int64) { fmt.Printf("%d of %d bytes\n", read, size) },
	}, size, mesh.Limits{})
	fmt.Println(report.VolumeMM3, report.SurfaceMM2, report.Size(), err)

	cancel()
	_, err = mesh.Check(&watched{Reader: &file, ctx: ctx}, size, mesh.Limits{})
	fmt.Println(err)
	// Output:
	// 684 of 684 bytes
	// 684 of 684 bytes
	// 1000 600 [10 10 10] <nil>
	// read mesh: context canceled
}
