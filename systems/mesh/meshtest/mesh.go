// Package meshtest makes triangle meshes for tests and benchmarks: closed
// shapes whose volume is known, ways to spoil them, and writers for both kinds
// of STL. A mesh is an iterator, so that a file of millions of triangles can be
// written without holding it.
package meshtest

import (
	"iter"
	"math"
)

// Point is a corner in millimetres.
type Point = [3]float32

// Triangle is three corners, counter-clockwise when seen from outside.
type Triangle = [3]Point

// Mesh is a sequence of triangles and their number. It can be ranged over any
// number of times.
type Mesh struct {
	Count     int
	Triangles iter.Seq[Triangle]
}

// Map moves every corner by f. Equal corners stay equal, so a closed mesh stays
// closed unless f makes corners fall together.
func (m Mesh) Map(f func(x, y, z float64) (float64, float64, float64)) Mesh {
	move := func(p Point) Point {
		x, y, z := f(float64(p[0]), float64(p[1]), float64(p[2]))
		return Point{float32(x), float32(y), float32(z)}
	}
	return m.each(func(t Triangle) Triangle { return Triangle{move(t[0]), move(t[1]), move(t[2])} })
}

// Translate moves the mesh.
func (m Mesh) Translate(dx, dy, dz float64) Mesh {
	return m.Map(func(x, y, z float64) (float64, float64, float64) { return x + dx, y + dy, z + dz })
}

// Scale multiplies each axis by its own factor.
func (m Mesh) Scale(fx, fy, fz float64) Mesh {
	return m.Map(func(x, y, z float64) (float64, float64, float64) { return x * fx, y * fy, z * fz })
}

// Rotate turns the mesh about the z axis and then about the x axis, in radians.
func (m Mesh) Rotate(aboutZ, aboutX float64) Mesh {
	sz, cz := math.Sincos(aboutZ)
	sx, cx := math.Sincos(aboutX)
	return m.Map(func(x, y, z float64) (float64, float64, float64) {
		x, y = x*cz-y*sz, x*sz+y*cz
		y, z = y*cx-z*sx, y*sx+z*cx
		return x, y, z
	})
}

// Reversed turns every triangle over, so that the mesh is inside out.
func (m Mesh) Reversed() Mesh { return m.each(flip) }

// Flipped turns triangle i over and leaves the others.
func (m Mesh) Flipped(i int) Mesh {
	return Mesh{m.Count, func(yield func(Triangle) bool) {
		n := 0
		for t := range m.Triangles {
			if n == i {
				t = flip(t)
			}
			n++
			if !yield(t) {
				return
			}
		}
	}}
}

// Without leaves out triangle i, which makes a closed mesh open.
func (m Mesh) Without(i int) Mesh {
	return Mesh{m.Count - 1, func(yield func(Triangle) bool) {
		n := 0
		for t := range m.Triangles {
			if n != i && !yield(t) {
				return
			}
			n++
		}
	}}
}

// Join puts the triangles of several meshes into one.
func Join(meshes ...Mesh) Mesh {
	joined := Mesh{Triangles: func(yield func(Triangle) bool) {
		for _, m := range meshes {
			for t := range m.Triangles {
				if !yield(t) {
					return
				}
			}
		}
	}}
	for _, m := range meshes {
		joined.Count += m.Count
	}
	return joined
}

// Of is the mesh of the given triangles.
func Of(triangles ...Triangle) Mesh {
	return Mesh{len(triangles), func(yield func(Triangle) bool) {
		for _, t := range triangles {
			if !yield(t) {
				return
			}
		}
	}}
}

func (m Mesh) each(f func(Triangle) Triangle) Mesh {
	return Mesh{m.Count, func(yield func(Triangle) bool) {
		for t := range m.Triangles {
			if !yield(f(t)) {
				return
			}
		}
	}}
}

func flip(t Triangle) Triangle { return Triangle{t[0], t[2], t[1]} }
