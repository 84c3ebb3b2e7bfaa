package mesh_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ordertrace/systems/mesh"
	"ordertrace/systems/mesh/meshtest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childFlag {
		os.Exit(child(os.Args[2:]))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		removeLargeFile()
		os.Exit(code)
	}))
}

func stl(m meshtest.Mesh) []byte { return stlHeaded("made by meshtest", m) }

func stlHeaded(header string, m meshtest.Mesh) []byte {
	var out bytes.Buffer
	_ = meshtest.WriteBinary(&out, header, m) // a Buffer takes all
	return out.Bytes()
}

func text(m meshtest.Mesh) string {
	var out strings.Builder
	_ = meshtest.WriteASCII(&out, "shape", m) // a Builder takes all
	return out.String()
}

// withCount changes the count in the header.
func withCount(file []byte, n uint32) []byte {
	binary.LittleEndian.PutUint32(file[80:], n)
	return file
}

// withCoordinate changes the first coordinate of a triangle, numbered from 0.
func withCoordinate(file []byte, triangle int, v float64) []byte {
	binary.LittleEndian.PutUint32(file[84+50*triangle+12:], math.Float32bits(float32(v)))
	return file
}

// replaced changes the first old, and panics when there is none.
func replaced(s, old, by string) []byte {
	if !strings.Contains(s, old) {
		panic("nothing to replace: " + old)
	}
	return []byte(strings.Replace(s, old, by, 1))
}

var (
	cube  = meshtest.Cube(10)
	torus = meshtest.Torus(20, 5, 60, 100) // 12,000 triangles: several batches
)

func TestCheckTakes(t *testing.T) {
	crlf := strings.ReplaceAll(text(cube), "\n", "\r\n")
	for name, tc := range map[string]struct {
		file   []byte
		format mesh.Format
		volume float64
		count  int
	}{
		"binary":                          {stl(cube), mesh.Binary, 1000, 12},
		"binary that begins with solid":   {stlHeaded("solid cube", cube), mesh.Binary, 1000, 12},
		"binary with -0 for 0":            {stl(cube.Map(negativeZeros())), mesh.Binary, 1000, 12},
		"two bodies":                      {stl(meshtest.Join(cube, cube.Translate(20, 0, 0))), mesh.Binary, 2000, 24},
		"two bodies with a common corner": {stl(meshtest.Join(cube, cube.Translate(10, 10, 10))), mesh.Binary, 2000, 24},
		"a cavity": {
			stl(meshtest.Join(cube, meshtest.Cube(5).Reversed().Translate(2, 2, 2))), mesh.Binary, 875, 24,
		},
		"triangles of two equal corners": {
			stl(meshtest.Join(cube, meshtest.Of(meshtest.Triangle{{0, 0, 0}, {0, 0, 0}, {10, 0, 0}}))),
			mesh.Binary, 1000, 13,
		},
		"a fan of many triangles": {stl(meshtest.Lathe(cone, 2, 10_000)), mesh.Binary, coneVolume(10_000), 20_000},

		"ASCII":                    {[]byte(text(cube)), mesh.ASCII, 1000, 12},
		"ASCII in capitals":        {[]byte(strings.ToUpper(text(cube))), mesh.ASCII, 1000, 12},
		"ASCII with CRLF":          {[]byte(crlf), mesh.ASCII, 1000, 12},
		"ASCII with CR":            {[]byte(strings.ReplaceAll(crlf, "\n", "")), mesh.ASCII, 1000, 12},
		"ASCII with tabs":          {[]byte(strings.ReplaceAll(text(cube), " ", "\t\t ")), mesh.ASCII, 1000, 12},
		"ASCII without indents":    {[]byte(strings.ReplaceAll(text(cube), "  ", "")), mesh.ASCII, 1000, 12},
		"ASCII with exponents":     {[]byte(strings.ReplaceAll(text(cube), " 10", " +1.000e+01")), mesh.ASCII, 1000, 12},
		"ASCII without a name":     {[]byte(strings.ReplaceAll(text(cube), "solid shape", "solid")), mesh.ASCII, 1000, 12},
		"ASCII with a spaced name": {[]byte(strings.ReplaceAll(text(cube), "shape", "my solid ring facet")), mesh.ASCII, 1000, 12},
		"ASCII without last line end": {
			[]byte(strings.TrimSpace(text(cube))), mesh.ASCII, 1000, 12,
		},
		"ASCII after a byte order mark": {[]byte("\xef\xbb\xbf" + text(cube)), mesh.ASCII, 1000, 12},
		"ASCII after white space":       {[]byte("\n \n" + text(cube)), mesh.ASCII, 1000, 12},
		"ASCII with broken normals":     {[]byte(strings.ReplaceAll(text(cube), "0 0 0\n    outer", "-nan(ind) 1.#IND nan\nouter")), mesh.ASCII, 1000, 12},
		"ASCII of two solids":           {[]byte(text(cube) + text(cube.Translate(20, 0, 0))), mesh.ASCII, 2000, 24},
		"ASCII with a very long name":   {replaced(text(cube), "shape", strings.Repeat("x", 300_000)), mesh.ASCII, 1000, 12},
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int64{int64(len(tc.file)), -1} {
				report, err := mesh.Check(bytes.NewReader(tc.file), size, mesh.Limits{})
				require.NoError(t, err)
				require.Equal(t, tc.format, report.Format)
				require.EqualValues(t, tc.count, report.Triangles)
				require.InEpsilon(t, tc.volume, report.VolumeMM3, 1e-6)

				measured, err := mesh.Measure(bytes.NewReader(tc.file), size, mesh.Limits{})
				require.NoError(t, err)
				require.Equal(t, report, measured)
			}
		})
	}
}

func TestReportOfABox(t *testing.T) {
	file := stl(meshtest.Box(2, 3, 4).Translate(-1, 100, 1000))
	report, err := mesh.Check(bytes.NewReader(file), int64(len(file)), mesh.Limits{})
	require.NoError(t, err)
	require.Equal(t, mesh.Report{
		Format: mesh.Binary, Triangles: 12, VolumeMM3: 24, SurfaceMM2: 52,
		Min: [3]float64{-1, 100, 1000}, Max: [3]float64{1, 103, 1004},
	}, report)
	require.Equal(t, [3]float64{2, 3, 4}, report.Size())
}

// negativeZeros writes every other zero as -0.
func negativeZeros() func(x, y, z float64) (float64, float64, float64) {
	n := 0
	sign := func(v float64) float64 {
		if n++; v == 0 && n%2 == 0 {
			return math.Copysign(0, -1)
		}
		return v
	}
	return func(x, y, z float64) (float64, float64, float64) { return sign(x), sign(y), sign(z) }
}

// cone has its tip at the origin and its base, of radius 1, at height 3.
func cone(i int) (radius, height float64) {
	return [3]float64{0, 1, 0}[i], [3]float64{0, 3, 3}[i]
}

func coneVolume(segments float64) float64 { return segments / 2 * math.Sin(2*math.Pi/segments) }
