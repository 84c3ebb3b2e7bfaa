package tracing

import (
	"context"
	"crypto/sha256"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// headerKey is where every Temporal SDK keeps trace context.
const headerKey = "_tracer-data"

// SpanContextOf reads the trace context of a Temporal header; invalid where
// there is none, or none that can be read.
func SpanContextOf(fields map[string]*commonpb.Payload) trace.SpanContext {
	var carrier propagation.MapCarrier
	payload := fields[headerKey]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &carrier) != nil {
		return trace.SpanContext{}
	}
	return trace.SpanContextFromContext(Propagator.Extract(context.Background(), carrier))
}

// TraceOf is the trace of a workflow: its starter's, if the start carried one,
// else derived, so that anyone with the facts arrives at the same.
func TraceOf(header map[string]*commonpb.Payload, namespace, workflowID, firstRunID string) trace.TraceID {
	if sc := SpanContextOf(header); sc.IsValid() {
		return sc.TraceID()
	}
	var id trace.TraceID
	copy(id[:], digest("trace", namespace, workflowID, firstRunID))
	return id
}

// digest hashes facts. Their lengths are kept apart, so that distinct facts
// never run together.
func digest(facts ...string) []byte {
	h := sha256.New()
	for _, f := range facts {
		h.Write([]byte(strings.ReplaceAll(f, "\x00", "\x00\x01")))
		h.Write([]byte{0, 0})
	}
	return h.Sum(nil)
}
