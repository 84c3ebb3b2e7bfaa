package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
)

// People serves the routes by which people and carriers act. They come from
// outside: a request that does something about an order stands in that order's
// trace, and any other in one of its own, with a link to whatever context it came
// with. Reads are others: a page that looks every few seconds, for weeks, would
// bury the order. The header traceresponse of the answer says where (W3C Trace
// Context, level 2).
type People struct {
	// Orders is asked. Required.
	Orders Orders
	// TracerProvider takes the requests' spans. Default: the global one.
	TracerProvider trace.TracerProvider
	// Callers know who makes a request. nil asks nobody: for tests of what stands
	// behind.
	Callers Callers
	// Sent is called after each request: its spans should leave at once, since
	// others hang below them, and people look for them. nil: nothing is called.
	Sent func()

	roles []lifecycle.Role
}

// For returns a People whose routes are for callers with one of the roles. A
// route that says nobody is for nobody.
func (p People) For(roles ...lifecycle.Role) People {
	p.roles = roles
	return p
}

// Anyone returns a People whose routes are for everybody: they find out in
// another way who calls.
func (p People) Anyone() People {
	p.Callers = nil
	return p
}

// Handle adds a route to a mux: one with an {order} in its pattern is about that
// order.
func (p People) Handle(mux *http.ServeMux, pattern string, h http.HandlerFunc) {
	p.HandleAbout(mux, pattern, func(r *http.Request) (string, *http.Request) { return r.PathValue("order"), r }, h)
}

// HandleAbout adds a route whose request says in another way which order it is
// about; "" if none. about returns the request that is to be handled, since it
// may have read the body.
func (p People) HandleAbout(mux *http.ServeMux, pattern string, about func(*http.Request) (string, *http.Request), h http.HandlerFunc) {
	provider := p.TracerProvider
	if provider == nil { // else otelhttp takes that of the span above, which is remote and has none
		provider = otel.GetTracerProvider()
	}
	traced := func(h http.HandlerFunc) http.Handler {
		return otelhttp.NewHandler(told(h), pattern,
			otelhttp.WithTracerProvider(provider),
			otelhttp.WithPropagators(propagation.TraceContext{}), // no baggage of strangers
			otelhttp.WithSpanNameFormatter(func(string, *http.Request) string { return pattern }),
		)
	}
	granted := traced(h)
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if r, err := p.admit(r); err != nil { // a stranger's request is no part of an order
			refused := func(w http.ResponseWriter, r *http.Request) { WriteProblem(w, r, err) }
			traced(refused).ServeHTTP(w, p.join(r, ""))
		} else {
			order, r := about(r)
			granted.ServeHTTP(w, p.join(r, order))
		}
		if p.Sent != nil {
			p.Sent()
		}
	})
}

func (p People) admit(r *http.Request) (*http.Request, error) {
	if p.Callers == nil {
		return r, nil
	}
	return admit(p.Callers, p.roles, r)
}

// told handles a request inside its span: adds what join found out, and has the
// answer say where the span is.
func told(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		span := trace.SpanFromContext(r.Context())
		if found, ok := r.Context().Value(joinedKey{}).(joined); ok {
			if found.caller.IsValid() {
				span.AddLink(trace.Link{SpanContext: found.caller})
			}
			if found.order != "" {
				span.SetAttributes(keyWorkflowID.String(found.order))
			}
		}
		if sc := span.SpanContext(); sc.IsValid() {
			w.Header().Set("traceresponse", fmt.Sprintf("00-%s-%s-%s", sc.TraceID(), sc.SpanID(), sc.TraceFlags()))
		}
		h(w, r)
	})
}

// keyWorkflowID is the attribute by which every span of an order names it.
const keyWorkflowID = attribute.Key("temporalWorkflowID")

// joined is what is known of a request before it has a span.
type joined struct {
	caller trace.SpanContext // what it came with, if anything
	order  string            // whose trace it joined, if any
}

type joinedKey struct{}

// joinTimeout is how long a request may be held up to find its place.
const joinTimeout = 2 * time.Second

// join makes a request a part of the order's trace, and of no other. What cannot
// be found out about the order in time costs the span its place, nothing else.
// What tells of the sender as a person is taken off: it is no part of a trace.
func (p People) join(r *http.Request, order string) *http.Request {
	sent := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), propagation.HeaderCarrier(r.Header)))
	found := joined{caller: sent.WithTraceState(trace.TraceState{})}
	ctx := r.Context()
	if order != "" && r.Method != http.MethodGet && r.Method != http.MethodHead {
		reading, cancel := context.WithTimeout(ctx, joinTimeout)
		defer cancel()
		if anchor, err := p.Orders.Anchor(reading, order); err == nil {
			ctx = trace.ContextWithRemoteSpanContext(ctx, anchor)
			found.order = order
		}
	}
	r = r.Clone(context.WithValue(ctx, joinedKey{}, found))
	r.RemoteAddr = ""
	for _, field := range append(propagation.TraceContext{}.Fields(), "X-Forwarded-For", "User-Agent") {
		r.Header.Del(field)
	}
	return r
}

// Answer answers a request with v, or with a problem.
func Answer(w http.ResponseWriter, r *http.Request, status int, v any, err error) {
	answer(w, r, status, v, err)
}

// ProblemOf reads the error that a route answered with, a *lifecycle.Error; nil
// if it did not fail.
func ProblemOf(resp *http.Response) error {
	if resp.StatusCode < http.StatusMultipleChoices {
		return nil
	}
	return problemOf(resp)
}

// Limit is how many items a list is asked for: "limit", at most 1000; default 50.
func Limit(r *http.Request) int { return limitOf(r) }

// Moved is the answer to a request that an order granted.
type Moved struct {
	OrderID string           `json:"order_id"`
	Status  lifecycle.Status `json:"status"`
}

// AnswerMoved answers with how the order stands now, or with why it did not move.
func AnswerMoved(w http.ResponseWriter, r *http.Request, s lifecycle.Status, err error) {
	answer(w, r, http.StatusOK, Moved{OrderID: s.OrderID, Status: s}, err)
}
