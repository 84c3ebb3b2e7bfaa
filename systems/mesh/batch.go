package mesh

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"
)

const (
	recordBytes    = 50   // a triangle in binary STL
	cornersAt      = 12   // where its corners begin, after the normal
	batchTriangles = 2048 // 100 KiB: fits a processor's own cache
	batchCount     = 12
)

// batch is a run of triangles on its way through the stages.
type batch struct {
	records  []byte      // as in binary STL, whichever form was read
	vertices [][3]uint32 // the corners' vertices, once welded
	buffer   [batchTriangles * recordBytes]byte
}

// stage does one part of the work on a batch.
type stage func(*batch) error

// pipeline runs each stage on a goroutine of its own; batches pass through them
// in the order in which they were submitted.
type pipeline struct {
	free   chan *batch
	submit chan *batch
	failed atomic.Pointer[error]
	done   sync.WaitGroup
	made   int // batches
}

func newPipeline(stages ...stage) *pipeline {
	p := &pipeline{free: make(chan *batch, batchCount), submit: make(chan *batch, batchCount)}
	in := p.submit
	for i, work := range stages {
		out := p.free
		if i < len(stages)-1 {
			out = make(chan *batch, batchCount)
		}
		p.start(work, in, out)
		in = out
	}
	return p
}

func (p *pipeline) start(work stage, in, out chan *batch) {
	p.done.Go(func() {
		for b := range in {
			if p.err() == nil {
				if err := work(b); err != nil {
					p.failed.CompareAndSwap(nil, &err)
				}
			}
			out <- b
		}
		if out != p.free {
			close(out)
		}
	})
}

// next is an empty batch to fill, or what a stage has found.
func (p *pipeline) next() (*batch, error) {
	select {
	case b := <-p.free:
		return b, p.err()
	default:
	}
	if p.made < batchCount {
		p.made++
		return new(batch), p.err()
	}
	return <-p.free, p.err()
}

func (p *pipeline) err() error {
	if err := p.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// send submits the first n triangles of the batch.
func (p *pipeline) send(b *batch, n int) {
	b.records = b.buffer[:n*recordBytes]
	p.submit <- b
}

// wait lets the stages finish what was submitted.
func (p *pipeline) wait() error {
	close(p.submit)
	p.done.Wait()
	return p.err()
}

// bitsAt is coordinate i, 0 to 8, of the triangle in record.
func bitsAt(record []byte, i int) uint32 {
	return binary.LittleEndian.Uint32(record[cornersAt+4*i:])
}

func coordAt(record []byte, i int) float32 { return math.Float32frombits(bitsAt(record, i)) }
