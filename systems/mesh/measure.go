package mesh

import "math"

// measure sums up volume, surface and bounding box.
//
// The volume is the sum of the signed tetrahedra between each triangle and one
// point, v1·(v2×v3)/6 (Zhang and Chen, "Efficient feature extraction for 2D/3D
// objects in mesh representation", 2001). That point is the first corner, not
// the origin: far from the origin the tetrahedra would be huge and their sum
// would lose the digits that matter.
type measure struct {
	triangles int64
	origin    [3]float64
	volume6   float64 // six times the volume
	surface2  float64 // twice the surface
	min, max  [3]float32
}

func (m *measure) volume() float64  { return m.volume6 / 6 }
func (m *measure) surface() float64 { return m.surface2 / 2 }

// add is the stage that measures a batch.
func (m *measure) add(b *batch) error {
	if len(b.records) == 0 {
		return nil
	}
	if m.triangles == 0 {
		for i := range m.origin {
			m.min[i] = coordAt(b.records, i)
			m.max[i] = m.min[i]
			m.origin[i] = float64(m.min[i])
		}
	}
	m.sum(b.records)
	m.widen(b.records)
	// Any coordinate that is not finite makes its triangle's area so.
	if s := m.surface2; math.IsNaN(s) || math.IsInf(s, 0) {
		return refuse(NonFinite, "triangle %d has a coordinate that is infinite or not a number; export the model again", m.triangles+firstNonFinite(b.records))
	}
	m.triangles += int64(len(b.records) / recordBytes)
	return nil
}

func (m *measure) sum(records []byte) {
	ox, oy, oz := m.origin[0], m.origin[1], m.origin[2]
	volume6, surface2 := m.volume6, m.surface2
	for ; len(records) >= recordBytes; records = records[recordBytes:] {
		t := records[:recordBytes:recordBytes]
		ax, ay, az := float64(coordAt(t, 0))-ox, float64(coordAt(t, 1))-oy, float64(coordAt(t, 2))-oz
		bx, by, bz := float64(coordAt(t, 3))-ox-ax, float64(coordAt(t, 4))-oy-ay, float64(coordAt(t, 5))-oz-az
		cx, cy, cz := float64(coordAt(t, 6))-ox-ax, float64(coordAt(t, 7))-oy-ay, float64(coordAt(t, 8))-oz-az
		// a·(b×c) is the same with b-a and c-a, whose product gives the area too.
		nx, ny, nz := by*cz-bz*cy, bz*cx-bx*cz, bx*cy-by*cx
		volume6 += ax*nx + ay*ny + az*nz
		surface2 += math.Sqrt(nx*nx + ny*ny + nz*nz)
	}
	m.volume6, m.surface2 = volume6, surface2
}

func (m *measure) widen(records []byte) {
	x0, y0, z0 := m.min[0], m.min[1], m.min[2]
	x1, y1, z1 := m.max[0], m.max[1], m.max[2]
	for ; len(records) >= recordBytes; records = records[recordBytes:] {
		t := records[:recordBytes:recordBytes]
		for i := 0; i < 9; i += 3 {
			x, y, z := coordAt(t, i), coordAt(t, i+1), coordAt(t, i+2)
			if x < x0 {
				x0 = x
			}
			if x > x1 {
				x1 = x
			}
			if y < y0 {
				y0 = y
			}
			if y > y1 {
				y1 = y
			}
			if z < z0 {
				z0 = z
			}
			if z > z1 {
				z1 = z
			}
		}
	}
	m.min, m.max = [3]float32{x0, y0, z0}, [3]float32{x1, y1, z1}
}

// firstNonFinite is the number, from 1, of the triangle to blame.
func firstNonFinite(records []byte) int64 {
	const exponent = 0x7f800000
	for n := int64(1); len(records) >= recordBytes; n++ {
		for i := range 9 {
			if bitsAt(records, i)&exponent == exponent {
				return n
			}
		}
		records = records[recordBytes:]
	}
	return 0
}
