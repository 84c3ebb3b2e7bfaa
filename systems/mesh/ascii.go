package mesh

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
)

// readASCII turns text into the records of binary STL, so that all that follows
// is the same for both forms:
//
//	solid name
//	  facet normal x y z
//	    outer loop
//	      vertex x y z
//	      vertex x y z
//	      vertex x y z
//	    endloop
//	  endfacet
//	endsolid name
func readASCII(src *source, p *pipeline, lim Limits) error {
	w := &words{src: src, line: 1}
	out := &recordWriter{p: p, most: lim.MaxTriangles}
	err := readSolids(w, out)
	out.flush()
	if errors.Is(err, errEnd) {
		return refuse(Truncated, "the text ends after %d triangles without endsolid; export or upload it again", out.total)
	}
	return err
}

func readSolids(w *words, out *recordWriter) error {
	if err := w.skipMark(); err != nil {
		return err
	}
	for {
		word, err := w.next()
		if errors.Is(err, errEnd) && out.solids > 0 {
			return nil
		}
		switch {
		case err != nil:
			return err
		case is(word, "solid"):
		case out.solids > 0:
			return refuse(TrailingData, "the text goes on after endsolid in line %d; remove what follows", w.line)
		default:
			return w.expected("solid")
		}
		if err := readSolid(w, out); err != nil {
			return err
		}
		out.solids++
	}
}

func readSolid(w *words, out *recordWriter) error {
	if err := w.skipLine(); err != nil { // its name
		return err
	}
	for {
		word, err := w.next()
		switch {
		case err != nil:
			return err
		case is(word, "endsolid"):
			if err := w.skipLine(); !errors.Is(err, errEnd) {
				return err
			}
			return nil
		case !is(word, "facet"):
			return w.expected("facet or endsolid")
		}
		record, err := out.next()
		if err != nil {
			return err
		}
		if err := readFacet(w, record); err != nil {
			return err
		}
		out.keep()
	}
}

func readFacet(w *words, record []byte) error {
	if err := w.expect("normal"); err != nil {
		return err
	}
	for range 3 { // whatever it is: some programs write "-nan(ind)"
		if _, err := w.next(); err != nil {
			return err
		}
	}
	if err := w.expect("outer", "loop"); err != nil {
		return err
	}
	at := record[cornersAt:]
	for range 3 {
		if err := w.expect("vertex"); err != nil {
			return err
		}
		for range 3 {
			v, err := w.number()
			if err != nil {
				return err
			}
			binary.LittleEndian.PutUint32(at, math.Float32bits(v))
			at = at[4:]
		}
	}
	return w.expect("endloop", "endfacet")
}

// number is the next word as the float32 that binary STL would hold. What is too
// large for one is infinite, and refused with what is infinite in binary STL.
func (w *words) number() (float32, error) {
	word, err := w.next()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(string(word), 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, w.expected("a number with a decimal point")
	}
	return float32(v), nil
}

// recordWriter fills batches with records.
type recordWriter struct {
	p      *pipeline
	b      *batch
	n      int   // in b
	total  int64 // in all
	most   int64
	solids int
}

// next is the place for one more record, which counts once it is kept.
func (o *recordWriter) next() ([]byte, error) {
	if o.total == o.most {
		return nil, tooMany(Limits{MaxTriangles: o.most})
	}
	if o.b == nil {
		b, err := o.p.next()
		if err != nil {
			return nil, err
		}
		o.b, o.n = b, 0
	}
	return o.b.buffer[o.n*recordBytes:][:recordBytes], nil
}

func (o *recordWriter) keep() {
	o.total++
	if o.n++; o.n == batchTriangles {
		o.flush()
	}
}

func (o *recordWriter) flush() {
	if o.b != nil {
		o.p.send(o.b, o.n)
		o.b = nil
	}
}
