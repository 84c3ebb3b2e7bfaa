package tracing

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
)

// sharedKeys are what all processes of a deployment say alike. Whatever else a
// resource holds (host, pod, process, version…) would make the same fact, told
// by two of them, two spans.
var sharedKeys = []attribute.Key{
	semconv.ServiceNameKey, semconv.ServiceNamespaceKey, semconv.DeploymentEnvironmentNameKey, semconv.TelemetrySDKLanguageKey,
}

func sharedPart(r *resource.Resource) *resource.Resource {
	kept := slices.DeleteFunc(r.Attributes(), func(a attribute.KeyValue) bool { return !slices.Contains(sharedKeys, a.Key) })
	return resource.NewWithAttributes(semconv.SchemaURL, kept...)
}

// shared exports spans under a resource that is not their provider's: a provider
// adds all of OTEL_RESOURCE_ATTRIBUTES to whatever it is given.
type shared struct {
	sdktrace.SpanExporter
	resource *resource.Resource
}

// ExportSpans implements sdktrace.SpanExporter.
func (s shared) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	out := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, span := range spans {
		out[i] = sharedSpan{span, s.resource}
	}
	return s.SpanExporter.ExportSpans(ctx, out)
}

type sharedSpan struct {
	sdktrace.ReadOnlySpan
	resource *resource.Resource
}

// Resource implements sdktrace.ReadOnlySpan.
func (s sharedSpan) Resource() *resource.Resource { return s.resource }
