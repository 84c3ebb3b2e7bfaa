package mesh

import (
	"math/bits"
	"math/rand/v2"
)

// vertexTable numbers vertices in the order in which they come. It is a hash
// table with open addressing: a slot holds the vertex's number and four bits of
// its hash, so that most of the vertices that are not the one sought need not be
// looked at. The hash is keyed at random, so that no file can be made slow.
type vertexTable struct {
	points paged[[3]uint32] // coordinates as float32 bits
	slots  []uint32         // 0 when free, or tag and number+1
	key    [2]uint64
}

const (
	tagBits  = 4
	tagShift = 32 - tagBits
	slotMask = 1<<tagShift - 1
)

func newVertexTable() *vertexTable {
	return &vertexTable{slots: make([]uint32, 1<<10), key: [2]uint64{rand.Uint64(), rand.Uint64()}}
}

// weld is the stage that finds the vertices of a batch's triangles.
func (t *vertexTable) weld(b *batch) error {
	n := len(b.records) / recordBytes
	if cap(b.vertices) < n {
		b.vertices = make([][3]uint32, batchTriangles)
	}
	b.vertices = b.vertices[:n]
	records := b.records
	for i := range b.vertices {
		record := records[:recordBytes:recordBytes]
		b.vertices[i] = [3]uint32{
			t.number([3]uint32{plusZero(bitsAt(record, 0)), plusZero(bitsAt(record, 1)), plusZero(bitsAt(record, 2))}),
			t.number([3]uint32{plusZero(bitsAt(record, 3)), plusZero(bitsAt(record, 4)), plusZero(bitsAt(record, 5))}),
			t.number([3]uint32{plusZero(bitsAt(record, 6)), plusZero(bitsAt(record, 7)), plusZero(bitsAt(record, 8))}),
		}
		records = records[recordBytes:]
	}
	return nil
}

func plusZero(b uint32) uint32 {
	if b == 1<<31 {
		return 0
	}
	return b
}

func (t *vertexTable) number(p [3]uint32) uint32 {
	h := t.hash(p)
	tag := uint32(h>>(64-tagBits)) << tagShift
	last := uint64(len(t.slots) - 1)
	for i := h & last; ; i = (i + 1) & last {
		slot := t.slots[i]
		if slot == 0 {
			n := t.points.append(p)
			t.slots[i] = tag | (n + 1)
			t.growWhenFull()
			return n
		}
		if slot&^slotMask == tag {
			if n := slot&slotMask - 1; *t.points.at(n) == p {
				return n
			}
		}
	}
}

// hash folds the 128-bit product of the keyed halves, as wyhash does.
func (t *vertexTable) hash(p [3]uint32) uint64 {
	hi, lo := bits.Mul64(uint64(p[0])|uint64(p[1])<<32^t.key[0], uint64(p[2])^t.key[1])
	return hi ^ lo
}

// growWhenFull doubles the slots when three quarters are taken.
func (t *vertexTable) growWhenFull() {
	if uint64(t.points.len)*4 < uint64(len(t.slots))*3 {
		return
	}
	last := uint64(2*len(t.slots) - 1)
	t.slots = make([]uint32, last+1)
	for n := range t.points.len {
		h := t.hash(*t.points.at(n))
		i := h & last
		for t.slots[i] != 0 {
			i = (i + 1) & last
		}
		t.slots[i] = uint32(h>>(64-tagBits))<<tagShift | (n + 1)
	}
}
