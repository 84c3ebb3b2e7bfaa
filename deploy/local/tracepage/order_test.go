package tracepage_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/deploy/secrets"
	"ordertrace/lifecycle"
)

const (
	hostileText = `<img src=x onerror="window.hostile=1"><script>window.hostile=1</script>`
	instant     = time.Millisecond
	day         = 24 * time.Hour
)

// services sends spans to Jaeger over OTLP, one provider for each service.
type services struct {
	t         *testing.T
	otlp      string
	providers map[string]*sdktrace.TracerProvider
	count     map[trace.TraceID]int // spans sent
}

func newServices(t *testing.T, j *jaeger) *services {
	s := &services{t: t, otlp: j.otlp, providers: map[string]*sdktrace.TracerProvider{}, count: map[trace.TraceID]int{}}
	t.Cleanup(func() {
		for _, p := range s.providers {
			_ = p.Shutdown(context.Background())
		}
	})
	return s
}

func (s *services) tracer(service string) trace.Tracer {
	s.t.Helper()
	if s.providers[service] == nil {
		exporter, err := otlptracegrpc.New(s.t.Context(), otlptracegrpc.WithEndpoint(s.otlp), otlptracegrpc.WithInsecure(),
			otlptracegrpc.WithHeaders(map[string]string{"authorization": secrets.BasicAuth(url.UserPassword(sender, senderPassword))}))
		require.NoError(s.t, err)
		s.providers[service] = sdktrace.NewTracerProvider(
			sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))),
			sdktrace.WithBatcher(exporter),
		)
	}
	return s.providers[service].Tracer("tracepage_test")
}

// span is sent with a start and a length of its own; more adds to it before it ends.
func (s *services) span(ctx context.Context, service, name string, start time.Time, length time.Duration, more ...func(trace.Span)) context.Context {
	s.t.Helper()
	ctx, span := s.tracer(service).Start(ctx, name, trace.WithTimestamp(start))
	for _, add := range more {
		add(span)
	}
	span.End(trace.WithTimestamp(start.Add(length)))
	s.count[span.SpanContext().TraceID()]++
	return ctx
}

// flush returns when Jaeger holds all that was sent.
func (s *services) flush(j *jaeger) {
	s.t.Helper()
	for _, p := range s.providers {
		require.NoError(s.t, p.ForceFlush(s.t.Context()))
	}
	for id, n := range s.count {
		j.holds(id.String(), n)
	}
}

func tags(values ...attribute.KeyValue) func(trace.Span) {
	return func(span trace.Span) { span.SetAttributes(values...) }
}

func ofOrder(id string) func(trace.Span) {
	return tags(attribute.String("temporalWorkflowID", id), attribute.String("temporalRunID", "run-of-"+id))
}

func attempt(stage lifecycle.Stage, n int) func(trace.Span) {
	return tags(attribute.String("order.stage", string(stage)), attribute.Int("temporalAttempt", n))
}

func traceIDOf(ctx context.Context) string {
	return trace.SpanContextFromContext(ctx).TraceID().String()
}

func spanIDOf(ctx context.Context) string {
	return trace.SpanContextFromContext(ctx).SpanID().String()
}

// missingParent is a context whose span nobody ever sends.
func missingParent(id trace.TraceID) context.Context {
	return trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: id, SpanID: trace.SpanID{0xde, 0xad, 1, 2, 3, 4, 5, 6}, TraceFlags: trace.FlagsSampled, Remote: true,
	}))
}

// carrierMessage is a trace of its own, whose ID begins with zeros, with an order's close linked to it.
func (s *services) carrierMessage(at time.Time) context.Context {
	return s.span(missingParent(trace.TraceID{2: 0xab, 15: 0xcd}), "shop-api", "POST /carrier", at, 20*time.Millisecond)
}

// closedOrder is an order as tracing/ draws it: ten stages in sixteen days, a
// failed attempt, a link to a carrier's message, an orphan and a hostile text.
func (s *services) closedOrder(carrier context.Context, id string, start time.Time) context.Context {
	s.t.Helper()
	root := s.span(s.t.Context(), "starter", "StartWorkflow:Order", start, 4*time.Millisecond, ofOrder(id))
	anchor := s.span(root, "order", "RunWorkflow:Order", start.Add(5*time.Millisecond), time.Microsecond, ofOrder(id))
	at := start.Add(10 * time.Millisecond)
	for step := range lifecycle.Steps() {
		if step != lifecycle.First() && step.By != lifecycle.Itself {
			wait := 2 * day
			s.span(anchor, "order", fmt.Sprintf("await %s (%s)", step.Stage, step.By), at, wait, ofOrder(id))
			at = at.Add(wait)
		}
		n := 1
		if step.Stage == lifecycle.PriceCalculated {
			s.span(anchor, string(step.System), string(step.Stage), at, 3*time.Minute, ofOrder(id), attempt(step.Stage, n), func(span trace.Span) {
				span.RecordError(errors.New("worker lost"), trace.WithTimestamp(at.Add(2*time.Minute)))
				span.SetStatus(codes.Error, "heartbeat timeout")
			})
			at = at.Add(4 * time.Minute)
			n++
		}
		if step.Stage == lifecycle.Closed {
			s.span(anchor, "order", "signal close (carrier)", at, instant, ofOrder(id), func(span trace.Span) {
				span.AddLink(trace.Link{SpanContext: trace.SpanContextFromContext(carrier)})
			})
		}
		call := s.span(anchor, string(step.System), string(step.Stage), at, 3*time.Second, ofOrder(id), attempt(step.Stage, n))
		s.span(call, string(step.System)+"-api", "POST /orders/{id}", at.Add(time.Millisecond), 2*time.Second, ofOrder(id),
			tags(attribute.String("http.request.method", "POST")))
		s.span(call, string(step.System)+"-api", "COMMIT", at.Add(2*time.Second), time.Millisecond)
		at = at.Add(5 * time.Second)
	}
	s.span(anchor, "order", "Order closed", at, instant, ofOrder(id))
	s.span(missingParent(trace.SpanContextFromContext(root).TraceID()), "mes-api", "INSERT work_orders", start.Add(3*day), 40*time.Millisecond, ofOrder(id))
	s.span(anchor, "crm-api", hostileText, start.Add(5*day), time.Hour, ofOrder(id), tags(attribute.String("order.note", hostileText)))
	return root
}
