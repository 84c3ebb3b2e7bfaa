package meshtest_test

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/systems/mesh"
	"ordertrace/systems/mesh/meshtest"
)

var write = flag.Bool("write", false, "write the sample ring anew")

const sample = "../../../deploy/local/samples/ring.stl"

func TestSampleIsTheRing(t *testing.T) {
	var ring bytes.Buffer
	require.NoError(t, meshtest.WriteBinary(&ring, "signet ring, mm", meshtest.Ring()))
	if *write {
		require.NoError(t, os.WriteFile(sample, ring.Bytes(), 0o644))
	}
	shipped, err := os.ReadFile(sample)
	require.NoError(t, err)
	require.True(t, bytes.Equal(ring.Bytes(), shipped), "run go test with -write")

	report, err := mesh.Check(&ring, int64(ring.Len()), mesh.Limits{})
	require.NoError(t, err)
	require.EqualValues(t, meshtest.Ring().Count, report.Triangles)
	require.InDelta(t, 13, report.Size()[1], 1e-4, "length of the top along the finger's axis, mm")
}
