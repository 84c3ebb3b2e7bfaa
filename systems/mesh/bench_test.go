package mesh_test

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/systems/mesh"
	"ordertrace/systems/mesh/meshtest"
)

// largeFile is a binary STL of 2 million triangles, 100 MB, made once a run.
var largeFile = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mesh-bench")
	if err != nil {
		return "", err
	}
	largeFileDir = dir
	path := filepath.Join(dir, "sphere.stl")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	if err := meshtest.WriteBinary(f, "sphere", meshtest.Sphere(20, 1001, 1000)); err != nil {
		return "", err
	}
	return path, f.Close()
})

var largeFileDir string

func removeLargeFile() {
	if largeFileDir != "" {
		_ = os.RemoveAll(largeFileDir)
	}
}

func BenchmarkCheck(b *testing.B)   { benchmark(b, mesh.Check) }
func BenchmarkMeasure(b *testing.B) { benchmark(b, mesh.Measure) }

func benchmark(b *testing.B, read func(io.Reader, int64, mesh.Limits) (mesh.Report, error)) {
	path, err := largeFile()
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		report, err := readFile(path, read)
		require.NoError(b, err)
		require.EqualValues(b, 2_000_000, report.Triangles)
		b.SetBytes(84 + 50*report.Triangles)
	}
}

func readFile(path string, read func(io.Reader, int64, mesh.Limits) (mesh.Report, error)) (mesh.Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return mesh.Report{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return mesh.Report{}, err
	}
	return read(f, info.Size(), mesh.Limits{})
}
