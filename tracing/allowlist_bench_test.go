package tracing

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

type nowhere struct{}

func (nowhere) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (nowhere) Shutdown(context.Context) error                             { return nil }

// BenchmarkAllowList takes the 200 spans of an order through the list: a quarter
// requests, which always lose something, a half statements, the rest our own.
func BenchmarkAllowList(b *testing.B) {
	r := resource.NewSchemaless(attribute.String("service.name", "shop"), attribute.String("service.version", "v1"))
	spans := make([]sdktrace.ReadOnlySpan, 200)
	for i := range spans {
		var s tracetest.SpanStub
		switch i % 4 {
		case 0:
			s = request("url.scheme", "http", "url.path", "/orders/o/stages/SHIPPED", "server.address", "127.0.0.1", "server.port", 80,
				"network.peer.address", "127.0.0.1", "network.peer.port", 4711, "user_agent.original", "Go", "client.address", "127.0.0.1", "network.protocol.version", "1.1")
		case 1, 2:
			s = fromScope("INSERT orders", sqlScope)
			s.SpanKind = trace.SpanKindClient
			s.Attributes = attrs("db.system.name", "sqlite", "db.query.text", "INSERT INTO orders (order_id, stage, facts, created_at, updated_at) VALUES ($1, $2, '{}', $3, $3) ON CONFLICT (order_id) DO NOTHING")
		default:
			s = fromScope("await SHIPPED", temporalScope)
			s.Attributes = own(firstRun, KeyStage.String("SHIPPED"), KeyAwaited.String("operator"))
		}
		s.Resource = r
		spans[i] = s.Snapshot()
	}
	list := allowList{SpanExporter: nowhere{}}
	b.ReportAllocs()
	for b.Loop() {
		if err := list.ExportSpans(b.Context(), spans); err != nil {
			b.Fatal(err)
		}
	}
}
