package collector

import (
	"crypto/rand"
	"iter"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Requests and spans as they go over the wire: every field of theirs is in reach,
// and no SDK stands between.

type (
	traceID [16]byte
	request = collectorpb.ExportTraceServiceRequest
)

type spanID struct {
	trace traceID
	span  [8]byte
}

const (
	temporalScope = "ordertrace/tracing"
	httpScope     = "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sqlScope      = "github.com/XSAM/otelsql"
	pricingScope  = "ordertrace/systems/mes"
	starterScope  = "ordertrace/starter"

	schema = "https://opentelemetry.io/schemas/1.37.0"
)

// span is one of a new trace.
func span(name string, kind tracepb.Span_SpanKind, attributes ...*commonpb.KeyValue) *tracepb.Span {
	const start = 1_795_000_000_123_456_789
	return &tracepb.Span{
		TraceId: random(16), SpanId: random(8), ParentSpanId: random(8), Flags: 0x101,
		Name: name, Kind: kind, StartTimeUnixNano: start, EndTimeUnixNano: start + 1_000_001, Attributes: attributes, Status: new(tracepb.Status), // an SDK always has one
	}
}

func random(length int) []byte {
	out := make([]byte, length)
	_, _ = rand.Read(out) // never fails
	return out
}

// asked is a request with spans of one scope.
func asked(scope string, spans ...*tracepb.Span) *request {
	return &request{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", "mes")}},
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: scope}, Spans: spans}},
	}}}
}

func first(r *request) *tracepb.Span         { return r.ResourceSpans[0].ScopeSpans[0].Spans[0] }
func scopeOf(r *request) *tracepb.ScopeSpans { return r.ResourceSpans[0].ScopeSpans[0] }
func traceOf(r *request) traceID             { return traceID(first(r).TraceId) }

func ids(r *request) iter.Seq[spanID] {
	return func(yield func(spanID) bool) {
		for _, resource := range r.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					if !yield(spanID{traceID(s.TraceId), [8]byte(s.SpanId)}) {
						return
					}
				}
			}
		}
	}
}

func attribute(key string, value *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: value}
}

func text(key, value string) *commonpb.KeyValue        { return attribute(key, str(value)) }
func whole(key string, value int64) *commonpb.KeyValue { return attribute(key, integer(value)) }
func str(v string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}
}
func integer(v int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}
}
func bytesOf(v string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte(v)}}
}
func list(values ...*commonpb.AnyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: values}}}
}
func table(values ...*commonpb.KeyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: values}}}
}
