package mesh

import (
	"bytes"
	"encoding/binary"
	"math"
)

// headerBytes is the header of binary STL and the count after it.
const headerBytes = 84

// detect decides between the two forms, and refuses what can be refused on the
// head of the file and its size.
func detect(head []byte, size int64, lim Limits) (Format, error) {
	if size == 0 {
		return "", refuse(Empty, "the file is empty; export the model again")
	}
	count := announced(head)
	if count < 0 || headerBytes+count*recordBytes != size {
		switch {
		case looksASCII(head):
			return ASCII, nil
		case count < 0 || !looksBinary(head):
			return "", refuse(NotSTL, "the file is not STL; export the model as STL, binary or ASCII")
		case size >= 0 && size < headerBytes+count*recordBytes:
			return "", truncated(count, (size-headerBytes)/recordBytes)
		case size >= 0:
			return "", trailing(count)
		}
	}
	switch {
	case count == 0:
		return "", refuse(Empty, "the file has no triangles; export the model again")
	case count > lim.MaxTriangles:
		return "", tooMany(lim)
	}
	return Binary, nil
}

func truncated(announced, held int64) error {
	return refuse(Truncated, "the file announces %d triangles and holds %d; export or upload it again", announced, held)
}

func trailing(announced int64) error {
	return refuse(TrailingData, "the file goes on after the %d triangles that it announces; export it again", announced)
}

func tooMany(lim Limits) error {
	return refuse(TooManyTriangles, "the file has more than %d triangles; export it with a coarser mesh", lim.MaxTriangles)
}

// announced is the count in the header of binary STL, -1 when the head is too
// short to have one.
func announced(head []byte) int64 {
	if len(head) < headerBytes {
		return -1
	}
	return int64(binary.LittleEndian.Uint32(head[headerBytes-4:]))
}

// looksASCII tells text that begins with "solid" from a binary header that does:
// the count of a binary file below 16 million triangles has a zero byte.
func looksASCII(head []byte) bool {
	const solid = "solid"
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte(byteOrderMark)), whiteSpace)
	return len(text) >= len(solid) && bytes.EqualFold(text[:len(solid)], []byte(solid)) &&
		bytes.IndexByte(head, 0) < 0
}

// looksBinary tells binary STL with a wrong count, or of unknown size, from a
// file of another kind. No text has a count as low as 150 million, and what is
// neither text nor STL has numbers of all magnitudes. What is not a number is
// left to be refused as that.
func looksBinary(head []byte) bool {
	if announced(head) >= '\t'<<24 {
		return false
	}
	for records := head[headerBytes:]; len(records) >= recordBytes; records = records[recordBytes:] {
		for numbers := records[:12*4]; len(numbers) > 0; numbers = numbers[4:] {
			v := math.Abs(float64(math.Float32frombits(binary.LittleEndian.Uint32(numbers))))
			if 0 < v && v < 1e-18 || 1e9 < v && v <= math.MaxFloat32 {
				return false
			}
		}
	}
	return true
}
