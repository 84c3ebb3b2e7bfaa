package collector

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// canaries are what must never be found behind the wall, by what they are.
var canaries = map[string]string{
	"a name":             "Jane Doe",
	"an e-mail":          "jane.doe@example.com",
	"a telephone number": "+49 170 1234567",
	"its digits":         "491701234567",
	"an address":         "Hauptstraße 12, 10115 Berlin",
	"a file's name":      "Ring of Anna.stl",
	"a header":           "Bearer 7f3c9d2ab1e84f60",
	"a token":            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJl",
}

// perches are the places of a request where one can be put. Each stands on what
// would pass without it.
var perches = map[string]func(r *request, canary string){
	"the span's name":             func(r *request, c string) { first(r).Name = c },
	"the span's name, HTTP":       func(r *request, c string) { scopeOf(r).Scope.Name, first(r).Name = httpScope, "GET /"+c },
	"the span's name, a method":   func(r *request, c string) { scopeOf(r).Scope.Name, first(r).Name = httpScope, c+" /orders" },
	"the span's name, SQL":        func(r *request, c string) { scopeOf(r).Scope.Name, first(r).Name = sqlScope, "SELECT "+c },
	"the span's name, a signal":   func(r *request, c string) { first(r).Name = "signal " + c },
	"the span's name, a workflow": func(r *request, c string) { first(r).Name = "StartWorkflow:" + c },
	"the span's name, pricing":    func(r *request, c string) { scopeOf(r).Scope.Name, first(r).Name = pricingScope, "price "+c },
	"the span's name, any scope":  func(r *request, c string) { scopeOf(r).Scope.Name, first(r).Name = "elsewhere", c },

	"a key nobody knows":          onSpan(func(c string) *commonpb.KeyValue { return text("user.name", c) }),
	"the key itself":              onSpan(func(c string) *commonpb.KeyValue { return text(c, "x") }),
	"a key that libraries set":    onSpan(func(c string) *commonpb.KeyValue { return text("url.full", "http://h/"+c) }),
	"an order's number":           onSpan(func(c string) *commonpb.KeyValue { return text("temporalWorkflowID", c) }),
	"an update's ID":              onSpan(func(c string) *commonpb.KeyValue { return text("temporalUpdateID", c) }),
	"an update's ID, with a name": onSpan(func(c string) *commonpb.KeyValue { return text("temporalUpdateID", "cancel/"+c) }),
	"a carrier's event":           onSpan(func(c string) *commonpb.KeyValue { return text("carrier.event.id", "evt_"+c) }),
	"a note":                      onSpan(func(c string) *commonpb.KeyValue { return text("order.note", c) }),
	"an error's type":             onSpan(func(c string) *commonpb.KeyValue { return text("error.type", c) }),
	"an error's timeout":          onSpan(func(c string) *commonpb.KeyValue { return text("error.type", "timeout "+c) }),
	"a method":                    onSpan(func(c string) *commonpb.KeyValue { return text("http.request.method", c) }),
	"a route":                     onSpan(func(c string) *commonpb.KeyValue { return text("http.route", "/orders/"+c) }),
	"a parcel's status":           onSpan(func(c string) *commonpb.KeyValue { return text("parcel.status", c) }),
	"a statement's argument":      onSpan(func(c string) *commonpb.KeyValue { return text("db.query.text", "SELECT * FROM o WHERE c = '"+c+"'") }),
	"a statement's comment":       onSpan(func(c string) *commonpb.KeyValue { return text("db.query.text", "SELECT 1 -- "+c) }),
	"a statement's other comment": onSpan(func(c string) *commonpb.KeyValue { return text("db.query.text", "SELECT 1 /* "+c+" */") }),
	"a server's own address":      onSpan(func(c string) *commonpb.KeyValue { return text("server.address", c) }),
	"a text for a number":         onSpan(func(c string) *commonpb.KeyValue { return text("http.response.status_code", c) }),
	"bytes":                       onSpan(func(c string) *commonpb.KeyValue { return attribute("temporalWorkflowID", bytesOf(c)) }),
	"bytes for a number":          onSpan(func(c string) *commonpb.KeyValue { return attribute("temporalAttempt", bytesOf(c)) }),
	"a list":                      onSpan(func(c string) *commonpb.KeyValue { return attribute("error.type", list(str(c))) }),
	"a list of lists":             onSpan(func(c string) *commonpb.KeyValue { return attribute("order.id", list(str("x"), list(str(c)))) }),
	"a map's value":               onSpan(func(c string) *commonpb.KeyValue { return attribute("order.stage", table(text("k", c))) }),
	"a map's key":                 onSpan(func(c string) *commonpb.KeyValue { return attribute("order.stage", table(text(c, "v"))) }),
	"a map in a list":             onSpan(func(c string) *commonpb.KeyValue { return attribute("db.query.text", list(table(text("k", c)))) }),
	"a key that is there twice": func(r *request, c string) {
		first(r).Attributes = append(first(r).Attributes, text("order.id", "ord-1"), text("order.id", c))
	},
	"a resource's key on a span":    onSpan(func(c string) *commonpb.KeyValue { return text("host.name", c) }),
	"what redaction says of itself": onSpan(func(c string) *commonpb.KeyValue { return text("redaction.masked.keys", c) }),
	"redaction's count":             onSpan(func(c string) *commonpb.KeyValue { return text("redaction.ignored.count", c) }),
	"the status":                    func(r *request, c string) { first(r).Status = failed(c) },
	"the status, as a type":         func(r *request, c string) { first(r).Status = failed(c); add(r, text("error.type", c)) },
	"the trace state":               func(r *request, c string) { first(r).TraceState = "vendor=" + c },
	"an event's name":               onEvent(func(c string) *tracepb.Span_Event { return &tracepb.Span_Event{Name: c} }),
	"an unknown event's attribute":  onEvent(func(c string) *tracepb.Span_Event { return event("mail sent", text("exception.type", c)) }),
	"an exception's message":        onEvent(func(c string) *tracepb.Span_Event { return event("exception", text("exception.message", c)) }),
	"an exception's stack trace":    onEvent(func(c string) *tracepb.Span_Event { return event("exception", text("exception.stacktrace", c)) }),
	"an exception's type":           onEvent(func(c string) *tracepb.Span_Event { return event("exception", text("exception.type", c)) }),
	"an exception's type, as bytes": onEvent(func(c string) *tracepb.Span_Event { return event("exception", attribute("exception.type", bytesOf(c))) }),
	"an exception's type, twice": onEvent(func(c string) *tracepb.Span_Event {
		return event("exception", text("exception.type", "X"), text("exception.type", c))
	}),
	"a span's key on an event": onEvent(func(c string) *tracepb.Span_Event { return event("exception", text("temporalWorkflowID", c)) }),
	"a link's attribute": onLink(func(c string) *tracepb.Span_Link {
		return &tracepb.Span_Link{Attributes: []*commonpb.KeyValue{text("order.id", c)}}
	}),
	"a link's trace state":              onLink(func(c string) *tracepb.Span_Link { return &tracepb.Span_Link{TraceState: "vendor=" + c} }),
	"the scope's name":                  func(r *request, c string) { scopeOf(r).Scope.Name = c },
	"the scope's version":               func(r *request, c string) { scopeOf(r).Scope.Version = c },
	"the scope's attribute":             func(r *request, c string) { scopeOf(r).Scope.Attributes = []*commonpb.KeyValue{text("order.id", c)} },
	"the scope's schema":                func(r *request, c string) { scopeOf(r).SchemaUrl = "https://opentelemetry.io/schemas/" + c },
	"the resource's schema":             func(r *request, c string) { r.ResourceSpans[0].SchemaUrl = "https://" + c },
	"a resource's key nobody knows":     onResource(func(c string) *commonpb.KeyValue { return text("process.owner", c) }),
	"the service's name":                onResource(func(c string) *commonpb.KeyValue { return text("service.name", c) }),
	"the process's number":              onResource(func(c string) *commonpb.KeyValue { return attribute("process.pid", bytesOf(c)) }),
	"the host's name, as a list":        onResource(func(c string) *commonpb.KeyValue { return attribute("host.name", list(str(c))) }),
	"a span's key on a resource":        onResource(func(c string) *commonpb.KeyValue { return text("temporalWorkflowID", c) }),
	"a resource's key that is twice":    func(r *request, c string) { addResource(r, text("host.name", "h1"), text("host.name", c)) },
	"an event's key on a span":          onSpan(func(c string) *commonpb.KeyValue { return text("exception.type", c) }),
	"an event's key on a resource":      onResource(func(c string) *commonpb.KeyValue { return text("exception.type", c) }),
	"a scope's key like the resource's": func(r *request, c string) { scopeOf(r).Scope.Attributes = []*commonpb.KeyValue{text("host.name", c)} },
	"what a client says that it asked": func(r *request, c string) {
		first(r).Kind = tracepb.Span_SPAN_KIND_CLIENT
		add(r, text("server.address", c))
	},
	"what a client asked, as bytes": func(r *request, c string) {
		first(r).Kind = tracepb.Span_SPAN_KIND_CLIENT
		add(r, attribute("server.port", bytesOf(c)))
	},
	"a status code of the database":  onSpan(func(c string) *commonpb.KeyValue { return text("db.response.status_code", c) }),
	"a role with more than its name": onSpan(func(c string) *commonpb.KeyValue { return text("order.awaited", "customer "+c) }),
}

func add(r *request, more ...*commonpb.KeyValue) {
	first(r).Attributes = append(first(r).Attributes, more...)
}

func addResource(r *request, more ...*commonpb.KeyValue) {
	r.ResourceSpans[0].Resource.Attributes = append(r.ResourceSpans[0].Resource.Attributes, more...)
}

func onSpan(kv func(string) *commonpb.KeyValue) func(*request, string) {
	return func(r *request, c string) { add(r, kv(c)) }
}

// onResource takes the service's name away, as the canary may be one.
func onResource(kv func(string) *commonpb.KeyValue) func(*request, string) {
	return func(r *request, c string) { r.ResourceSpans[0].Resource.Attributes = []*commonpb.KeyValue{kv(c)} }
}

func onEvent(e func(string) *tracepb.Span_Event) func(*request, string) {
	return func(r *request, c string) { first(r).Events = []*tracepb.Span_Event{event("exception"), e(c)} }
}

func onLink(l func(string) *tracepb.Span_Link) func(*request, string) {
	return func(r *request, c string) {
		link := l(c)
		link.TraceId, link.SpanId = random(16), random(8)
		first(r).Links = []*tracepb.Span_Link{link}
	}
}

func event(name string, attributes ...*commonpb.KeyValue) *tracepb.Span_Event {
	return &tracepb.Span_Event{Name: name, TimeUnixNano: 1_795_000_000_123_999_999, Attributes: attributes}
}

func failed(message string) *tracepb.Status {
	return &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: message}
}

// A vendor's MES speaks OTLP by an SDK of its own: what it sends has met no other
// wall.
func TestNothingOfPeoplePassesTheWall(t *testing.T) {
	receiver := startReceiver(t)
	c := newCollector(t, receiver.address)
	c.start(t)
	vendor := c.sender(t, vendorMES)
	for place, plant := range perches {
		for what, canary := range canaries {
			t.Run(place+": "+what, func(t *testing.T) {
				r := asked(temporalScope, span("SHIPPED", tracepb.Span_SPAN_KIND_INTERNAL))
				plant(r, canary)
				require.True(t, tells(t, r, canary), "the test has put it there")
				trace := traceOf(r)

				require.NoError(t, vendor.send(t.Context(), r))

				passed := receiver.of(t, trace)
				require.Len(t, scopeOf(passed).Spans, 1, "the span itself passes")
				require.False(t, tells(t, passed, canary), "%v", passed)
			})
		}
	}
}

// tells whether a request has the text in it, as it stands or as anybody could
// read it back.
func tells(t *testing.T, r *request, what string) bool {
	t.Helper()
	raw, err := proto.Marshal(r)
	require.NoError(t, err)
	for _, spelled := range []string{what, hex.EncodeToString([]byte(what)), base64.StdEncoding.EncodeToString([]byte(what)), url.QueryEscape(what)} {
		if bytes.Contains(raw, []byte(spelled)) {
			return true
		}
	}
	return false
}

// Where this language reaches links but as a whole, our own services keep theirs,
// for their SDK is a wall to them; a vendor's are cut off.
func TestLinksOfOthersAreCutOff(t *testing.T) {
	receiver := startReceiver(t)
	c := newCollector(t, receiver.address)
	c.start(t)
	for name, tc := range map[string]struct {
		user *url.Userinfo
		kept int
	}{
		"our services":     {ownServices, 2},
		"the vendor's MES": {vendorMES, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := span("signal close", tracepb.Span_SPAN_KIND_SERVER)
			s.Links = []*tracepb.Span_Link{{TraceId: random(16), SpanId: random(8), Flags: 0x300}, {TraceId: random(16), SpanId: random(8)}}
			r := asked(temporalScope, s)
			require.NoError(t, c.sender(t, tc.user).send(t.Context(), r))
			require.Len(t, first(receiver.of(t, traceOf(r))).Links, tc.kept)
		})
	}
}

// Who forgets the feature gate loses spans with links, and nothing leaks.
func TestWithoutTheFeatureGateOthersSpansWithLinksAreDropped(t *testing.T) {
	receiver := startReceiver(t)
	c := newCollector(t, receiver.address, "--config", "config.yaml")
	c.start(t)
	linked, plain := span("SHIPPED", tracepb.Span_SPAN_KIND_INTERNAL), span("CLOSED", tracepb.Span_SPAN_KIND_INTERNAL)
	linked.Links = []*tracepb.Span_Link{{TraceId: random(16), SpanId: random(8), TraceState: "vendor=jane"}}
	r := asked(temporalScope, linked, plain)
	require.NoError(t, c.sender(t, vendorMES).send(t.Context(), r))

	passed := receiver.of(t, traceID(plain.TraceId))
	require.Len(t, scopeOf(passed).Spans, 1)
	require.Equal(t, "CLOSED", first(passed).Name)
}
