package mesh

import (
	"io"
)

// scan reads r to its end and sends its triangles through the stages.
func scan(r io.Reader, size int64, lim Limits, stages ...stage) (format Format, err error) {
	lim = lim.withDefaults()
	src := &source{r: r, size: size}
	head, err := src.peek()
	if err != nil {
		return "", err
	}
	format, err = detect(head, src.size, lim)
	if err != nil {
		return "", err
	}
	p := newPipeline(stages...)
	defer func() {
		// What a stage found stands before what the reader met further on.
		if failed := p.wait(); failed != nil {
			err = failed
		}
	}()
	if format == Binary {
		return format, readBinary(src, p)
	}
	return format, readASCII(src, p, lim)
}
