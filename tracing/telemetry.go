// Package tracing turns the whole life of a durable workflow into one trace. It
// knows Temporal and OpenTelemetry, and nothing of shops.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// DefaultEndpoint is where spans go if OTEL_EXPORTER_OTLP_ENDPOINT is not set.
const DefaultEndpoint = "http://127.0.0.1:4317"

// Propagator is the one trace context format of this program: W3C, without
// baggage.
var Propagator = propagation.TraceContext{}

// Telemetry holds a process's tracer providers, one for each service that it is.
// It is configured by OpenTelemetry's own variables: OTEL_EXPORTER_OTLP_*,
// OTEL_BSP_*, OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES, OTEL_SDK_DISABLED.
type Telemetry struct {
	providers []*sdktrace.TracerProvider
}

// Service adds a service and returns its tracer provider. A collector that is
// down costs spans, never an error. The resource of WorkflowService names no
// process.
func (t *Telemetry) Service(ctx context.Context, name string) (trace.TracerProvider, error) {
	if disabled, _ := strconv.ParseBool(os.Getenv("OTEL_SDK_DISABLED")); disabled {
		return noop.NewTracerProvider(), nil
	}
	exporter, err := otlptracegrpc.New(ctx, exporterOptions()...)
	if err != nil {
		return nil, fmt.Errorf("span exporter: %w", err)
	}
	described, err := describe(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("resource of %s: %w", name, err)
	}
	p := sdktrace.NewTracerProvider(
		sdktrace.WithResource(described),
		sdktrace.WithIDGenerator(idGenerator{}),
		sdktrace.WithBatcher(exporter, batchOptions()...),
	)
	t.providers = append(t.providers, p) // an exporter each: the first shutdown would close a shared one
	return p, nil
}

func describe(ctx context.Context, service string) (*resource.Resource, error) {
	r, err := resource.New(ctx, resource.WithFromEnv(), resource.WithAttributes(semconv.ServiceVersion(Version())),
		resource.WithAttributes(semconv.ServiceName(service), semconv.TelemetrySDKLanguageGo))
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, err
	}
	if service != WorkflowService {
		return r, nil
	}
	kept := slices.DeleteFunc(r.Attributes(), func(a attribute.KeyValue) bool { return namesProcess(string(a.Key)) })
	return resource.NewWithAttributes(semconv.SchemaURL, kept...), nil
}

// Flush sends what waits to be sent.
func (t *Telemetry) Flush(ctx context.Context) error {
	var errs []error
	for _, p := range t.providers {
		errs = append(errs, p.ForceFlush(ctx))
	}
	return errors.Join(errs...)
}

// Shutdown sends what waits to be sent, and ends. It takes no longer than ctx
// allows.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	done := make(chan error, len(t.providers))
	for _, p := range t.providers {
		go func() { done <- p.Shutdown(ctx) }()
	}
	var errs []error
	for range t.providers {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}

func exporterOptions() []otlptracegrpc.Option {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		if os.Getenv(name) != "" {
			return nil
		}
	}
	return []otlptracegrpc.Option{otlptracegrpc.WithEndpointURL(DefaultEndpoint)}
}

// batchTimeout is how long a span waits for company: short, so that an order is
// seen as it goes and a killed worker loses little. OTEL_BSP_SCHEDULE_DELAY sets
// another.
const batchTimeout = 200 * time.Millisecond

func batchOptions() []sdktrace.BatchSpanProcessorOption {
	if os.Getenv("OTEL_BSP_SCHEDULE_DELAY") != "" {
		return nil
	}
	return []sdktrace.BatchSpanProcessorOption{sdktrace.WithBatchTimeout(batchTimeout)}
}

// Version is the program's version from its build information.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
