package mesh

// edgeTable counts, for every edge, the triangles on it in each direction.
//
// An edge stands in a list at the later of its two vertices. Vertices are
// numbered as they come, so triangles that follow each other find their lists
// side by side in memory, where a hash table would scatter them. A sane mesh has
// three edges a list; what goes beyond longList is put into a map, so that a file
// made of one huge fan is not slow.
type edgeTable struct {
	lists paged[uint32] // by vertex: 0 when empty, or the number of its first edge + 1
	edges paged[edge]
	rest  map[uint64]uses // by both vertices
}

// edge is one edge of a list: its other vertex, the next edge of the list (0, or
// its number + 1) and, in the highest bits of next, its uses.
type edge struct{ other, next uint32 }

func (e *edge) uses() uses { return uses(e.next >> numberBits) }

// uses counts the triangles on an edge, in two bits those along it and in two
// those against it. Three stands for three or more.
type uses uint8

const (
	along   uses = 1
	against uses = 4
	paired       = along | against

	longList = 32
)

func (u uses) with(direction uses) uses {
	if most := 3 * direction; u&most == most {
		return u
	}
	return u + direction
}

// add is the stage that counts the edges of a batch's triangles.
func (t *edgeTable) add(b *batch) error {
	for _, v := range b.vertices {
		if v[0] == v[1] || v[1] == v[2] || v[2] == v[0] {
			continue
		}
		t.use(v[0], v[1])
		t.use(v[1], v[2])
		t.use(v[2], v[0])
	}
	return nil
}

func (t *edgeTable) use(from, to uint32) {
	if from < to {
		t.count(to, from, along)
	} else {
		t.count(from, to, against)
	}
}

func (t *edgeTable) count(later, other uint32, direction uses) {
	for t.lists.len <= later {
		t.lists.append(0)
	}
	list := t.lists.at(later)
	at := *list
	for range longList {
		if at == 0 {
			*list = t.edges.append(edge{other, *list | uint32(direction)<<numberBits}) + 1
			return
		}
		e := t.edges.at(at - 1)
		at = e.next & numberMask
		if e.other == other {
			e.next = at | uint32(e.uses().with(direction))<<numberBits
			return
		}
	}
	if t.rest == nil {
		t.rest = make(map[uint64]uses)
	}
	key := uint64(later)<<32 | uint64(other)
	t.rest[key] = t.rest[key].with(direction)
}

// faults counts the edges that do not have one triangle on either side.
func (t *edgeTable) faults(vertices *vertexTable) EdgeFaults {
	var f EdgeFaults
	var faulty uint32 // the last vertex with one
	judge := func(later uint32, u uses) {
		if u != paired {
			f.add(u)
			faulty = max(faulty, later)
		}
	}
	for later := range t.lists.len {
		for at := *t.lists.at(later); at != 0; {
			e := t.edges.at(at - 1)
			judge(later, e.uses())
			at = e.next & numberMask
		}
	}
	for key, u := range t.rest {
		judge(uint32(key>>32), u)
	}
	if f != (EdgeFaults{}) {
		f.At = vertices.position(faulty)
	}
	return f
}

func (f *EdgeFaults) add(u uses) {
	switch n := u&3 + u>>2; {
	case n == 1:
		f.Open++
	case n > 2:
		f.NonManifold++
	default:
		f.Flipped++
	}
}
