package audit

import (
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
)

// lostParents are spans that others hang below and that nobody can tell any more.
// What began since running may still get its parent.
func lostParents(runs []run, spans []jaeger.Span, running time.Time) (out []tracing.Fact) {
	known := map[string]bool{}
	for _, s := range spans {
		known[s.ID] = true
	}
	for _, r := range runs {
		for _, f := range r.facts {
			known[f.ID.String()] = true
		}
	}
	for _, group := range orphans(runs, spans, known) {
		if running.IsZero() || group.from.Before(running) {
			out = append(out, group.parent(runs, spans))
		}
	}
	return out
}

// family is a parent that is missing, and when its children ran.
type family struct {
	id       trace.SpanID
	from, to time.Time
	anchor   bool // a run's anchor is among the children
}

// orphans are the missing parents, the oldest first.
func orphans(runs []run, spans []jaeger.Span, known map[string]bool) []family {
	byID := map[string]*family{}
	child := func(parent string, from, to time.Time, anchor bool) {
		id, err := trace.SpanIDFromHex(parent)
		if err != nil || known[parent] {
			return
		}
		if byID[parent] == nil {
			byID[parent] = &family{id: id, from: from, to: to}
		}
		f := byID[parent]
		f.anchor = f.anchor || anchor
		if from.Before(f.from) {
			f.from = from
		}
		if to.After(f.to) {
			f.to = to
		}
	}
	for _, s := range spans {
		child(s.Parent, s.Start, s.End(), false)
	}
	for _, r := range runs {
		for _, f := range r.facts {
			child(parentOf(f), f.From, f.End(), f.ID == r.history.Anchor().SpanID())
		}
	}
	out := make([]family, 0, len(byID))
	for _, f := range byID {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b family) int { return a.from.Compare(b.from) })
	return out
}

// parent is a span in the place of the missing one: before the order began, what
// started it; else a call of the attempt that ran then, or of nobody known.
func (f family) parent(runs []run, spans []jaeger.Span) tracing.Fact {
	first := runs[0].history
	anchor := first.Anchor()
	if f.anchor || f.from.Before(first.Began()) {
		root := trace.NewSpanContext(trace.SpanContextConfig{TraceID: anchor.TraceID(), TraceFlags: trace.FlagsSampled})
		if id, ok := onlyRoot(spans); ok {
			root = root.WithSpanID(id)
		}
		return first.LostStart(f.id, root, f.from, f.to)
	}
	for _, r := range slices.Backward(runs) {
		if a, ok := r.attemptAt(f.from); ok {
			return r.history.LostCall(f.id, anchor.WithSpanID(a.ID), a.Service, f.from, f.to)
		}
	}
	return first.LostCall(f.id, anchor, "", f.from, f.to)
}

// slack is how far the clocks of two machines may be apart.
const slack = time.Second

// attemptAt is the attempt that ran at a time. One whose times are estimated ran
// until the next one.
func (r run) attemptAt(at time.Time) (found tracing.Fact, ok bool) {
	for _, a := range r.facts { // the oldest first
		if a.Attribute(tracing.KeyAttempt) != "" && !a.From.After(at) {
			found, ok = a, a.Repaired == tracing.RepairedTimeEstimated || !a.End().Add(slack).Before(at)
		}
	}
	return found, ok
}

func onlyRoot(spans []jaeger.Span) (trace.SpanID, bool) {
	var roots []jaeger.Span
	for _, s := range spans {
		if s.Parent == "" {
			roots = append(roots, s)
		}
	}
	if len(roots) != 1 {
		return trace.SpanID{}, false
	}
	id, err := trace.SpanIDFromHex(roots[0].ID)
	return id, err == nil
}
