package meshtest

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"strconv"
)

// WriteBinary writes m as binary STL. The header is cut or filled up with zeros
// to 80 bytes; normals and attributes are zero.
func WriteBinary(w io.Writer, header string, m Mesh) error {
	out := bufio.NewWriterSize(w, 1<<16)
	var head [84]byte
	copy(head[:80], header)
	binary.LittleEndian.PutUint32(head[80:], uint32(m.Count))
	out.Write(head[:])
	var record [50]byte
	for t := range m.Triangles {
		at := record[12:]
		for _, p := range t {
			for _, v := range p {
				binary.LittleEndian.PutUint32(at, math.Float32bits(v))
				at = at[4:]
			}
		}
		if _, err := out.Write(record[:]); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteASCII writes m as ASCII STL, with as many digits as bring back the very
// same numbers. Normals are zero.
func WriteASCII(w io.Writer, name string, m Mesh) error {
	out := bufio.NewWriterSize(w, 1<<16)
	out.WriteString("solid " + name + "\n")
	var digits []byte
	for t := range m.Triangles {
		out.WriteString("  facet normal 0 0 0\n    outer loop\n")
		for _, p := range t {
			out.WriteString("      vertex")
			for _, v := range p {
				digits = strconv.AppendFloat(append(digits[:0], ' '), float64(v), 'g', -1, 32)
				out.Write(digits)
			}
			out.WriteByte('\n')
		}
		if _, err := out.WriteString("    endloop\n  endfacet\n"); err != nil {
			return err
		}
	}
	out.WriteString("endsolid " + name + "\n")
	return out.Flush()
}
