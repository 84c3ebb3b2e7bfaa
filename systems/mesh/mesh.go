// Package mesh reads an STL file as a stream and tells whether it bounds a
// solid, and how large that solid is. The shop checks a file when it is
// uploaded; the MES measures it when it prices an order.
//
// # The format
//
// STL has two forms. The binary one is an 80-byte header, a little-endian
// uint32 count and 50 bytes a triangle: a normal, three corners (each three
// float32) and two bytes of attributes. The ASCII one begins with "solid", but
// so do some binary files, so the size decides: a file of 84 + 50·count bytes is
// binary. Normals and attributes are ignored, since many programs write them
// wrong. STL has no units; lengths are taken as millimetres.
//
// In ASCII files letter case, white space, line ends, names, normals and the
// number of solids are free; the order of the words is not.
//
// # What is closed
//
// Corners with the very same coordinates are one vertex (-0 is 0). A mesh is
// closed when every edge belongs to exactly two triangles which run along it in
// opposite directions. A triangle with two corners in one vertex has no area and
// its neighbours meet along it, so it counts as a triangle but bounds nothing.
//
// A mesh may have several bodies, and cavities, which face inward. Bodies that
// overlap are not found, and what they share is counted twice.
//
// A mesh that is inside out is refused, although turning it over would be easy:
// it may as well be a cavity that has lost its outer wall, and then its volume is
// that of the hole and not of the metal to be paid for. The designer can tell,
// and turns all normals with one click.
package mesh

import "io"

// Format is the form of an STL file.
type Format string

// The two forms of STL.
const (
	Binary Format = "binary"
	ASCII  Format = "ascii"
)

// Report is what is known of a file that has been read to its end.
type Report struct {
	Format     Format
	Triangles  int64      // degenerate ones included
	VolumeMM3  float64    // mm³, above zero
	SurfaceMM2 float64    // mm², all walls, inner ones too
	Min, Max   [3]float64 // corners of the bounding box, mm
}

// Size is the length of the bounding box along each axis, in mm.
func (r Report) Size() [3]float64 {
	var size [3]float64
	for i := range size {
		size[i] = r.Max[i] - r.Min[i]
	}
	return size
}

// Check reads an STL file from r, makes sure that its mesh is closed, and
// measures it, in one pass. It needs about 25 bytes of memory a triangle, and up
// to 100 when few triangles share a vertex.
//
// Size is the length of the file in bytes, or -1 when it is unknown; the form is
// then decided on the first 4 KiB, and the count of a binary file checked at its
// end.
//
// The error is an *Error when the file is at fault and a better file is needed.
// Any other error comes from r, or says that r ended before size
// (io.ErrUnexpectedEOF): reading the same file again may well succeed. With an
// error, Report is zero.
//
// Only the calling goroutine reads r, and no goroutine is left behind. To cancel
// the call or to follow its progress, wrap r (see the example); about 1 MiB is
// read ahead of the work.
func Check(r io.Reader, size int64, lim Limits) (Report, error) {
	var (
		sums  measure
		verts = newVertexTable()
		edges edgeTable
	)
	format, err := scan(r, size, lim, sums.add, verts.weld, edges.add)
	if err != nil {
		return Report{}, err
	}
	if faults := edges.faults(verts); faults != (EdgeFaults{}) {
		return Report{}, edgeError(faults)
	}
	return judge(format, &sums, lim)
}

// Measure is Check without the closedness: for a file that has passed it before.
// It needs 2 MiB of memory however long the file is. The volume of an open mesh
// is meaningless.
func Measure(r io.Reader, size int64, lim Limits) (Report, error) {
	var sums measure
	format, err := scan(r, size, lim, sums.add)
	if err != nil {
		return Report{}, err
	}
	return judge(format, &sums, lim)
}
