package tracing

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A Fact is a span that is known whole: what a workflow's history says of it.
type Fact struct {
	ID         trace.SpanID
	Name       string
	Parent     trace.SpanContext // no span ID: the fact is its trace's root
	From, To   time.Time         // To: default an instant after From
	Kind       trace.SpanKind
	Status     codes.Code
	Link       trace.SpanContext // the sender's own span, if it had one
	Attributes []attribute.KeyValue
	Service    string // whose span it is; "": WorkflowService
	Repaired   string // what is known of it if it is told afterwards; "": all

	urgent bool // others wait for it, or nobody will tell it again
}

// tell exports a fact.
func (f Fact) tell(t trace.Tracer) {
	options := []trace.SpanStartOption{
		trace.WithTimestamp(f.From), trace.WithAttributes(f.Attributes...), trace.WithSpanKind(f.Kind),
	}
	if f.Link.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: f.Link}))
	}
	_, span := startAs(context.Background(), t, f.ID, f.Parent, f.Name, options...)
	span.SetStatus(f.Status, "")
	span.End(trace.WithTimestamp(f.End()))
}

// End is when the span ends.
func (f Fact) End() time.Time {
	if f.To.After(f.From) {
		return f.To
	}
	return f.From.Add(instant)
}

// startAs starts a span under a remote parent with an ID that was derived, not
// drawn. The context that it returns draws the IDs of children as usual.
func startAs(ctx context.Context, t trace.Tracer, id trace.SpanID, parent trace.SpanContext, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	derived := context.WithValue(ctx, derivedKey{}, derivedIDs{parent.TraceID(), id})
	if parent.HasSpanID() {
		derived = trace.ContextWithRemoteSpanContext(derived, parent)
	} else {
		options = append(options, trace.WithNewRoot())
	}
	_, span := t.Start(derived, name, options...)
	return trace.ContextWithSpan(ctx, span), span
}

type derivedKey struct{}

type derivedIDs struct {
	trace trace.TraceID
	span  trace.SpanID
}

// idGenerator takes an ID that the context names, and draws one otherwise.
type idGenerator struct{}

var _ sdktrace.IDGenerator = idGenerator{}

func (idGenerator) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if d, ok := ctx.Value(derivedKey{}).(derivedIDs); ok {
		return d.trace, d.span
	}
	var t trace.TraceID
	var s trace.SpanID
	_, _ = rand.Read(t[:]) // never fails: crypto/rand ends the program instead
	_, _ = rand.Read(s[:])
	return t, s
}

func (idGenerator) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if d, ok := ctx.Value(derivedKey{}).(derivedIDs); ok {
		return d.span
	}
	var s trace.SpanID
	_, _ = rand.Read(s[:])
	return s
}

// memory keeps which facts this process told lately, so that a replay in the
// same process does not tell them again. What it forgets is told twice, and is
// the same span.
type memory struct {
	mu       sync.Mutex
	now, old map[trace.SpanID]struct{}
}

const memorySize = 1 << 16 // in each half: about 4 MB in all

// first tells whether an ID was not seen lately.
func (m *memory) first(id trace.SpanID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, a := m.now[id]
	_, b := m.old[id]
	if a || b {
		return false
	}
	if m.now == nil || len(m.now) >= memorySize {
		m.now, m.old = make(map[trace.SpanID]struct{}), m.now
	}
	m.now[id] = struct{}{}
	return true
}
