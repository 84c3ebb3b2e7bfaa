package mesh

// readBinary sends the records as they are. Nothing is allocated by the count,
// which need not be true.
func readBinary(src *source, p *pipeline) error {
	var header [headerBytes]byte
	if _, err := src.fill(header[:]); err != nil {
		return err
	}
	count := announced(header[:])
	for sent := int64(0); sent < count; {
		b, err := p.next()
		if err != nil {
			return err
		}
		want := int(min(count-sent, batchTriangles) * recordBytes)
		n, err := src.fill(b.buffer[:want])
		whole := n / recordBytes
		sent += int64(whole)
		p.send(b, whole)
		if err != nil {
			return err
		}
		if n < want {
			return truncated(count, sent)
		}
	}
	end, err := src.atEnd()
	if err == nil && !end {
		err = trailing(count)
	}
	return err
}
