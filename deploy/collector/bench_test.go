package collector

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// What the wall and the queue on disk cost, by leaving them out.
const (
	withoutWall = "service: {pipelines: {traces: {processors: [memory_limiter]}}}"
	withoutDisk = "exporters: {otlp_grpc/jaeger: {sending_queue: {storage: null, sizer: requests, queue_size: 100000}}}"
)

// BenchmarkCollector is how many spans a second pass one collector to a receiver
// that keeps up, sent by four senders in requests of 50. The metric of-bare is the
// part that is left of what passes with neither wall nor disk.
func BenchmarkCollector(b *testing.B) {
	var bare float64
	for _, bc := range []struct {
		name    string
		without []string
	}{
		{"bare", []string{withoutWall, withoutDisk}},
		{"wall", []string{withoutDisk}},
		{"disk", []string{withoutWall}},
		{"wall and disk", nil},
	} {
		b.Run(bc.name, func(b *testing.B) {
			receiver := startReceiver(b)
			args := []string{feature, "--config", "config.yaml"}
			for _, without := range bc.without {
				args = append(args, "--config", "yaml:"+without)
			}
			c := newCollector(b, receiver.address, args...)
			c.start(b)
			rate := pass(b, c, receiver)
			if bare == 0 {
				bare = rate
			}
			b.ReportMetric(rate, "spans/s")
			b.ReportMetric(rate/bare, "of-bare")
		})
	}
}

// pass returns how many spans passed a second.
func pass(b *testing.B, c *collector, receiver *receiver) float64 {
	const clients, requests, size = 4, 100, 50
	for b.Loop() {
		receiver.forget()
		var all sync.WaitGroup
		for range clients {
			services := c.sender(b, ownServices)
			all.Go(func() {
				for range requests {
					if err := services.send(b.Context(), asked(temporalScope, attempts(size)...)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		require.False(b, b.Failed())
		receiver.until(b, "every span", func() bool { return len(receiver.got) >= clients*requests })
	}
	return float64(b.N*clients*requests*size) / b.Elapsed().Seconds()
}

func attempts(count int) []*tracepb.Span {
	spans := make([]*tracepb.Span, count)
	for i := range spans {
		spans[i] = span("PRICE_CALCULATED", tracepb.Span_SPAN_KIND_INTERNAL, ofAttempt...)
	}
	return spans
}

var ofAttempt = []*commonpb.KeyValue{
	text("temporalWorkflowID", "ord-261123-k7q2xw"), text("temporalRunID", runID), text("temporalActivityID", "5"),
	whole("temporalAttempt", 2), text("order.stage", "PRICE_CALCULATED"),
}
