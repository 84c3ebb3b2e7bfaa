package collector

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	internal = tracepb.Span_SPAN_KIND_INTERNAL
	client   = tracepb.Span_SPAN_KIND_CLIENT
	server   = tracepb.Span_SPAN_KIND_SERVER
	runID    = "0199d3f1-6a0b-7c4e-9f21-3b5d7e9a1c20"
	drawnID  = "5b0d2c8e4f6a4d1c9e3f7a2b1c0d9e8f"
)

// order is what every span of ours says of its order.
func order(more ...*commonpb.KeyValue) []*commonpb.KeyValue {
	return append([]*commonpb.KeyValue{text("temporalWorkflowID", "ord-261123-k7q2xw"), text("temporalRunID", runID)}, more...)
}

// ours are spans as our services and starters tell them, by their scope.
var ours = map[string][]*tracepb.Span{
	temporalScope: {
		span("StartWorkflow:Order", client, order()...),
		span("UpdateWorkflow:hand-over", client, order(text("temporalUpdateID", "hand-over/"+drawnID))...),
		span("SignalWorkflow:close", client, order()...),
		span("RunWorkflow:Order", internal, order()...),
		span("PRICE_CALCULATED", internal, order(text("temporalActivityID", "5"), whole("temporalAttempt", 2), text("order.stage", "PRICE_CALCULATED"))...),
		span("await FILE_UPLOADED", internal, order(text("order.stage", "FILE_UPLOADED"), text("order.awaited", "customer"))...),
		span("undo SHIPPED", internal, order(whole("temporalAttempt", 1), text("error.type", "*url.Error"))...),
		span("carrier in_transit", internal, order(text("order.note", "in_transit"))...),
		span("signal close", server, order(text("order.note", "close"))...),
		span("update cancel", server, order(text("temporalUpdateID", runID))...),
		span("Order timed out", internal, order(text("order.outcome", "timed out"), text("order.repaired", "from history"))...),
		failing(span("SHIPPED", internal, order(text("error.type", "timeout Heartbeat"))...), "timeout Heartbeat"),
		linking(span("signal other", server, order()...)),
	},
	httpScope: {
		span("PUT /orders/{order}/stages/{stage}", server, text("http.request.method", "PUT"), text("http.route", "/orders/{order}/stages/{stage}"),
			whole("http.response.status_code", 200), whole("http.request.body.size", 118), whole("http.response.body.size", 0),
			text("url.scheme", "http"), text("network.protocol.name", "http"), text("network.protocol.version", "1.1"), text("order.id", "ord-261123-k7q2xw")),
		span("HTTP PUT", client, text("http.request.method", "PUT"), text("server.address", "mes.internal"), whole("server.port", 8083), whole("http.request.resend_count", 3)),
		span("GET /…", server, text("http.route", "/…"), text("http.request.method", "_OTHER")),
		span("GET /files/{path...}", server, text("http.route", "/files/{path...}")),
		span("GET /.well-known/openid-configuration", server, text("http.route", "/.well-known/openid-configuration")),
		span("GET /{$}", server, text("http.route", "/{$}")),
		span("POST /webhooks/easypost", server, text("carrier.event.id", "evt_"+drawnID), text("parcel.status", "return_to_sender")),
		failing(span("POST /orders/{order}/", server, whole("http.response.status_code", 500), text("error.type", "500")), "500"),
	},
	sqlScope: {
		span("INSERT orders", client, text("db.system.name", "postgresql"), text("db.query.text", "\n\tINSERT INTO orders (id, files) VALUES ($1, '{}')\n\tON CONFLICT DO NOTHING")),
		failing(span("COMMIT", client, text("db.system.name", "sqlite"), text("db.response.status_code", "40001"), text("error.type", "*pgconn.PgError")), "*pgconn.PgError"),
		excepting(span("UPDATE carrier_events", client, text("db.query.text", "UPDATE carrier_events SET status = $1 WHERE id = $2")), "github.com/jackc/pgx/v5/pgconn.PgError"),
	},
	pricingScope: {span("price model", internal, whole("model.size_bytes", 73_400_320), whole("model.polygon_count", 1_491_701_234))},
	starterScope: {span("order", internal)},
}

func failing(s *tracepb.Span, message string) *tracepb.Span {
	s.Status = failed(message)
	return s
}

func linking(s *tracepb.Span) *tracepb.Span {
	s.Links = []*tracepb.Span_Link{{TraceId: random(16), SpanId: random(8), Flags: 0x301}}
	return s
}

func excepting(s *tracepb.Span, kind string) *tracepb.Span {
	s.Events = []*tracepb.Span_Event{event("exception", text("exception.type", kind))}
	return s
}

// described is what our spans say of the process that they come from.
var described = []*commonpb.KeyValue{
	text("service.name", "shop"), text("service.namespace", "ordertrace"), text("service.version", "v0.0.0-20261123182600-334556d0abcd+dirty"),
	text("service.instance.id", runID), text("deployment.environment.name", "production"), text("telemetry.sdk.language", "go"),
	text("telemetry.sdk.name", "opentelemetry"), text("telemetry.sdk.version", "1.47.0"), text("host.name", "node-12.eu"), text("host.id", drawnID),
	text("os.type", "linux"), whole("process.pid", 4194303), text("container.id", drawnID+drawnID), text("container.name", "shop-1"),
	text("k8s.namespace.name", "orders"), text("k8s.pod.name", "shop-7d9f8b6c5-x2x4z"), text("k8s.node.name", "node-12"),
}

// Copies of a span have to stay copies, whoever tells them and whenever: Jaeger
// drops one that is equal in every bit.
func TestOurOwnSpansPassBitByBit(t *testing.T) {
	receiver := startReceiver(t)
	c := newCollector(t, receiver.address)
	c.start(t)
	services := c.sender(t, ownServices)
	for scope, spans := range ours {
		for _, s := range spans {
			t.Run(s.Name, func(t *testing.T) {
				r := asked(scope, s)
				r.ResourceSpans[0].Resource.Attributes = described
				r.ResourceSpans[0].SchemaUrl, scopeOf(r).SchemaUrl, scopeOf(r).Scope.Version = schema, schema, "0.72.0"
				require.NoError(t, services.send(t.Context(), r))
				passed := receiver.of(t, traceOf(r))
				require.Empty(t, diff(r, passed))
				require.Equal(t, marshalled(t, r), marshalled(t, passed))
			})
		}
	}
}

func diff(want, got *request) string {
	if proto.Equal(want, got) {
		return ""
	}
	return "sent   " + want.String() + "\npassed " + got.String()
}

func marshalled(t *testing.T, r *request) []byte {
	t.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
	require.NoError(t, err)
	return raw
}

// What the SDK's wall makes of a span, the collector's makes of it too.
func TestWhatIsTakenOutLeavesTheRest(t *testing.T) {
	receiver := startReceiver(t)
	c := newCollector(t, receiver.address)
	c.start(t)
	vendor := c.sender(t, vendorMES)
	tests := map[string]struct{ given, want *request }{
		"a name that is not known becomes the kind": {
			asked("elsewhere", span("Jane Doe", server)), asked("elsewhere", span("server", server)),
		},
		"a name without a kind": {
			asked(temporalScope, span("Jane Doe", tracepb.Span_SPAN_KIND_UNSPECIFIED)), asked(temporalScope, span("unspecified", tracepb.Span_SPAN_KIND_UNSPECIFIED)),
		},
		"a name of another scope's": {
			asked(sqlScope, span("await SHIPPED", internal)), asked(sqlScope, span("internal", internal)),
		},
		"attributes": {
			asked(temporalScope, span("SHIPPED", internal, text("user.name", "x"), text("order.id", "ord-1"), text("order.id", "ord-2"), text("order.stage", "Jane Doe"))),
			asked(temporalScope, span("SHIPPED", internal, text("order.id", "ord-1"))),
		},
		"where a request was sent, as its receiver says": {
			asked(httpScope, span("GET", server, text("server.address", "h"), whole("server.port", 80), text("url.scheme", "https"))),
			asked(httpScope, span("GET", server, text("url.scheme", "https"))),
		},
		"a status": {
			asked(httpScope, failing(span("GET", server, text("error.type", "500")), "Jane")),
			asked(httpScope, failing(span("GET", server, text("error.type", "500")), "")),
		},
		"an exception's words": {
			asked(sqlScope, withEvents(span("COMMIT", client), event("mail"), event("exception", text("exception.message", "x"), text("exception.type", "X")))),
			asked(sqlScope, withEvents(span("COMMIT", client), event("exception", text("exception.type", "X")))),
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			given, want := first(tc.given), first(tc.want)
			want.TraceId, want.SpanId, want.ParentSpanId = given.TraceId, given.SpanId, given.ParentSpanId
			require.NoError(t, vendor.send(t.Context(), tc.given))
			require.Empty(t, diff(tc.want, receiver.of(t, traceOf(tc.given))))
		})
	}
}

func withEvents(s *tracepb.Span, events ...*tracepb.Span_Event) *tracepb.Span {
	s.Events = events
	return s
}
