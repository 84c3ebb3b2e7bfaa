package systemtest

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/crm"
	"ordertrace/systems/store/storetest"
)

func TestAStageIsAFewSpansThatTellItsSQL(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		spans := tracetest.NewSpanRecorder()
		tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		s, err := crm.New(t.Context(), crm.Config{DSN: dsn, TracerProvider: tracers})
		require.NoError(t, err)
		r := rig{
			system: s, url: serve(t, s), name: lifecycle.CRM, stages: lifecycle.Owned(lifecycle.CRM),
			facts: lifecycle.Facts{Price: &lifecycle.Money{Amount: 1999, Currency: "EUR"}, Operator: "Ada Lovelace"},
		}
		r.Client = api.NewClient(r.url)
		// A request's own span ends last, and a little after its answer.
		names := func() []string {
			require.Eventually(t, func() bool {
				return slices.ContainsFunc(spans.Ended(), func(s sdktrace.ReadOnlySpan) bool { return s.SpanKind() == trace.SpanKindServer })
			}, time.Minute, time.Millisecond)
			var names []string
			for _, span := range spans.Ended() {
				names = append(names, span.Name())
			}
			spans.Reset()
			return names
		}

		r.get(t, "/healthz")
		require.Empty(t, spans.Started(), "starting and being healthy are no trace")

		order := r.opened(t)
		requireNothingOf(t, spans, "Ada", order)
		require.Equal(t, []string{
			"INSERT orders", "UPDATE orders", "SELECT stages", "INSERT deals", "INSERT stages", "UPDATE orders", "COMMIT",
			"PUT /orders/{order}/stages/{stage}",
		}, names())

		r.record(t, order, r.stages[0])
		require.Equal(t, []string{"INSERT orders", "UPDATE orders", "SELECT stages", "PUT /orders/{order}/stages/{stage}"}, names(), "repeated")

		status, body := r.put(t, "/orders/o/outcome", "", "{}")
		require.Equal(t, http.StatusUnprocessableEntity, status)
		var p api.Problem
		require.NoError(t, json.Unmarshal([]byte(body), &p))
		request := spans.Started()[0].SpanContext()
		require.Equal(t, []string{request.TraceID().String(), request.SpanID().String()}, []string{p.Trace, p.Span})
	})
}

// requireNothingOf looks for words in the statements' spans.
func requireNothingOf(t *testing.T, spans *tracetest.SpanRecorder, words ...string) {
	t.Helper()
	for _, span := range spans.Ended() {
		for _, a := range append(span.Attributes(), attribute.String("name", span.Name())) {
			if a.Key == "url.path" {
				continue // otelhttp's own
			}
			for _, word := range words {
				require.NotContains(t, a.Value.String(), word, a.Key)
			}
		}
	}
}
