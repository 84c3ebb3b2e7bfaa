package tracing

import (
	"context"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"
)

// flusher has a provider send its spans at once, and holds nobody up. However
// often it is asked, one flush runs at a time.
type flusher struct {
	provider trace.TracerProvider
	asked    atomic.Int64 // and not served yet
}

// Urgent returns what has a provider send its spans at once, and does not wait
// for it.
func Urgent(p trace.TracerProvider) func() { return (&flusher{provider: p}).ask }

func (f *flusher) ask() {
	p, ok := f.provider.(interface{ ForceFlush(context.Context) error })
	if !ok || f.asked.Add(1) > 1 {
		return
	}
	go func() {
		for n := int64(1); n > 0; n = f.asked.Add(-n) {
			_ = p.ForceFlush(context.Background()) // ends with its exporter's own timeout
		}
	}()
}
