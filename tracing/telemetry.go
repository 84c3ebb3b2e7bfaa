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

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
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
	services []service
}

// service is one tracer provider and where its spans go. Each has an exporter of
// its own: the first shutdown would close a shared one.
type service struct {
	*sdktrace.TracerProvider
	exporter sdktrace.SpanExporter
}

// Disabled tells whether OTEL_SDK_DISABLED switches spans off.
func Disabled() bool {
	disabled, _ := strconv.ParseBool(os.Getenv("OTEL_SDK_DISABLED"))
	return disabled
}

// Service adds a service and returns its tracer provider. A collector that is
// down costs spans, never an error. What WorkflowService tells is the same from
// every process: its resource names none, and OTEL_TRACES_SAMPLER, which is about
// requests, leaves no order out.
func (t *Telemetry) Service(ctx context.Context, name string) (trace.TracerProvider, error) {
	if Disabled() {
		return noop.NewTracerProvider(), nil
	}
	exporter, err := otlptracegrpc.New(ctx, exporterOptions()...)
	if err != nil {
		return nil, fmt.Errorf("span exporter: %w", err)
	}
	return t.serve(ctx, name, exporter)
}

// serve adds a service whose spans go to an exporter of its own, past the
// allow-list.
func (t *Telemetry) serve(ctx context.Context, name string, exporter sdktrace.SpanExporter) (*sdktrace.TracerProvider, error) {
	described, err := describe(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("resource of %s: %w", name, err)
	}
	exporter = &allowList{SpanExporter: exporter}
	options := []sdktrace.TracerProviderOption{sdktrace.WithIDGenerator(idGenerator{}), sdktrace.WithResource(described)}
	if name == WorkflowService {
		options = append(options, sdktrace.WithSampler(sdktrace.AlwaysSample()))
		exporter = shared{exporter, sharedPart(described)}
	}
	p := sdktrace.NewTracerProvider(append(options, sdktrace.WithBatcher(exporter, batchOptions()...))...)
	t.services = append(t.services, service{p, exporter})
	return p, nil
}

func describe(ctx context.Context, service string) (*resource.Resource, error) {
	r, err := resource.New(ctx, resource.WithFromEnv(), resource.WithAttributes(semconv.ServiceVersion(Version())),
		resource.WithAttributes(semconv.ServiceName(service), semconv.TelemetrySDKLanguageGo))
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, err
	}
	return r, nil
}

// Flush sends what waits to be sent.
func (t *Telemetry) Flush(ctx context.Context) error {
	var errs []error
	for _, s := range t.services {
		errs = append(errs, s.ForceFlush(ctx))
	}
	return errors.Join(errs...)
}

// Shutdown sends what waits to be sent, and ends. It takes no longer than ctx
// allows; what could not leave by then is lost.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	done := make(chan error, len(t.services))
	for _, s := range t.services {
		go func() { done <- s.shutdown(ctx) }()
	}
	var errs []error
	for range t.services {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}

// shutdown ends a service. A provider that is out of time leaves its exporter
// trying on, batch after batch.
func (s service) shutdown(ctx context.Context) error {
	err := s.Shutdown(ctx)
	if err != nil {
		_ = s.exporter.Shutdown(ctx) // fails for the same reason
	}
	return err
}

// patience is how long a batch is tried: longer than a collector takes to restart, or
// a network to come back. OTEL_EXPORTER_OTLP_TIMEOUT sets another. What comes
// meanwhile waits in the queue.
const patience = time.Minute

// addressesOnly has gRPC ask DNS for addresses alone. It would also ask how to call
// the server, in a TXT record, and wait for seconds where nobody answers that.
var addressesOnly = grpc.WithDisableServiceConfig()

func exporterOptions() []otlptracegrpc.Option {
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithDialOption(addressesOnly),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 5 * time.Second, MaxElapsedTime: patience,
		}),
	}
	if !anySet("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT") {
		options = append(options, otlptracegrpc.WithTimeout(patience))
	}
	if !anySet("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
		options = append(options, otlptracegrpc.WithEndpointURL(DefaultEndpoint))
	}
	return options
}

func anySet(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return os.Getenv(name) != "" })
}

// batchTimeout is how long a span waits for company: short, so that an order is
// seen as it goes and a killed worker loses little. OTEL_BSP_SCHEDULE_DELAY sets
// another.
const batchTimeout = 200 * time.Millisecond

// queueSize is how many spans wait for a collector that is away, about a kilobyte
// each: those of some forty orders. OTEL_BSP_MAX_QUEUE_SIZE sets another.
const queueSize = 8192

func batchOptions() (options []sdktrace.BatchSpanProcessorOption) {
	if !anySet("OTEL_BSP_SCHEDULE_DELAY") {
		options = append(options, sdktrace.WithBatchTimeout(batchTimeout))
	}
	if !anySet("OTEL_BSP_MAX_QUEUE_SIZE") {
		options = append(options, sdktrace.WithMaxQueueSize(queueSize))
	}
	if !anySet("OTEL_BSP_EXPORT_TIMEOUT") {
		options = append(options, sdktrace.WithExportTimeout(patience))
	}
	return options
}

// Version is the program's version from its build information.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
