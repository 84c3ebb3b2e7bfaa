package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
)

// anchors are orders that are known by their anchor alone.
type anchors struct {
	Orders
	of map[string]trace.SpanContext
}

func (a anchors) Anchor(_ context.Context, order string) (trace.SpanContext, error) {
	if sc, ok := a.of[order]; ok {
		return sc, nil
	}
	return trace.SpanContext{}, &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "no such order"}
}

func spanContext(t *testing.T, traceparent string) trace.SpanContext {
	t.Helper()
	sc := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(t.Context(), propagation.MapCarrier{"traceparent": traceparent}))
	require.True(t, sc.IsValid(), traceparent)
	return sc
}

const stranger = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01"

func known(t *testing.T) anchors {
	return anchors{of: map[string]trace.SpanContext{"ord-1": spanContext(t, "00-11111111111111111111111111111111-2222222222222222-01")}}
}

// recorder is a provider that keeps its spans.
func recorder() (*tracetest.SpanRecorder, *sdktrace.TracerProvider) {
	spans := tracetest.NewSpanRecorder()
	return spans, sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
}

// requested serves one request to people, and returns its answer and its span.
func requested(t *testing.T, orders Orders, r *http.Request, h http.HandlerFunc) (*httptest.ResponseRecorder, sdktrace.ReadOnlySpan) {
	t.Helper()
	spans, provider := recorder()
	mux := http.NewServeMux()
	p := People{Orders: orders, TracerProvider: provider}
	p.Handle(mux, "POST /orders/{order}/approve", h)
	p.Handle(mux, "GET /approvals", h)
	p.Handle(mux, "GET /orders/{order}/status", h)
	p.HandleAbout(mux, "POST /letters", func(r *http.Request) (string, *http.Request) {
		read, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader("read before: " + string(read)))
		return string(read), r
	}, h)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, r)
	require.Len(t, spans.Ended(), 1)
	return answer, spans.Ended()[0]
}

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func from(r *http.Request, traceparent string) *http.Request {
	if traceparent != "" {
		r.Header.Set("Traceparent", traceparent)
	}
	return r
}

func TestARequestAboutAnOrderStandsInTheOrdersTrace(t *testing.T) {
	orders := known(t)
	anchor := orders.of["ord-1"]
	tests := map[string]struct {
		traceparent string
		linked      []trace.SpanContext
	}{
		"without a context":        {"", nil},
		"with a stranger's":        {stranger, []trace.SpanContext{spanContext(t, stranger)}},
		"with one not sampled":     {stranger[:len(stranger)-1] + "0", []trace.SpanContext{spanContext(t, stranger[:len(stranger)-1]+"0")}},
		"with one of its trace":    {"00-11111111111111111111111111111111-3333333333333333-01", []trace.SpanContext{spanContext(t, "00-11111111111111111111111111111111-3333333333333333-01")}},
		"with one that is no such": {"00-00000000000000000000000000000000-3333333333333333-01", nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, span := requested(t, orders, from(httptest.NewRequest(http.MethodPost, "/orders/ord-1/approve", nil), tc.traceparent), ok)
			require.Equal(t, anchor.TraceID(), span.SpanContext().TraceID())
			require.Equal(t, anchor.SpanID(), span.Parent().SpanID())
			require.Equal(t, tc.linked, linked(span))
			require.Equal(t, "POST /orders/{order}/approve", span.Name())
			require.Equal(t, trace.SpanKindServer, span.SpanKind())
			require.Contains(t, span.Attributes(), attribute.String("temporalWorkflowID", "ord-1"))
		})
	}
}

func linked(span sdktrace.ReadOnlySpan) (out []trace.SpanContext) {
	for _, l := range span.Links() {
		out = append(out, l.SpanContext)
	}
	return out
}

func TestARequestAboutNoKnownOrderStandsInATraceOfItsOwn(t *testing.T) {
	tests := map[string]struct {
		orders Orders
		r      *http.Request
	}{
		"about none":      {known(t), httptest.NewRequest(http.MethodGet, "/approvals", nil)},
		"that only reads": {known(t), httptest.NewRequest(http.MethodGet, "/orders/ord-1/status", nil)},
		"an unknown one":  {known(t), httptest.NewRequest(http.MethodPost, "/orders/ord-2/approve", nil)},
		"nobody can tell": {broken{}, httptest.NewRequest(http.MethodPost, "/orders/ord-1/approve", nil)},
		"nobody answers":  {silent{}, httptest.NewRequest(http.MethodPost, "/orders/ord-1/approve", nil)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, span := requested(t, tc.orders, from(tc.r, stranger), ok)
			require.Equal(t, http.StatusNoContent, answer.Code, "it does no harm")
			require.False(t, span.Parent().IsValid())
			require.NotEqual(t, spanContext(t, stranger).TraceID(), span.SpanContext().TraceID())
			require.Equal(t, []trace.SpanContext{spanContext(t, stranger)}, linked(span))
			for _, a := range span.Attributes() {
				require.NotEqual(t, keyWorkflowID, a.Key)
			}
		})
	}
}

type broken struct{ Orders }

func (broken) Anchor(context.Context, string) (trace.SpanContext, error) {
	return trace.SpanContext{}, errors.New("broken")
}

// silent answers nothing for as long as it is asked.
type silent struct{ Orders }

func (silent) Anchor(ctx context.Context, _ string) (trace.SpanContext, error) {
	select {
	case <-ctx.Done():
		return trace.SpanContext{}, ctx.Err()
	case <-time.After(time.Minute):
		return trace.SpanContext{}, errors.New("asked for a minute")
	}
}

func TestARequestMayNameItsOrderInItsBody(t *testing.T) {
	orders := known(t)
	answer, span := requested(t, orders, httptest.NewRequest(http.MethodPost, "/letters", strings.NewReader("ord-1")),
		func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	require.Equal(t, "read before: ord-1", answer.Body.String())
	require.Equal(t, orders.of["ord-1"].SpanID(), span.Parent().SpanID())
	require.Equal(t, "POST /letters", span.Name())
}

func TestTheAnswerSaysWhereItsSpanIs(t *testing.T) {
	for name, path := range map[string]string{"of an order": "/orders/ord-1/approve", "of none that is known": "/orders/ord-2/approve"} {
		t.Run(name, func(t *testing.T) {
			answer, span := requested(t, known(t), httptest.NewRequest(http.MethodPost, path, nil), func(w http.ResponseWriter, r *http.Request) {
				Answer(w, r, http.StatusOK, nil, &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotWaiting, Detail: "it does not wait"})
			})
			sc := span.SpanContext()
			require.Equal(t, "00-"+sc.TraceID().String()+"-"+sc.SpanID().String()+"-01", answer.Header().Get("traceresponse"))
			var p Problem
			require.NoError(t, json.NewDecoder(answer.Body).Decode(&p))
			require.Equal(t, Problem{
				Title: "Conflict", Status: http.StatusConflict, Detail: "it does not wait", Code: lifecycle.CodeNotWaiting, Remedy: lifecycle.LookUp,
				Trace: sc.TraceID().String(), Span: sc.SpanID().String(),
			}, p)
		})
	}
}

func TestNothingOfAStrangerPasses(t *testing.T) {
	otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))
	t.Cleanup(func() { otel.SetTextMapPropagator(propagation.NewCompositeTextMapPropagator()) })
	r := from(httptest.NewRequest(http.MethodPost, "/orders/ord-1/approve", nil), stranger)
	for _, field := range []string{"User-Agent", "X-Forwarded-For", "Referer", "From", "Cookie"} {
		r.Header.Set(field, "jane@example.com")
	}
	r.Header.Set("Tracestate", "vendor=jane")
	r.Header.Set("Baggage", "customer=jane")
	r.RemoteAddr = "192.0.2.7:4321"

	passed := -1
	_, span := requested(t, known(t), r, func(_ http.ResponseWriter, r *http.Request) { passed = baggage.FromContext(r.Context()).Len() })
	require.Zero(t, passed)
	require.Empty(t, span.SpanContext().TraceState().String())
	require.Empty(t, span.Links()[0].SpanContext.TraceState().String())
	for _, a := range span.Attributes() {
		for _, private := range []string{"jane", "192.0.2.7", "4321"} {
			require.NotContains(t, a.Value.String(), private, a.Key)
		}
	}
}

func TestSpansLeaveAfterEachRequest(t *testing.T) {
	spans, provider := recorder()
	ended := -1
	mux := http.NewServeMux()
	p := People{Orders: known(t), TracerProvider: provider, Sent: func() { ended = len(spans.Ended()) }}
	p.Handle(mux, "GET /approvals", ok)
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/approvals", nil))
	require.Equal(t, 1, ended, "the request's own span had ended")
}

func TestSpansGoToTheGlobalProviderByDefault(t *testing.T) {
	spans, provider := recorder()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	orders, mux := known(t), http.NewServeMux()
	People{Orders: orders}.Handle(mux, "POST /orders/{order}/approve", ok)
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/orders/ord-1/approve", nil))
	require.Len(t, spans.Ended(), 1)
	require.Equal(t, orders.of["ord-1"].SpanID(), spans.Ended()[0].Parent().SpanID())
}
