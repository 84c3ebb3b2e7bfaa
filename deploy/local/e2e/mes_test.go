package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"ordertrace/deploy/secrets"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mes"
	"ordertrace/tracing/jaeger"
)

// Whatever a MES tells of itself, the order's trace is one and whole, and shows
// the MES's stages from outside: each attempt, and the requests that it made. What
// the MES tells stands below these.
func TestATraceIsWholeWhateverTheMESTells(t *testing.T) {
	for name, test := range map[string]struct {
		tracing string
		box     func(*testing.T, *rig) http.Handler // behind MES_URL; nil: our own
		below   tally                               // what is told below the worker's requests
	}{
		"our own, told to be silent":             {"off", nil, tally{"shop-api GET /models/{digest}": 1}},
		"a vendor's, which tells nothing":        {"on", silentBox, tally{}},
		"a vendor's, which speaks OpenTelemetry": {"on", openBox, tally{"vendor-mes PUT /orders/{order}/stages/{stage}": 5, "shop-api GET /models/{digest}": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			env := []string{"MES_TRACING=" + test.tracing}
			var outside switchable
			if test.box != nil {
				env = append(env, "MES_URL="+outside.serve(t))
			}
			r := another(t, env...)
			url := r.MESURL()
			if test.box != nil {
				outside.to(test.box(t, r))
				url = outside.url
			}
			o := r.closedByPeople(t)

			r.requireWhole(t, o)
			eventually(t, patience, 200*time.Millisecond, func() (bool, string) { // the vendor's spans come when they come
				spans := r.spans(t, o)
				below := requestsBelow(spans, seenFromOutside(t, spans))
				return maps.Equal(test.below, below), fmt.Sprintf("want %v\ngot  %v\n%s", test.below, below, draw(spans))
			})
			require.Equal(t, tally{
				"POST /orders/{order}/take": 1, "POST /orders/{order}/finish": 1, "POST /orders/{order}/pack": 1, "POST /orders/{order}/ship": 1,
				"UpdateWorkflow:advance": 4,
			}, tally(count(of("mes-api", r.requireWhole(t, o)))), "our desk in front of the MES, and nothing else of ours")

			got, err := api.NewClient(url).Order(t.Context(), o.ID)
			require.NoError(t, err)
			require.Equal(t, lifecycle.OutcomeClosed, got.Outcome)
			require.Equal(t, []any{"operator-7", "UPS"}, []any{got.Facts.Operator, got.Facts.Carrier})
			require.Len(t, got.Stages, len(lifecycle.Owned(lifecycle.MES)))
		})
	}
}

// closedByPeople is an order that people moved through our desks, whosever the
// systems are behind them.
func (r *rig) closedByPeople(t *testing.T) order {
	t.Helper()
	everyone := r.everyone()
	o := r.order(t)
	for _, step := range everyone.Steps(trackingOf(o.ID)) {
		require.NoError(t, everyone.Take(t.Context(), o.ID, step), step)
	}
	require.NoError(t, everyone.Await(t.Context(), o.ID, lifecycle.Closed))
	require.NoError(t, everyone.Do(t.Context(), http.MethodPost, r.CRMURL()+"/orders/"+o.ID+"/close",
		map[string]string{"by": "manager-3", "reason": "fetched by the customer"}, nil))
	require.NoError(t, r.ended(t, o.ID))
	return o
}

// seenFromOutside requires that each stage of the MES is one attempt of our
// worker, with its requests below it, and returns these.
func seenFromOutside(t *testing.T, spans []jaeger.Span) (requests []jaeger.Span) {
	t.Helper()
	for _, stage := range lifecycle.Owned(lifecycle.MES) {
		attempt := one(t, spans, string(stage))
		require.Equal(t, "mes", attempt.Service)
		require.Equal(t, "1", attempt.Tags["temporalAttempt"])
		made := children(spans, attempt.ID)
		require.NotEmpty(t, made, "%s\n%s", stage, draw(spans))
		for _, s := range made {
			require.Equal(t, []string{"mes", "PUT /orders/{order}/stages/{stage}", "client"}, []string{s.Service, s.Name, s.Tags["span.kind"]})
		}
		requests = append(requests, made...)
	}
	return requests
}

// requestsBelow are those that are served below others, by service and route.
func requestsBelow(spans, above []jaeger.Span) tally {
	below := tally{}
	for _, s := range above {
		for _, child := range children(spans, s.ID) {
			if child.Tags["span.kind"] == "server" {
				below[child.Service+" "+child.Name]++
			}
			for what, n := range requestsBelow(spans, []jaeger.Span{child}) {
				below[what] += n
			}
		}
	}
	return below
}

func of(service string, spans []jaeger.Span) []jaeger.Span {
	return slices.DeleteFunc(slices.Clone(spans), func(s jaeger.Span) bool { return s.Service != service })
}

func children(spans []jaeger.Span, id string) []jaeger.Span {
	return slices.DeleteFunc(slices.Clone(spans), func(s jaeger.Span) bool { return s.Parent != id })
}

// switchable serves what it is switched to: a worker has to know the URL of what
// itself needs the worker's stack.
type switchable struct {
	url     string
	handler atomic.Pointer[http.Handler]
}

func (s *switchable) to(h http.Handler) { s.handler.Store(&h) }

func (s *switchable) serve(t *testing.T) string {
	t.Helper()
	s.to(http.NotFoundHandler())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*s.handler.Load()).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s.url
}

// silentBox is a MES that tells no span, and hands no context on.
func silentBox(t *testing.T, r *rig) http.Handler {
	return box(t, r, noop.NewTracerProvider(), otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()))
}

// openBox is a MES that sends its spans where ours go.
func openBox(t *testing.T, r *rig) http.Handler {
	exporter, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpointURL(r.OTLPEndpoint()),
		otlptracegrpc.WithHeaders(map[string]string{"authorization": secrets.BasicAuth(r.VendorMES())}))
	require.NoError(t, err)
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter, sdktrace.WithBatchTimeout(100*time.Millisecond)),
		sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("vendor-mes"))))
	before := otel.GetTextMapPropagator()
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t.Cleanup(func() {
		otel.SetTextMapPropagator(before)
		require.NoError(t, provider.Shutdown(context.Background()))
	})
	return box(t, r, provider)
}

// box is a MES of its own, which reads models from the stack's shop.
func box(t *testing.T, r *rig, spans trace.TracerProvider, options ...otelhttp.Option) http.Handler {
	t.Helper()
	s, err := mes.New(t.Context(), mes.Config{
		DSN: "sqlite:" + filepath.Join(t.TempDir(), "box.db"), TracerProvider: spans,
		Shop: api.NewClient(r.ShopURL(), append(options, otelhttp.WithTracerProvider(spans))...),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s.Handler()
}
