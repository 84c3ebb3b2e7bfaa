package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Names of spans that nobody can tell any more, and that others hang below.
const (
	lostCall  = "lost call"  // something that an attempt or a request was doing
	lostStart = "lost start" // what started the workflow
)

// LostCall stands for a span that died with its process: those below it name its
// ID, and so tell that it was. It hangs below parent and spans its children.
func (h History) LostCall(id trace.SpanID, parent trace.SpanContext, service string, from, to time.Time) Fact {
	return Fact{
		ID: id, Name: lostCall, Parent: parent, From: from, To: to, Kind: trace.SpanKindClient,
		Service: service, Repaired: RepairedFromChild, Attributes: h.own(),
	}
}

// LostStart is the same of the span that started the workflow. parent is the
// trace's root if it is there; without a span ID, this is the root.
func (h History) LostStart(id trace.SpanID, parent trace.SpanContext, from, to time.Time) Fact {
	f := h.LostCall(id, parent, "", from, to)
	f.Name = lostStart
	return f
}

// Probe is a span of a trace of its own. Once it can be read, whatever was sent
// before it can be read too.
func Probe(at time.Time) Fact {
	t, s := idGenerator{}.NewIDs(context.Background())
	return Fact{
		ID: s, Name: "audit", From: at,
		Parent: trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, TraceFlags: trace.FlagsSampled}),
	}
}
