// Package audit holds an order's trace in Jaeger to the history that Temporal
// keeps of it, and writes what is missing. On a whole trace it writes nothing.
package audit

import (
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
)

// A Difference is something that Jaeger has otherwise than history.
type Difference struct {
	SpanID  string `json:"span_id"`
	Span    string `json:"span"` // its name
	What    string `json:"what"` // that differs, such as "start"
	History string `json:"history"`
	Jaeger  string `json:"jaeger"`
}

func (d Difference) String() string {
	return fmt.Sprintf("%s (%s): %s: history has %s, Jaeger %s", d.Span, d.SpanID, d.What, orNothing(d.History), orNothing(d.Jaeger))
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", s)
}

// index is a trace's spans by ID.
type index map[string][]jaeger.Span

func indexOf(spans []jaeger.Span) index {
	byID := make(index, len(spans))
	for _, s := range spans {
		byID[s.ID] = append(byID[s.ID], s)
	}
	return byID
}

// missing are the facts without a span.
func (x index) missing(facts []tracing.Fact) (out []tracing.Fact) {
	for _, f := range facts {
		if len(x[f.ID.String()]) == 0 {
			out = append(out, f)
		}
	}
	return out
}

// differences compares each fact with its span.
func (x index) differences(facts []tracing.Fact) (out []Difference) {
	for _, f := range facts {
		found := x[f.ID.String()]
		if len(found) > 1 {
			out = append(out, differ(f, "copies", "1", fmt.Sprint(len(found))))
		}
		for _, s := range found {
			out = append(out, compare(f, s)...)
		}
	}
	return out
}

func differ(f tracing.Fact, what, history, jaeger string) Difference {
	return Difference{SpanID: f.ID.String(), Span: f.Name, What: what, History: history, Jaeger: jaeger}
}

// compare holds a span to what history knows of it: of an attempt before the last
// one not the times, of any attempt not its end, which is the worker's clock's.
func compare(f tracing.Fact, s jaeger.Span) (out []Difference) {
	check := func(what, history, jaeger string) {
		if history != jaeger {
			out = append(out, differ(f, what, history, jaeger))
		}
	}
	check("name", f.Name, s.Name)
	check("parent", parentOf(f), s.Parent)
	if f.Service == "" {
		check("service", tracing.WorkflowService, s.Service)
	}
	if f.Repaired != tracing.RepairedTimeEstimated {
		check("start", clock(f.From), clock(s.Start))
		if !timedOut(f) {
			check("failed", fmt.Sprint(f.Status == codes.Error), fmt.Sprint(s.Failed()))
		}
	}
	if f.Repaired == "" {
		check("duration", f.End().Sub(f.From).Truncate(time.Microsecond).String(), s.Duration.String())
	}
	for _, a := range f.Attributes {
		if a.Key != tracing.KeyErrorType || !timedOut(f) && f.Repaired != tracing.RepairedTimeEstimated {
			check(string(a.Key), a.Value.String(), s.Tags[string(a.Key)])
		}
	}
	return out
}

func parentOf(f tracing.Fact) string {
	if !f.Parent.HasSpanID() {
		return ""
	}
	return f.Parent.SpanID().String()
}

// clock is a time as Jaeger tells it.
func clock(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano) }

// timedOut tells whether history has an attempt as one that nobody heard of any
// more: its worker may have ended it in its own way.
func timedOut(f tracing.Fact) bool {
	return strings.HasPrefix(f.Attribute(tracing.KeyErrorType), "timeout ")
}

// strangers are spans that say they are facts of runs that know nothing of them.
func (x index) strangers(runs []run) (out []Difference) {
	known := map[string]bool{}
	unfinished := map[[2]string]bool{} // an attempt of these may be told before history has it
	latest := time.Time{}
	for _, r := range runs {
		for _, f := range r.facts {
			known[f.ID.String()] = true
		}
		activities, _ := r.history.Unfinished()
		for _, activity := range activities {
			unfinished[[2]string{r.history.RunID, activity}] = true
		}
		if t := r.history.Latest(); t.After(latest) {
			latest = t
		}
	}
	for id, spans := range x {
		for _, s := range spans {
			claims := s.Service == tracing.WorkflowService || tag(s, tracing.KeyAttempt) != ""
			pending := unfinished[[2]string{tag(s, tracing.KeyRunID), tag(s, tracing.KeyActivityID)}]
			if claims && !known[id] && !pending && !s.End().After(latest) && tag(s, tracing.KeyRepaired) != tracing.RepairedFromChild {
				out = append(out, Difference{SpanID: id, Span: s.Name, What: "span", Jaeger: s.Name})
			}
		}
	}
	return out
}

func tag(s jaeger.Span, key attribute.Key) string { return s.Tags[string(key)] }
