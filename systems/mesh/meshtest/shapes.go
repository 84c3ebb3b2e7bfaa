package meshtest

import "math"

// Cube has its corner at the origin and 12 triangles. Its volume is size³, its
// surface 6·size².
func Cube(size float64) Mesh { return Box(size, size, size) }

// Box has its corner at the origin and 12 triangles.
func Box(x, y, z float64) Mesh {
	corner := func(i int) Point {
		return Point{float32(x) * float32(i&1), float32(y) * float32(i>>1&1), float32(z) * float32(i>>2&1)}
	}
	faces := [6][4]int{{0, 2, 3, 1}, {4, 5, 7, 6}, {0, 1, 5, 4}, {2, 6, 7, 3}, {0, 4, 6, 2}, {1, 3, 7, 5}}
	var triangles []Triangle
	for _, f := range faces {
		a, b, c, d := corner(f[0]), corner(f[1]), corner(f[2]), corner(f[3])
		triangles = append(triangles, Triangle{a, b, c}, Triangle{a, c, d})
	}
	return Of(triangles...)
}

// Profile is the outline that Lathe turns: point i of n as distance from the z
// axis and height, both in millimetres.
type Profile func(i int) (radius, height float64)

// Sphere is a globe of 2·segments·(rings-1) triangles about the origin: rings
// bands from pole to pole, each of so many segments.
func Sphere(radius float64, rings, segments int) Mesh {
	return Lathe(SphereProfile(radius, rings), rings, segments)
}

// SphereProfile is the outline of Sphere, from its south pole to its north pole.
func SphereProfile(radius float64, rings int) Profile {
	return func(i int) (float64, float64) {
		switch i {
		case 0:
			return 0, -radius
		case rings:
			return 0, radius
		}
		sin, cos := math.Sincos(math.Pi * float64(i) / float64(rings))
		return radius * sin, -radius * cos
	}
}

// Lathe turns an outline of bands+1 points, of which the first and the last lie
// on the axis, about the z axis in so many segments.
func Lathe(p Profile, bands, segments int) Mesh {
	at := turned(p, segments)
	return Mesh{2 * segments * (bands - 1), func(yield func(Triangle) bool) {
		for i := range bands {
			for j := range segments {
				a, b, c, d := at(i, j), at(i, j+1), at(i+1, j+1), at(i+1, j)
				if i > 0 && !yield(Triangle{a, b, c}) || i < bands-1 && !yield(Triangle{a, c, d}) {
					return
				}
			}
		}
	}}
}

// Torus is a ring of 2·rings·segments triangles about the z axis: major is the
// distance from the axis to the middle of the tube, minor the tube's radius.
func Torus(major, minor float64, rings, segments int) Mesh {
	at := turned(TorusProfile(major, minor, rings), segments)
	return Grid(rings, segments, at)
}

// TorusProfile is the outline of Torus: a closed circle of so many points.
func TorusProfile(major, minor float64, points int) Profile {
	return func(i int) (float64, float64) {
		sin, cos := math.Sincos(2 * math.Pi * float64(i%points) / float64(points))
		return major + minor*cos, minor * sin
	}
}

// Grid is a closed sheet of rows by columns squares, whose last row meets the
// first and whose last column meets the first: a torus of any form. Corners are
// asked for with row and column below rows and columns.
func Grid(rows, columns int, at func(row, column int) Point) Mesh {
	return Mesh{2 * rows * columns, func(yield func(Triangle) bool) {
		for i := range rows {
			for j := range columns {
				k, l := (i+1)%rows, (j+1)%columns
				a, b, c, d := at(i, j), at(i, l), at(k, l), at(k, j)
				if !yield(Triangle{a, b, c}) || !yield(Triangle{a, c, d}) {
					return
				}
			}
		}
	}}
}

func turned(p Profile, segments int) func(i, j int) Point {
	return func(i, j int) Point {
		radius, height := p(i)
		sin, cos := math.Sincos(2 * math.Pi * float64(j%segments) / float64(segments))
		return Point{float32(radius * cos), float32(radius * sin), float32(height)}
	}
}
