package mesh_test

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/systems/mesh/meshtest"
)

// TestAgreesWithAdmesh holds our measures against those of admesh. It prints no
// surface, so that is made a volume: see spikes.
func TestAgreesWithAdmesh(t *testing.T) {
	admesh, err := exec.LookPath("admesh")
	if err != nil {
		t.Skip("needs admesh, from the Debian package admesh")
	}
	for name, m := range map[string]meshtest.Mesh{
		"cube":                meshtest.Cube(10),
		"sphere":              meshtest.Sphere(20, 40, 60),
		"torus":               meshtest.Torus(20, 5, 30, 60),
		"thin plate":          meshtest.Box(60, 40, 0.3),
		"signet ring":         meshtest.Ring(),
		"ring with a bump":    meshtest.Join(meshtest.Torus(9, 1, 24, 60), meshtest.Sphere(2, 20, 30).Translate(0, 30, 0)),
		"ring, turned":        meshtest.Ring().Rotate(1, 2),
		"far from the origin": meshtest.Sphere(20, 40, 60).Translate(500, -700, 900),
	} {
		t.Run(name, func(t *testing.T) {
			report := checked(t, stl(m))
			require.InEpsilon(t, volumeByAdmesh(t, admesh, m), report.VolumeMM3, 1e-3, "volume")
			require.InEpsilon(t, volumeByAdmesh(t, admesh, spikes(m)), report.SurfaceMM2, 1e-3, "surface")
		})
	}
}

func volumeByAdmesh(t *testing.T, admesh string, m meshtest.Mesh) float64 {
	path := filepath.Join(t.TempDir(), "mesh.stl")
	// As text: admesh takes a binary file of round numbers for text, and hangs.
	require.NoError(t, os.WriteFile(path, []byte(text(m)), 0o600))
	out, err := exec.CommandContext(t.Context(), admesh, path).CombinedOutput()
	require.NoError(t, err, string(out))
	found := regexp.MustCompile(`Volume\s*:\s*([-0-9.]+)`).FindSubmatch(out)
	require.NotNil(t, found, string(out))
	volume, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(t, err)
	return volume
}

// spikes is a mesh whose volume is the surface of m: for each triangle a
// tetrahedron 3 mm high on a base with the same three sides, each apart from
// the others.
func spikes(m meshtest.Mesh) meshtest.Mesh {
	const perRow, apart = 64, 70 // mm, above any side in these tests
	var all []meshtest.Mesh
	for t := range m.Triangles {
		ab, bc, ca := distance(t[0], t[1]), distance(t[1], t[2]), distance(t[2], t[0])
		x := (ab*ab + ca*ca - bc*bc) / (2 * ab) // law of cosines
		a, b := meshtest.Point{}, meshtest.Point{float32(ab)}
		c, tip := meshtest.Point{float32(x), float32(math.Sqrt(max(0, ca*ca-x*x)))}, meshtest.Point{0, 0, 3}
		n := len(all)
		spike := meshtest.Of(
			meshtest.Triangle{a, c, b}, meshtest.Triangle{a, b, tip},
			meshtest.Triangle{b, c, tip}, meshtest.Triangle{c, a, tip})
		all = append(all, spike.Translate(apart*float64(n%perRow), apart*float64(n/perRow), 0))
	}
	return meshtest.Join(all...)
}

func distance(p, q meshtest.Point) float64 {
	var sum float64
	for i := range p {
		d := float64(p[i]) - float64(q[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}
