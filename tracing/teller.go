package tracing

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A Teller exports facts that should have been told long ago, past the same
// allow-list and to the same place as a worker's. What it tells is the same from
// every process: its resources name none. It is safe for concurrent use.
type Teller struct {
	exporter sdktrace.SpanExporter

	mu    sync.Mutex
	desks map[string]*desk // by service
}

// desk makes a service's spans.
type desk struct {
	tracer trace.Tracer
	made   made
	out    sdktrace.SpanExporter
}

// made takes spans as they end.
type made struct{ spans []sdktrace.ReadOnlySpan }

func (m *made) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	m.spans = append(m.spans, spans...)
	return nil
}

func (*made) Shutdown(context.Context) error { return nil }

// NewTeller returns a teller for where OTEL_EXPORTER_OTLP_* say.
func NewTeller(ctx context.Context) (*Teller, error) {
	exporter, err := otlptracegrpc.New(ctx, exporterOptions()...)
	if err != nil {
		return nil, fmt.Errorf("span exporter: %w", err)
	}
	return newTeller(exporter), nil
}

func newTeller(exporter sdktrace.SpanExporter) *Teller {
	return &Teller{exporter: exporter, desks: map[string]*desk{}}
}

// Tell exports facts, and returns when whoever takes spans has taken them, or
// says why not.
func (t *Teller) Tell(ctx context.Context, facts []Fact) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range facts {
		d, err := t.desk(ctx, f.service())
		if err != nil {
			return err
		}
		if f.Repaired != "" {
			f.Attributes = append(f.Attributes[:len(f.Attributes):len(f.Attributes)], KeyRepaired.String(f.Repaired))
		}
		f.tell(d.tracer)
	}
	var errs []error
	for _, d := range t.desks {
		spans := d.made.spans
		d.made.spans = nil
		if len(spans) > 0 {
			errs = append(errs, d.out.ExportSpans(ctx, spans))
		}
	}
	return errors.Join(errs...)
}

func (f Fact) service() string {
	if f.Service == "" {
		return WorkflowService
	}
	return f.Service
}

// Attribute is the value of a fact's attribute, as text; "" if it has none.
func (f Fact) Attribute(key attribute.Key) string {
	for _, a := range f.Attributes {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

func (t *Teller) desk(ctx context.Context, service string) (*desk, error) {
	if d := t.desks[service]; d != nil {
		return d, nil
	}
	described, err := describe(ctx, service)
	if err != nil {
		return nil, fmt.Errorf("resource of %s: %w", service, err)
	}
	d := &desk{out: shared{&allowList{SpanExporter: t.exporter}, sharedPart(described)}}
	d.tracer = sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(idGenerator{}), sdktrace.WithResource(described),
		sdktrace.WithSampler(sdktrace.AlwaysSample()), sdktrace.WithSyncer(&d.made)).Tracer(ScopeName)
	t.desks[service] = d
	return d, nil
}

// Shutdown closes the connection.
func (t *Teller) Shutdown(ctx context.Context) error { return t.exporter.Shutdown(ctx) }
