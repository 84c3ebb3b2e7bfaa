package mesh_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/systems/mesh"
	"ordertrace/systems/mesh/meshtest"
)

func TestCheckRefuses(t *testing.T) {
	open := torus.Without(7000)
	flat := meshtest.Of(
		meshtest.Triangle{{0, 0, 0}, {5, 0, 0}, {0, 5, 0}},
		meshtest.Triangle{{0, 0, 0}, {0, 5, 0}, {5, 0, 0}})
	for name, tc := range map[string]struct {
		file   []byte
		lim    mesh.Limits
		reason mesh.Reason
		says   string
	}{
		"no bytes":                   {nil, mesh.Limits{}, mesh.Empty, "the file is empty"},
		"binary without triangles":   {stl(meshtest.Of()), mesh.Limits{}, mesh.Empty, "no triangles"},
		"ASCII without triangles":    {[]byte("solid a\nendsolid a\n"), mesh.Limits{}, mesh.Empty, "no triangles"},
		"solids without triangles":   {[]byte("solid\nendsolid\nsolid\nendsolid"), mesh.Limits{}, mesh.Empty, "no triangles"},
		"a short file":               {[]byte("hello"), mesh.Limits{}, mesh.NotSTL, "not STL"},
		"another text":               {[]byte(strings.Repeat("v 1.0 2.0 3.0\nf 1 2 3\n", 900)), mesh.Limits{}, mesh.NotSTL, "not STL"},
		"another binary":             {append([]byte("PK\x03\x04"), noise(9000)...), mesh.Limits{}, mesh.NotSTL, "not STL"},
		"white space":                {bytes.Repeat([]byte(" "), 9000), mesh.Limits{}, mesh.NotSTL, "not STL"},
		"solid alone":                {[]byte("solid"), mesh.Limits{}, mesh.Truncated, "without endsolid"},
		"binary cut in a triangle":   {cut(stl(torus), 20), mesh.Limits{}, mesh.Truncated, "announces 12000 triangles and holds 11999"},
		"binary cut in the header":   {cut(stl(cube), 12*50+2), mesh.Limits{}, mesh.NotSTL, "not STL"},
		"binary cut after it":        {cut(stl(cube), 12*50), mesh.Limits{}, mesh.Truncated, "announces 12 triangles and holds 0"},
		"a small file, a high count": {withCount(stl(cube), 19_999_999), mesh.Limits{}, mesh.Truncated, "holds 12"},
		"a count of 4 billion":       {withCount(stl(cube), math.MaxUint32), mesh.Limits{}, mesh.NotSTL, "not STL"},
		"binary with solid, cut":     {cut(stlHeaded("solid x", torus), 20), mesh.Limits{}, mesh.Truncated, "holds 11999"},
		"ASCII cut in a facet":       {cut([]byte(text(cube)), 40), mesh.Limits{}, mesh.Truncated, "after 11 triangles"},
		"ASCII cut after a facet":    {cut([]byte(text(cube)), len("endsolid shape\n")), mesh.Limits{}, mesh.Truncated, "after 12 triangles"},
		"ASCII cut in a later solid": {[]byte(text(cube) + "solid more"), mesh.Limits{}, mesh.Truncated, "after 12 triangles"},
		"binary goes on":             {append(stl(cube), 0), mesh.Limits{}, mesh.TrailingData, "goes on after the 12 triangles"},
		"large binary goes on":       {append(stl(torus), make([]byte, 50)...), mesh.Limits{}, mesh.TrailingData, "goes on after the 12000"},
		"ASCII goes on":              {[]byte(text(cube) + "\nfacet"), mesh.Limits{}, mesh.TrailingData, "in line 88"},

		"ASCII word missing":         {replaced(text(cube), "outer loop", "outer"), mesh.Limits{}, mesh.Malformed, "line 4 of the text should have loop"},
		"ASCII word unknown":         {replaced(text(cube), "endfacet", "end facet"), mesh.Limits{}, mesh.Malformed, "line 8 of the text should have endfacet"},
		"ASCII of two corners":       {replaced(text(cube), "vertex 0 0 0", ""), mesh.Limits{}, mesh.Malformed, "line 7 of the text should have vertex"},
		"ASCII of four corners":      {replaced(text(cube), "endloop", "vertex 1 1 1 endloop"), mesh.Limits{}, mesh.Malformed, "line 7 of the text should have endloop"},
		"ASCII of two coordinates":   {replaced(text(cube), "vertex 0 0 0", "vertex 0 0"), mesh.Limits{}, mesh.Malformed, "line 5 of the text should have a number"},
		"ASCII with decimal commas":  {replaced(text(cube), "vertex 0 0 0", "vertex 0,5 0 0"), mesh.Limits{}, mesh.Malformed, "decimal point"},
		"ASCII with no facet":        {replaced(text(cube), "facet", "face"), mesh.Limits{}, mesh.Malformed, "line 2 of the text should have facet or endsolid"},
		"ASCII with an endless word": {replaced(text(cube), "vertex", strings.Repeat("v", 9000)), mesh.Limits{}, mesh.Malformed, "shorter words"},
		"ASCII that begins solidly":  {replaced(text(cube), "solid", "solidly"), mesh.Limits{}, mesh.Malformed, "line 1 of the text should have solid"},

		"NaN in binary":          {withCoordinate(stl(torus), 9000, math.NaN()), mesh.Limits{}, mesh.NonFinite, "triangle 9001"},
		"infinity in binary":     {withCoordinate(stl(torus), 0, math.Inf(-1)), mesh.Limits{}, mesh.NonFinite, "triangle 1"},
		"NaN in ASCII":           {replaced(text(cube), "vertex 0", "vertex NaN"), mesh.Limits{}, mesh.NonFinite, "triangle 1 "},
		"above float32 in ASCII": {replaced(text(cube), "vertex 0", "vertex 1e39"), mesh.Limits{}, mesh.NonFinite, "triangle 1 "},

		"too many triangles":          {stl(torus), mesh.Limits{MaxTriangles: 11_999}, mesh.TooManyTriangles, "more than 11999"},
		"too many triangles in ASCII": {[]byte(text(cube)), mesh.Limits{MaxTriangles: 11}, mesh.TooManyTriangles, "more than 11"},
		"larger than a metre":         {stl(meshtest.Box(1001, 1, 1)), mesh.Limits{}, mesh.TooLarge, "1001 mm long and at most 1000 mm"},
		"larger than the limit":       {stl(cube), mesh.Limits{MaxExtentMM: 9}, mesh.TooLarge, "at most 9 mm"},
		"a ring in metres":            {stl(meshtest.Ring().Scale(1e-3, 1e-3, 1e-3)), mesh.Limits{}, mesh.TooSmall, "0.0214 mm long and at least 0.5 mm"},
		"smaller than the limit":      {stl(cube), mesh.Limits{MinExtentMM: 11}, mesh.TooSmall, "at least 11 mm"},

		"one triangle":            {stl(meshtest.Of(meshtest.Triangle{{0, 0, 0}, {1, 0, 0}, {0, 1, 0}})), mesh.Limits{}, mesh.Open, "3 belong to one triangle only"},
		"a missing triangle":      {stl(open), mesh.Limits{}, mesh.Open, "3 belong to one triangle only"},
		"a missing one in ASCII":  {[]byte(text(open)), mesh.Limits{}, mesh.Open, "3 belong to one triangle only"},
		"a gap between corners":   {withCoordinate(stl(cube), 0, 1e-6), mesh.Limits{}, mesh.Open, "one triangle only"},
		"the same body twice":     {stl(meshtest.Join(torus, torus)), mesh.Limits{}, mesh.NonManifold, "18000 belong to more than two"},
		"two bodies at an edge":   {stl(meshtest.Join(cube, cube.Translate(10, 10, 0))), mesh.Limits{}, mesh.NonManifold, "1 belong to more than two"},
		"a wall inside":           {stl(meshtest.Join(cube, meshtest.Of(meshtest.Triangle{{0, 0, 0}, {10, 0, 0}, {10, 10, 10}}))), mesh.Limits{}, mesh.Open, "2 belong to more than two"},
		"a triangle turned over":  {stl(torus.Flipped(7000)), mesh.Limits{}, mesh.Flipped, "3 lie between triangles that face opposite ways"},
		"a flipped and lost fan":  {stl(meshtest.Lathe(cone, 2, 10_000).Without(5).Flipped(12_000)), mesh.Limits{}, mesh.Open, "3 lie between"},
		"a sheet of two sides":    {stl(flat), mesh.Limits{}, mesh.NoVolume, "no volume"},
		"triangles without area":  {stl(meshtest.Of(meshtest.Triangle{{0, 0, 0}, {0, 0, 0}, {9, 0, 0}})), mesh.Limits{}, mesh.NoVolume, "no volume"},
		"a body with its reverse": {stl(meshtest.Join(torus, torus.Reversed().Translate(100, 0, 0))), mesh.Limits{}, mesh.NoVolume, "no volume"},
		"inside out":              {stl(torus.Reversed()), mesh.Limits{}, mesh.InsideOut, "faces inward"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := mesh.Check(bytes.NewReader(tc.file), int64(len(tc.file)), tc.lim)
			var refused *mesh.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, tc.reason, refused.Reason, refused)
			require.Contains(t, refused.Error(), tc.says)

			_, unsized := mesh.Check(bytes.NewReader(tc.file), -1, tc.lim)
			require.Equal(t, err, unsized, "with unknown size")
		})
	}
}

func TestEdgeFaultsAreCountedAndPlaced(t *testing.T) {
	// A cube whose top, at z 10, has lost one triangle and has the other flipped.
	file := stl(cube.Flipped(3).Without(2))
	_, err := mesh.Check(bytes.NewReader(file), -1, mesh.Limits{})
	var refused *mesh.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, mesh.Open, refused.Reason)
	require.EqualValues(t, 3, refused.Edges.Open)
	require.EqualValues(t, 2, refused.Edges.Flipped)
	require.Zero(t, refused.Edges.NonManifold)
	require.InDelta(t, 10, refused.Edges.At[2], 0)
}

func TestMeasureLeavesClosednessOut(t *testing.T) {
	file := stl(torus.Without(7000))
	report, err := mesh.Measure(bytes.NewReader(file), int64(len(file)), mesh.Limits{})
	require.NoError(t, err)
	require.EqualValues(t, torus.Count-1, report.Triangles)
}

func cut(file []byte, n int) []byte { return file[:len(file)-n] }

// noise is bytes of a linear congruential generator: the same in every run.
func noise(n int) []byte {
	out := make([]byte, n)
	x := uint32(1)
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return out
}
