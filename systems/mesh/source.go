package mesh

import (
	"fmt"
	"io"
)

// headBytes is what the form of a file is decided on.
const headBytes = 4096

// source is the file's bytes, with its size where known.
type source struct {
	r     io.Reader
	size  int64 // -1 when unknown
	read  int64
	head  []byte // read ahead by peek
	err   error  // what ended r, io.EOF included
	ended bool   // by io.EOF itself, which a wrapped one is not
}

// peek is the head of the file. A file that ends in its head has a known size.
func (s *source) peek() ([]byte, error) {
	head := make([]byte, headBytes)
	n, err := s.fill(head)
	if err != nil {
		return nil, err
	}
	s.head = head[:n]
	if n < headBytes && s.size < 0 {
		s.size = int64(n)
	}
	return s.head, nil
}

// fill reads until buf is full, and less only at the end of the file. Errors are
// those of r, wrapped.
func (s *source) fill(buf []byte) (int, error) {
	n := copy(buf, s.head)
	s.head = s.head[n:]
	for idle := 0; n < len(buf) && s.err == nil; {
		m, err := s.r.Read(buf[n:])
		n, s.read, s.err, s.ended = n+m, s.read+int64(m), err, err == io.EOF
		if idle++; m > 0 {
			idle = 0
		} else if idle > 100 {
			s.err = io.ErrNoProgress
		}
	}
	switch {
	case n == len(buf):
		return n, nil
	case !s.ended:
		return n, fmt.Errorf("read mesh: %w", s.err)
	case s.read < s.size:
		return n, fmt.Errorf("read mesh: %d of %d bytes: %w", s.read, s.size, io.ErrUnexpectedEOF)
	}
	return n, nil
}

// atEnd says whether all has been read. It also lets a reader that verifies what
// it delivers speak at its end.
func (s *source) atEnd() (bool, error) {
	n, err := s.fill(make([]byte, 1))
	return n == 0, err
}
