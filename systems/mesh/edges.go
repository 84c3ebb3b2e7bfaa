package mesh

import "math"

// edgeTable counts, for every edge, the triangles on it in each direction.
//
// An edge is kept in a list at the later of its two vertices. Vertices are
// numbered as they come, so triangles that follow each other find their lists
// side by side in memory, where a hash table would scatter them. A list is short
// in any sane mesh (3 edges on average); what goes beyond longList is put into a
// map, so that a file made of one huge fan is not slow.
type edgeTable struct {
	lists paged[edgeList] // by vertex
	edges paged[edge]
	rest  map[uint64]uses // by both vertices: those beyond longList
}

// edgeList is 0 when empty, or the number of its first edge + 1.
type edgeList uint32

// edge is one edge of a list: its other vertex, the next edge of the list (as in
// edgeList) and, in the four highest bits of next, its uses.
type edge struct{ other, next uint32 }

// uses counts the triangles on an edge, in two bits along it and in two against
// it. Three stands for three or more.
type uses uint8

const (
	longList = 32
	along    = uses(1)
	against  = uses(4)
	paired   = along | against
)

func (u uses) with(direction uses) uses {
	if u&(3*direction) == 3*direction {
		return u
	}
	return u + direction
}

func (u uses) split() (along, against uses) { return u & 3, u >> 2 }

// add is the stage that counts the edges of a batch's triangles.
func (t *edgeTable) add(b *batch) error {
	for _, v := range b.vertices {
		if v[0] == v[1] || v[1] == v[2] || v[2] == v[0] {
			continue
		}
		t.count(v[0], v[1])
		t.count(v[1], v[2])
		t.count(v[2], v[0])
	}
	return nil
}

func (t *edgeTable) count(from, to uint32) {
	if from < to {
		t.use(to, from, along)
	} else {
		t.use(from, to, against)
	}
}

func (t *edgeTable) use(owner, other uint32, direction uses) {
	for t.lists.len <= owner {
		t.lists.append(0)
	}
	list := t.lists.at(owner)
	at := uint32(*list)
	for range longList {
		if at == 0 {
			*list = edgeList(t.edges.append(edge{other, uint32(*list) | uint32(direction)<<tagShift}) + 1)
			return
		}
		e := t.edges.at(at - 1)
		if e.other == other {
			e.next = e.next&slotMask | uint32(uses(e.next>>tagShift).with(direction))<<tagShift
			return
		}
		at = e.next & slotMask
	}
	if t.rest == nil {
		t.rest = make(map[uint64]uses)
	}
	key := uint64(owner)<<32 | uint64(other)
	t.rest[key] = t.rest[key].with(direction)
}

// faults counts the edges that do not have one triangle on either side.
func (t *edgeTable) faults(points *vertexTable) EdgeFaults {
	var f EdgeFaults
	var last uint32 // vertex with a fault
	for owner := range t.lists.len {
		for at := uint32(*t.lists.at(owner)); at != 0; {
			e := t.edges.at(at - 1)
			if u := uses(e.next >> tagShift); u != paired {
				f.add(u)
				last = owner
			}
			at = e.next & slotMask
		}
	}
	for key, u := range t.rest {
		if u != paired {
			f.add(u)
			last = max(last, uint32(key>>32))
		}
	}
	if f != (EdgeFaults{}) {
		f.At = points.position(last)
	}
	return f
}

func (f *EdgeFaults) add(u uses) {
	along, against := u.split()
	switch {
	case along+against == 1:
		f.Open++
	case along+against > 2:
		f.NonManifold++
	default:
		f.Flipped++
	}
}

func (t *vertexTable) position(n uint32) [3]float64 {
	var at [3]float64
	for i, b := range t.points.at(n) {
		at[i] = float64(math.Float32frombits(b))
	}
	return at
}
