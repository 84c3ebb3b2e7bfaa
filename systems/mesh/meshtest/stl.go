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
	head := make([]byte, 80, 84)
	copy(head, header)
	if _, err := out.Write(binary.LittleEndian.AppendUint32(head, uint32(m.Count))); err != nil {
		return err
	}
	var record []byte
	for t := range m.Triangles {
		record = append(record[:0], make([]byte, 12)...)
		for _, p := range t {
			for _, v := range p {
				record = binary.LittleEndian.AppendUint32(record, math.Float32bits(v))
			}
		}
		if _, err := out.Write(append(record, 0, 0)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteASCII writes m as ASCII STL, with as many digits as bring back the very
// same numbers. Normals are zero.
func WriteASCII(w io.Writer, name string, m Mesh) error {
	out := bufio.NewWriterSize(w, 1<<16)
	text := []byte("solid " + name + "\n")
	for t := range m.Triangles {
		text = append(text, "  facet normal 0 0 0\n    outer loop\n"...)
		for _, p := range t {
			text = append(text, "      vertex"...)
			for _, v := range p {
				text = strconv.AppendFloat(append(text, ' '), float64(v), 'g', -1, 32)
			}
			text = append(text, '\n')
		}
		text = append(text, "    endloop\n  endfacet\n"...)
		if _, err := out.Write(text); err != nil {
			return err
		}
		text = text[:0]
	}
	if _, err := out.Write(append(text, "endsolid "+name+"\n"...)); err != nil {
		return err
	}
	return out.Flush()
}
