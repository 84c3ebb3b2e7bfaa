package tracing

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
)

var (
	temporalScope = instrumentation.Scope{Name: ScopeName}
	httpScope     = instrumentation.Scope{Name: otelhttp.ScopeName, Version: "0.72.0"}
	sqlScope      = instrumentation.Scope{Name: "github.com/XSAM/otelsql", Version: "0.44.0"}
)

func attrs(values ...any) []attribute.KeyValue {
	var out []attribute.KeyValue
	for i := 0; i < len(values); i += 2 {
		key := attribute.Key(values[i].(string))
		switch v := values[i+1].(type) {
		case int:
			out = append(out, key.Int(v))
		case string:
			out = append(out, key.String(v))
		case []string:
			out = append(out, key.StringSlice(v))
		}
	}
	return out
}

// request is a server's span of a request, with what otelhttp says of it.
func request(more ...any) tracetest.SpanStub {
	return tracetest.SpanStub{
		Name: "PUT /orders/{order}/stages/{stage}", SpanKind: trace.SpanKindServer, InstrumentationScope: httpScope,
		Attributes: append(attrs("http.request.method", "PUT", "http.route", "/orders/{order}/stages/{stage}", "http.response.status_code", 200), attrs(more...)...),
	}
}

func fromScope(name string, scope instrumentation.Scope) tracetest.SpanStub {
	return tracetest.SpanStub{Name: name, InstrumentationScope: scope, SpanKind: trace.SpanKindInternal}
}

func TestOnlyWhatIsAllowedIsTold(t *testing.T) {
	state, err := trace.ParseTraceState("vendor=jane-doe")
	require.NoError(t, err)
	with := func(s tracetest.SpanStub, change func(*tracetest.SpanStub)) tracetest.SpanStub {
		change(&s)
		return s
	}
	attempt := fromScope("SHIPPED", temporalScope)
	tests := map[string]struct{ given, want tracetest.SpanStub }{
		"a key that is not known": {request("user.name", "Jane Doe", "http.request.body.size", 3), request("http.request.body.size", 3)},
		"keys that tell of the caller": {
			request("client.address", "203.0.113.7", "user_agent.original", "Jane's phone", "network.peer.address", "203.0.113.7", "network.peer.port", 4711),
			request(),
		},
		"where a request was sent, as the caller says": {request("server.address", "jane.example.com", "server.port", 80), request()},
		"where a request was sent, as we say": {
			with(request("server.address", "127.0.0.1", "server.port", 80), func(s *tracetest.SpanStub) { s.SpanKind = trace.SpanKindClient }),
			with(request("server.address", "127.0.0.1", "server.port", 80), func(s *tracetest.SpanStub) { s.SpanKind = trace.SpanKindClient }),
		},
		"URLs":                                 {request("url.path", "/orders/jane", "url.query", "mail=jane@example.com", "url.full", "http://h/?mail=jane@example.com", "url.scheme", "http"), request("url.scheme", "http")},
		"a known key with a free text":         {request("temporalWorkflowID", "the ring of Jane Doe"), request()},
		"a known key with a text for a number": {request("http.request.body.size", "Jane"), request()},
		"a known key with a list":              {request("error.type", []string{"Jane", "Doe"}), request()},
		"a known key with a text too long":     {request("temporalWorkflowID", strings.Repeat("x", 201)), request()},
		"a method of the caller's own":         {request("http.request.method_original", "JANE"), request()},
		"SQL with placeholders": {
			with(fromScope("INSERT orders", sqlScope), func(s *tracetest.SpanStub) {
				s.Attributes = attrs("db.query.text", "INSERT INTO orders VALUES ($1, '', '{}')")
			}),
			with(fromScope("INSERT orders", sqlScope), func(s *tracetest.SpanStub) {
				s.Attributes = attrs("db.query.text", "INSERT INTO orders VALUES ($1, '', '{}')")
			}),
		},
		"SQL with an argument in it": {
			with(fromScope("INSERT orders", sqlScope), func(s *tracetest.SpanStub) {
				s.Attributes = attrs("db.query.text", "INSERT INTO orders VALUES ('Jane')")
			}),
			with(fromScope("INSERT orders", sqlScope), func(s *tracetest.SpanStub) { s.Attributes = []attribute.KeyValue{} }),
		},
		"a status that is the error's type": {
			with(request("error.type", "not_found"), func(s *tracetest.SpanStub) { s.Status = sdktrace.Status{Code: codes.Error, Description: "not_found"} }),
			with(request("error.type", "not_found"), func(s *tracetest.SpanStub) { s.Status = sdktrace.Status{Code: codes.Error, Description: "not_found"} }),
		},
		"a status in an error's words": {
			with(request("error.type", "*url.Error"), func(s *tracetest.SpanStub) {
				s.Status = sdktrace.Status{Code: codes.Error, Description: "Get http://h/jane: EOF"}
			}),
			with(request("error.type", "*url.Error"), func(s *tracetest.SpanStub) { s.Status = sdktrace.Status{Code: codes.Error} }),
		},
		"an exception": {
			with(request(), func(s *tracetest.SpanStub) {
				s.Events = []sdktrace.Event{{Name: "exception", Time: begin, Attributes: attrs("exception.type", "*pgconn.PgError", "exception.message", "Key (name)=(Jane) exists", "exception.stacktrace", "main.go:1")}}
			}),
			with(request(), func(s *tracetest.SpanStub) {
				s.Events = []sdktrace.Event{{Name: "exception", Time: begin, Attributes: attrs("exception.type", "*pgconn.PgError")}}
			}),
		},
		"an event that is not known": {
			with(request(), func(s *tracetest.SpanStub) { s.Events = []sdktrace.Event{{Name: "Jane came"}} }),
			request(),
		},
		"a link": {
			with(attempt, func(s *tracetest.SpanStub) {
				s.Links = []sdktrace.Link{{SpanContext: sender.WithTraceState(state), Attributes: attrs("temporalWorkflowID", "ord-1")}}
			}),
			with(attempt, func(s *tracetest.SpanStub) {
				s.Links = []sdktrace.Link{{SpanContext: sender, Attributes: []attribute.KeyValue{}}}
			}),
		},
		"a stranger's tracestate": {
			with(attempt, func(s *tracetest.SpanStub) {
				s.SpanContext, s.Parent = sender.WithTraceState(state), starter.WithTraceState(state)
			}),
			with(attempt, func(s *tracetest.SpanStub) { s.SpanContext, s.Parent = sender, starter }),
		},
		"a scope's own attributes": {
			with(attempt, func(s *tracetest.SpanStub) {
				s.InstrumentationScope = instrumentation.Scope{Name: ScopeName, Version: "1.2.3 of Jane", SchemaURL: "https://jane.example.com", Attributes: attribute.NewSet(attribute.String("user", "Jane"))}
			}),
			attempt,
		},
		"a scope of any name": {fromScope("Jane Doe", instrumentation.Scope{Name: "Jane Doe"}), fromScope("internal", instrumentation.Scope{})},
		"a resource": {
			with(attempt, func(s *tracetest.SpanStub) {
				s.Resource = resource.NewWithAttributes("https://opentelemetry.io/schemas/1.37.0", attrs("service.name", "shop", "process.owner", "jane", "host.name", "h1")...)
			}),
			with(attempt, func(s *tracetest.SpanStub) {
				s.Resource = resource.NewWithAttributes("https://opentelemetry.io/schemas/1.37.0", attrs("service.name", "shop", "host.name", "h1")...)
			}),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before := tracetest.SpanStubFromReadOnlySpan(tc.given.Snapshot())
			given := tc.given.Snapshot()
			var list allowList
			require.Equal(t, tracetest.SpanStubFromReadOnlySpan(tc.want.Snapshot()), tracetest.SpanStubFromReadOnlySpan(list.reduce(given)))
			require.Equal(t, before, tracetest.SpanStubFromReadOnlySpan(given), "the span itself is others' too")
		})
	}
}

func TestSpansAreNamedByTheirScopesRules(t *testing.T) {
	own := instrumentation.Scope{Name: "ordertrace/systems/mes"}
	tests := []struct {
		scope instrumentation.Scope
		name  string
		told  bool
	}{
		{temporalScope, "RunWorkflow:Order", true}, {temporalScope, "StartWorkflow:Order", true}, {temporalScope, "UpdateWorkflow:hand-over", true},
		{temporalScope, "PRICE_CALCULATED", true}, {temporalScope, "undo SHIPPED", true}, {temporalScope, "await SHIPPED", true},
		{temporalScope, "expect parcel", true}, {temporalScope, "Order timed out", true}, {temporalScope, "carrier in_transit", true},
		{temporalScope, "Jane Doe", false}, {temporalScope, "signal jane.doe@example.com", false}, {temporalScope, "signal +491701234567", false},
		{temporalScope, "signal 0170-1234567", false}, {temporalScope, "signal ring of Anna.stl", false}, {temporalScope, "SignalWorkflow:Jane Doe", false},
		{temporalScope, strings.Repeat("long", 20), false}, {temporalScope, "", false},
		{httpScope, "GET", true}, {httpScope, "HTTP GET", true}, {httpScope, "PUT /orders/{order}/stages/{stage}", true}, {httpScope, "GET /…", true},
		{httpScope, "GET /files/{path...}", true}, {httpScope, "GET /.well-known/openid-configuration", true}, {httpScope, "GET /{$}", true},
		{httpScope, "POST /orders/{order}/", true},
		{httpScope, "JANE /orders", false}, {httpScope, "GET /orders/ord-261123-abcdef", false}, {httpScope, "GET /orders?mail=jane", false},
		{httpScope, "GET /Jane", false}, {httpScope, "GET jane", false},
		{sqlScope, "COMMIT", true}, {sqlScope, "INSERT carrier_events", true}, {sqlScope, "INSERT 'Jane'", false}, {sqlScope, "Jane", false},
		{own, "price model", true}, {own, "price the ring of Jane", false},
		{instrumentation.Scope{Name: "elsewhere"}, "GET", false},
	}
	for _, tc := range tests {
		t.Run(tc.scope.Name+" "+tc.name, func(t *testing.T) {
			var list allowList
			want := "internal"
			if tc.told {
				want = tc.name
			}
			require.Equal(t, want, list.reduce(fromScope(tc.name, tc.scope).Snapshot()).Name())
		})
	}
}

func TestValuesOfIdentifiersMustLookLikeOnes(t *testing.T) {
	tests := map[string]struct {
		key          attribute.Key
		told, untold []string
	}{
		"order":         {KeyWorkflowID, []string{"ord-261123-abcdef", "A/1~2"}, []string{"", "Jane Doe", "jane@example.com", "+491701234567", "Straße"}},
		"request":       {KeyUpdateID, []string{requestKey, "hand-over/" + requestKey}, []string{"cancel/jane.doe", "01701234567", "Jane/" + requestKey, "cancel/0170-123-4567"}},
		"carrier event": {"carrier.event.id", []string{"evt_0123456789abcdef0123456789abcdef"}, []string{"evt_jane", "0170 1234567", "evt_01701234567"}},
		"error type":    {KeyErrorType, []string{"*url.Error", "500", "_OTHER", "timeout Heartbeat", "github.com/x/y.Z"}, []string{"Jane Doe", "timeout of Jane", "no such file: ring.stl"}},
		"SQL": {"db.query.text", []string{"SELECT 1", "UPDATE o SET a = '' WHERE b = $12"},
			[]string{"SELECT 'x'", "SELECT 01701234567", "SELECT 1 -- Jane", "SELECT 1 /* Jane */", "SELECT $$Jane$$", "SELECT 'ü'", "SELECT '", "Jane Doe", "jane@example.com"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			fits := spanKeys[tc.key].fits
			for _, v := range tc.told {
				require.True(t, fits(attribute.StringValue(v)), v)
			}
			for _, v := range tc.untold {
				require.False(t, fits(attribute.StringValue(v)), v)
			}
		})
	}
}

func TestEveryStatusOfAParcelMayBeTold(t *testing.T) {
	for _, s := range parcelStatuses {
		require.True(t, lifecycle.ParcelStatus(s).Known(), s)
	}
	require.Contains(t, parcelStatuses, string(lifecycle.ParcelCancelled))
	require.Contains(t, parcelStatuses, string(lifecycle.ParcelAvailableForPickup))
}

func TestNoKeyIsBothAllowedAndWithheld(t *testing.T) {
	for key := range withheld {
		require.NotContains(t, spanKeys, key)
	}
	for key, r := range spanKeys {
		require.NotEmpty(t, r.why, key)
	}
}

func TestASpanWithNothingToHidePassesAsItIs(t *testing.T) {
	s := request("temporalWorkflowID", "ord-1")
	s.Resource = resource.NewSchemaless(attribute.String("service.name", "shop"))
	given := s.Snapshot()
	list := allowList{}
	list.reduce(given) // gets to know the resource
	require.Same(t, &given.Attributes()[0], &list.reduce(given).Attributes()[0])
	require.Zero(t, testing.AllocsPerRun(100, func() { list.reduce(given) }))
}

func TestWhatIsLeftOutIsCountedAndLoggedOnceWithoutItsValue(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	list := allowList{SpanExporter: tracetest.NewInMemoryExporter()}
	spans := []sdktrace.ReadOnlySpan{request("user.name", "Jane", "url.path", "/jane", "of Jane", "x").Snapshot(), request("user.name", "Jane").Snapshot()}
	require.NoError(t, list.ExportSpans(t.Context(), spans))
	require.Equal(t, map[loss]int{{"attribute", "user.name"}: 2, {"attribute", "url.path"}: 1, {"attribute", "of Jane"}: 1}, list.left.count)
	require.Equal(t, 1, strings.Count(out.String(), "user.name"))
	require.Contains(t, out.String(), withheld["url.path"])

	require.NoError(t, list.Shutdown(t.Context()))
	require.Contains(t, out.String(), "key=user.name times=2")
	require.NotContains(t, strings.ToLower(strings.ReplaceAll(out.String(), "user.name", "")), "jane")
}

func TestKeysThatSomebodyMakesUpDoNotFillTheMemory(t *testing.T) {
	var l losses
	for i := range 2 * maxLosses {
		l.add("attribute", strings.Repeat("x", i), "")
	}
	require.Len(t, l.count, maxLosses)
}
