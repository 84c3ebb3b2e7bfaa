package mesh_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ordertrace/systems/mesh"
	"ordertrace/systems/mesh/meshtest"
)

// turnedVolume and turnedSurface are those of an outline turned about an axis in
// flat segments: a stack of frustums of regular polygons.
func turnedVolume(p meshtest.Profile, bands int, segments float64) float64 {
	var sum float64
	for i := range bands {
		r, z := p(i)
		s, y := p(i + 1)
		sum += (y - z) * (r*r + r*s + s*s) / 3
	}
	return sum * segments / 2 * math.Sin(2*math.Pi/segments)
}

func turnedSurface(p meshtest.Profile, bands int, segments float64) float64 {
	var sum float64
	for i := range bands {
		r, z := p(i)
		s, y := p(i + 1)
		slant := math.Hypot((s-r)*math.Cos(math.Pi/segments), y-z)
		sum += (r + s) * math.Sin(math.Pi/segments) * slant
	}
	return sum * segments
}

// solid is a mesh whose measures are known by formula.
type solid struct {
	meshtest.Mesh
	volume, surface float64
}

func sphere(radius float64, rings, segments int) solid {
	p := meshtest.SphereProfile(radius, rings)
	return solid{
		meshtest.Sphere(radius, rings, segments),
		turnedVolume(p, rings, float64(segments)), turnedSurface(p, rings, float64(segments)),
	}
}

func ringOfTube(major, minor float64, rings, segments int) solid {
	p := meshtest.TorusProfile(major, minor, rings)
	return solid{
		meshtest.Torus(major, minor, rings, segments),
		turnedVolume(p, rings, float64(segments)), turnedSurface(p, rings, float64(segments)),
	}
}

func box(x, y, z float64) solid {
	return solid{meshtest.Box(x, y, z), x * y * z, 2 * (x*y + y*z + z*x)}
}

func TestMeasuresAreThoseOfTheFormula(t *testing.T) {
	for name, s := range map[string]solid{
		"cube":           box(10, 10, 10),
		"thin plate":     box(100, 80, 0.01),
		"octahedron":     sphere(5, 2, 4),
		"sphere":         sphere(20, 100, 200),
		"torus":          ringOfTube(20, 5, 100, 200),
		"torus, coarse":  ringOfTube(9, 1, 3, 3),
		"torus, slender": ringOfTube(400, 0.5, 16, 900),
	} {
		t.Run(name, func(t *testing.T) {
			report := checked(t, stl(s.Mesh))
			require.InEpsilon(t, s.volume, report.VolumeMM3, 1e-5)
			require.InEpsilon(t, s.surface, report.SurfaceMM2, 1e-5)
		})
	}
}

func TestVolumeIsExactFarFromTheOrigin(t *testing.T) {
	report := checked(t, stl(meshtest.Cube(1).Translate(1<<20, 1<<20, 1<<20)))
	require.InDelta(t, 1, report.VolumeMM3, 0)
}

// anySolid draws a solid somewhere in space.
func anySolid(t *rapid.T) solid {
	length := rapid.Float64Range(2, 50)
	few := rapid.IntRange(3, 30)
	var s solid
	switch rapid.SampledFrom([]string{"box", "sphere", "torus"}).Draw(t, "shape") {
	case "box":
		s = box(length.Draw(t, "x"), length.Draw(t, "y"), length.Draw(t, "z"))
	case "sphere":
		s = sphere(length.Draw(t, "radius"), few.Draw(t, "rings"), few.Draw(t, "segments"))
	case "torus":
		minor := length.Draw(t, "minor")
		s = ringOfTube(minor+length.Draw(t, "hole"), minor, few.Draw(t, "rings"), few.Draw(t, "segments"))
	}
	angle := rapid.Float64Range(0, 2*math.Pi)
	shift := rapid.Float64Range(-300, 300)
	by := rapid.Float64Range(0.5, 3).Draw(t, "scale")
	s.volume, s.surface = s.volume*by*by*by, s.surface*by*by
	s.Mesh = s.Scale(by, by, by).
		Rotate(angle.Draw(t, "about z"), angle.Draw(t, "about x")).
		Translate(shift.Draw(t, "dx"), shift.Draw(t, "dy"), shift.Draw(t, "dz"))
	return s
}

func TestMovedSolidsKeepTheirMeasures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySolid(t)
		report := checked(t, stl(s.Mesh))
		require.EqualValues(t, s.Count, report.Triangles)
		require.InEpsilon(t, s.volume, report.VolumeMM3, 1e-4)
		require.InEpsilon(t, s.surface, report.SurfaceMM2, 1e-4)
	})
}

func TestOrderOfTrianglesDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySolid(t)
		var triangles []meshtest.Triangle
		for tri := range s.Triangles {
			turn := rapid.IntRange(0, 2).Draw(t, "first corner")
			triangles = append(triangles, meshtest.Triangle{tri[turn], tri[(turn+1)%3], tri[(turn+2)%3]})
		}
		report := checked(t, stl(meshtest.Of(rapid.Permutation(triangles).Draw(t, "order")...)))
		require.InEpsilon(t, s.volume, report.VolumeMM3, 1e-4)
	})
}

func TestBothFormsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySolid(t)
		binary, ascii := checked(t, stl(s.Mesh)), checked(t, []byte(text(s.Mesh)))
		require.Equal(t, mesh.ASCII, ascii.Format)
		ascii.Format = mesh.Binary
		require.Equal(t, binary, ascii)
	})
}

func TestAnyLostTriangleIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySolid(t)
		file := stl(s.Without(rapid.IntRange(0, s.Count-1).Draw(t, "triangle")))
		refused := refusal(t, file)
		require.Equal(t, mesh.Open, refused.Reason)
		require.EqualValues(t, 3, refused.Edges.Open)
	})
}

func TestAnyFlippedTriangleIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anySolid(t)
		file := stl(s.Flipped(rapid.IntRange(0, s.Count-1).Draw(t, "triangle")))
		refused := refusal(t, file)
		require.Equal(t, mesh.Flipped, refused.Reason)
		require.EqualValues(t, 3, refused.Edges.Flipped)
	})
}

func checked(t require.TestingT, file []byte) mesh.Report {
	report, err := mesh.Check(bytes.NewReader(file), int64(len(file)), mesh.Limits{})
	require.NoError(t, err)
	return report
}

func refusal(t require.TestingT, file []byte) *mesh.Error {
	_, err := mesh.Check(bytes.NewReader(file), int64(len(file)), mesh.Limits{})
	var refused *mesh.Error
	require.ErrorAs(t, err, &refused)
	return refused
}
