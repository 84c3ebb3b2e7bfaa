package mesh

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// vertex is a point as the bits of its float32 coordinates, with -0 made +0, so
// that equal points have equal bits.
type vertex struct{ x, y, z uint32 }

func vertexAt(record []byte, corner int) vertex {
	i := 3 * corner
	return vertex{plusZero(bitsAt(record, i)), plusZero(bitsAt(record, i+1)), plusZero(bitsAt(record, i+2))}
}

func plusZero(b uint32) uint32 {
	if b == 1<<31 {
		return 0
	}
	return b
}

// vertexTable numbers vertices in the order in which they come. It is a hash
// table with open addressing: a slot holds a vertex's number and four bits of
// its hash, so that most of the vertices that are not the one sought need not be
// looked at. The hash is keyed at random, so that no file can be made slow.
//
// A vertex of six triangles, of which most follow each other, is mostly found
// among the recent ones, which stay in the processor's cache.
type vertexTable struct {
	known  paged[vertex]
	slots  []uint32 // 0 when free, or tag and number+1
	recent [1 << recentBits]recentVertex
	key    [2]uint64
	warmed uint32
}

type recentVertex struct {
	vertex
	number uint32 // +1, 0 when free
}

const (
	numberBits = 28
	numberMask = 1<<numberBits - 1
	recentBits = 12
)

func newVertexTable() *vertexTable {
	return &vertexTable{slots: make([]uint32, 1<<10), key: [2]uint64{rand.Uint64(), rand.Uint64()}}
}

// weld is the stage that finds the vertices of a batch's triangles.
func (t *vertexTable) weld(b *batch) error {
	n := len(b.records) / recordBytes
	if b.vertices == nil {
		b.vertices = make([][3]uint32, batchTriangles)
	}
	b.vertices = b.vertices[:n]
	for at := 0; at < n; at += weldTogether {
		end := min(at+weldTogether, n)
		t.weldGroup(b.vertices[at:end], b.records[at*recordBytes:end*recordBytes])
	}
	return nil
}

// weldTogether is the number of triangles whose slots are fetched from memory at
// the same time, rather than waited for one after the other.
const weldTogether = 32

func (t *vertexTable) weldGroup(numbers [][3]uint32, records []byte) {
	var corners [weldTogether][3]vertex
	var hashes [weldTogether][3]uint64
	last := uint64(len(t.slots) - 1)
	var warmed uint32
	for i := range numbers {
		record := records[i*recordBytes:][:recordBytes]
		for j := range 3 {
			v := vertexAt(record, j)
			h := t.hash(v)
			corners[i][j], hashes[i][j] = v, h
			warmed |= t.slots[h&last]
		}
	}
	t.warmed = warmed // or the compiler would leave the reading out
	for i := range numbers {
		for j := range 3 {
			numbers[i][j] = t.number(&corners[i][j], hashes[i][j])
		}
	}
}

func (t *vertexTable) number(v *vertex, h uint64) uint32 {
	recent := &t.recent[h>>(64-recentBits)]
	if recent.vertex == *v && recent.number != 0 {
		return recent.number - 1
	}
	n := t.seek(v, h)
	*recent = recentVertex{*v, n + 1}
	return n
}

func (t *vertexTable) seek(v *vertex, h uint64) uint32 {
	tag := tagOf(h)
	last := uint64(len(t.slots) - 1)
	for i := h & last; ; i = (i + 1) & last {
		slot := t.slots[i]
		if slot == 0 {
			n := t.known.append(*v)
			t.slots[i] = tag | (n + 1)
			t.growWhenFull()
			return n
		}
		if slot&^numberMask == tag {
			if n := slot&numberMask - 1; *t.known.at(n) == *v {
				return n
			}
		}
	}
}

// hash folds the 128-bit product of the keyed halves, as wyhash does.
func (t *vertexTable) hash(v vertex) uint64 {
	hi, lo := bits.Mul64(uint64(v.x)|uint64(v.y)<<32^t.key[0], uint64(v.z)^t.key[1])
	return hi ^ lo
}

// tagOf takes bits that choose neither the slot nor the place among the recent.
func tagOf(h uint64) uint32 { return uint32(h>>(64-recentBits-32)) &^ numberMask }

// growWhenFull doubles the slots when three quarters are taken.
func (t *vertexTable) growWhenFull() {
	if uint64(t.known.len)*4 < uint64(len(t.slots))*3 {
		return
	}
	last := uint64(2*len(t.slots) - 1)
	t.slots = make([]uint32, last+1)
	for n := range t.known.len {
		h := t.hash(*t.known.at(n))
		i := h & last
		for t.slots[i] != 0 {
			i = (i + 1) & last
		}
		t.slots[i] = tagOf(h) | (n + 1)
	}
}

// position is a vertex in mm.
func (t *vertexTable) position(number uint32) [3]float64 {
	v := t.known.at(number)
	mm := func(b uint32) float64 { return float64(math.Float32frombits(b)) }
	return [3]float64{mm(v.x), mm(v.y), mm(v.z)}
}
