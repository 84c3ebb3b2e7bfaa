package tracing

import (
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// NewInterceptor returns the interceptor for a Temporal client and its workers.
func NewInterceptor(p trace.TracerProvider) (interceptor.Interceptor, error) {
	return opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer:                  p.Tracer("ordertrace/tracing"),
		TextMapPropagator:       Propagator,
		DisableBaggage:          true,
		DisableQueryTracing:     true,
		AllowInvalidParentSpans: true,
	})
}

// TraceID is the trace of the workflow that ctx runs in.
func TraceID(ctx workflow.Context) trace.TraceID {
	span, _ := opentelemetry.SpanFromWorkflowContext(ctx)
	return span.SpanContext().TraceID()
}
