package mesh

import "math"

// Limits says which files are absurd. A field that is zero stands for its
// default.
type Limits struct {
	// MaxTriangles is the most triangles that a file may have. Default 20
	// million, a binary file of 1 GB; at most 80 million.
	MaxTriangles int64
	// MinExtentMM and MaxExtentMM bound the longest side of the bounding box, in
	// mm. A model outside them was most likely drawn in another unit. Defaults
	// 0.5 mm and 1000 mm.
	MinExtentMM, MaxExtentMM float64
}

// mostTriangles keeps vertices and edges, three a triangle at worst, within the
// 28 bits that the tables have for an index.
const mostTriangles = 80_000_000

func (l Limits) withDefaults() Limits {
	if l.MaxTriangles <= 0 {
		l.MaxTriangles = 20_000_000
	}
	l.MaxTriangles = min(l.MaxTriangles, mostTriangles)
	if l.MinExtentMM <= 0 {
		l.MinExtentMM = 0.5
	}
	if l.MaxExtentMM <= 0 {
		l.MaxExtentMM = 1000
	}
	return l
}

// flatness is the volume, as a share of surface times longest side, under which
// a mesh encloses nothing: what rounding alone can make. A plate of
// 100 x 100 x 0.001 mm has 5e-6.
const flatness = 1e-9

// judge makes the report, unless the limits or the volume speak against it.
func judge(format Format, m *measure, lim Limits) (Report, error) {
	lim = lim.withDefaults()
	r := Report{Format: format, Triangles: m.triangles, VolumeMM3: m.volume(), SurfaceMM2: m.surface()}
	var longest float64
	for i := range r.Min {
		r.Min[i], r.Max[i] = float64(m.min[i]), float64(m.max[i])
		longest = max(longest, r.Max[i]-r.Min[i])
	}
	switch {
	case r.Triangles == 0:
		return Report{}, refuse(Empty, "the file has no triangles; export the model again")
	case longest > lim.MaxExtentMM:
		return Report{}, refuse(TooLarge, "the model is %.4g mm long and at most %.4g mm can be made; export it in millimetres", longest, lim.MaxExtentMM)
	case longest < lim.MinExtentMM:
		return Report{}, refuse(TooSmall, "the model is %.4g mm long and at least %.4g mm is needed; export it in millimetres", longest, lim.MinExtentMM)
	case math.Abs(r.VolumeMM3) <= flatness*r.SurfaceMM2*longest:
		return Report{}, refuse(NoVolume, "the surface encloses no volume; give the model a thickness")
	case r.VolumeMM3 < 0:
		return Report{}, refuse(InsideOut, "the surface faces inward; turn all its normals outward")
	}
	return r, nil
}
