package mesh

// paged is a list that grows by whole pages: nothing is copied, and no more than
// one page stands unused.
type paged[T any] struct {
	pages []*[pageLen]T
	len   uint32
}

const (
	pageBits = 14
	pageLen  = 1 << pageBits
)

func (l *paged[T]) at(i uint32) *T { return &l.pages[i>>pageBits][i&(pageLen-1)] }

func (l *paged[T]) append(v T) uint32 {
	i := l.len
	if i>>pageBits == uint32(len(l.pages)) {
		l.pages = append(l.pages, new([pageLen]T))
	}
	*l.at(i) = v
	l.len++
	return i
}
