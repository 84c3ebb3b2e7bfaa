package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
)

// An Auditor looks at orders one by one. The same order may be looked at by two at
// once: both would write the very same spans.
type Auditor struct {
	Temporal  tracing.Connection
	Jaeger    Reader
	Historian tracing.Historian
	// Teller writes what is missing. nil: nothing is written.
	Teller Teller
	// Settled is how long ago something must have happened to be missed: what has
	// just happened is still on its way, and a worker tries for a minute to send it.
	// Default: 2 minutes. Negative: none.
	Settled time.Duration
}

// Reader reads a trace. It fails with jaeger.ErrNotFound if there is none.
type Reader interface {
	Trace(context.Context, trace.TraceID) ([]jaeger.Span, error)
}

// Teller exports spans. *tracing.Teller is one.
type Teller interface {
	Tell(context.Context, []tracing.Fact) error
}

const (
	defaultSettled = 2 * time.Minute
	// arrival is how long a span may take from here to where Jaeger reads it.
	arrival = 30 * time.Second
	look    = 100 * time.Millisecond
)

// ErrNotArriving says that spans do not get to Jaeger, so that nothing can be said
// of what is missing there. Try again when they do.
var ErrNotArriving = errors.New("spans do not arrive in Jaeger")

// ErrNoHistory says that Temporal does not keep the order, or no longer.
var ErrNoHistory = errors.New("there is no history of it")

// A Report is what an audit found.
type Report struct {
	WorkflowID  string        `json:"order_id"`
	TraceID     string        `json:"trace_id"`
	Runs        int           `json:"runs"`
	Facts       int           `json:"facts"`   // spans that history knows of
	Spans       int           `json:"spans"`   // that Jaeger had
	Missing     int           `json:"missing"` // spans that should be there
	Added       int           `json:"added"`   // spans that were written, and seen
	Trace       jaeger.Report `json:"trace"`   // as it is now
	Differences []Difference  `json:"differences,omitempty"`
	Unknown     string        `json:"unknown,omitempty"` // why history could not be read in full
	missing     []tracing.Fact
}

// MissingFacts are the spans that should be there and were not, the oldest first.
func (r Report) MissingFacts() []tracing.Fact { return r.missing }

// Whole tells whether nothing is missing now and nothing differs.
func (r Report) Whole() bool { return r.Why() == "" }

// Why is why the trace is not whole; "" if it is.
func (r Report) Why() string {
	switch {
	case r.Unknown != "":
		return r.Unknown
	case r.Missing > r.Added:
		return fmt.Sprintf("%d spans are missing", r.Missing-r.Added)
	case len(r.Differences) > 0:
		return fmt.Sprintf("%d differences, the first: %v", len(r.Differences), r.Differences[0])
	case !r.Trace.Whole():
		return r.Trace.String()
	default:
		return ""
	}
}

// run is one run of an order with what its history says.
type run struct {
	history tracing.History
	facts   []tracing.Fact
}

// Order audits an order: all runs that lead to its current one. Fails with
// ErrNoHistory, ErrNotArriving, or what Temporal or Jaeger say.
func (a Auditor) Order(ctx context.Context, workflowID string) (Report, error) {
	r := Report{WorkflowID: workflowID}
	runs, err := a.runs(ctx, workflowID, &r)
	if err != nil {
		return r, err
	}
	id := runs[0].history.Anchor().TraceID()
	r.TraceID, r.Runs = id.String(), len(runs)
	spans, err := a.read(ctx, id)
	if err != nil {
		return r, err
	}
	r.Spans = len(spans)
	r.missing = a.missing(runs, spans)
	if len(r.missing) > 0 && a.Teller != nil {
		if spans, err = a.mend(ctx, id, runs, &r); err != nil {
			return r, err
		}
	}
	r.Missing = len(r.missing)
	var facts []tracing.Fact
	for _, run := range runs {
		facts = append(facts, run.facts...)
	}
	facts = once(facts)
	r.Facts, r.Trace = len(facts), jaeger.Examine(spans)
	x := indexOf(spans)
	r.Differences = append(x.differences(facts), x.strangers(runs)...)
	return r, nil
}

// mend writes what is missing. First it makes sure that nothing is on its way: a
// probe goes the same way, and what was sent before it arrives before it.
func (a Auditor) mend(ctx context.Context, id trace.TraceID, runs []run, r *Report) ([]jaeger.Span, error) {
	probe := tracing.Probe(time.Now())
	if err := a.Teller.Tell(ctx, []tracing.Fact{probe}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotArriving, err)
	}
	if _, err := a.await(ctx, probe.Parent.TraceID(), []tracing.Fact{probe}); err != nil {
		return nil, err
	}
	spans, err := a.read(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.missing = a.missing(runs, spans); len(r.missing) == 0 {
		return spans, nil
	}
	if err := a.Teller.Tell(ctx, r.missing); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotArriving, err)
	}
	if spans, err = a.await(ctx, id, r.missing); err != nil {
		return nil, err
	}
	r.Added = len(r.missing)
	return spans, nil
}

// await reads a trace until it has all of some facts.
func (a Auditor) await(ctx context.Context, id trace.TraceID, facts []tracing.Fact) ([]jaeger.Span, error) {
	late := time.NewTimer(arrival)
	defer late.Stop()
	for {
		spans, err := a.read(ctx, id)
		if err != nil {
			return nil, err
		}
		if len(indexOf(spans).missing(facts)) == 0 {
			return spans, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-late.C:
			return nil, ErrNotArriving
		case <-time.After(look):
		}
	}
}

func (a Auditor) read(ctx context.Context, id trace.TraceID) ([]jaeger.Span, error) {
	spans, err := a.Jaeger.Trace(ctx, id)
	if errors.Is(err, jaeger.ErrNotFound) {
		return nil, nil
	}
	return spans, err
}

// missing are the spans that should be there, parents among them that only their
// children know of.
func (a Auditor) missing(runs []run, spans []jaeger.Span) []tracing.Fact {
	settled := a.Settled
	if settled == 0 {
		settled = defaultSettled
	}
	due := time.Now().Add(-max(settled, 0))
	running := due
	var facts []tracing.Fact
	for _, r := range runs {
		for _, f := range r.facts {
			if f.End().Before(due) {
				facts = append(facts, f)
			}
		}
		if _, since := r.history.Unfinished(); !since.IsZero() && !r.history.Closed() && since.Before(running) {
			running = since
		}
	}
	return once(append(indexOf(spans).missing(facts), lostParents(runs, spans, running)...))
}

// once leaves out what runs of one order have in common.
func once(facts []tracing.Fact) []tracing.Fact {
	seen := map[trace.SpanID]bool{}
	return slices.DeleteFunc(slices.Clone(facts), func(f tracing.Fact) bool {
		known := seen[f.ID]
		seen[f.ID] = true
		return known
	})
}

// runs reads an order's runs, the first one first.
func (a Auditor) runs(ctx context.Context, workflowID string, r *Report) ([]run, error) {
	var runs []run
	for id, more := "", true; more; {
		h, err := a.history(ctx, workflowID, id)
		var gone *serviceerror.NotFound
		switch {
		case errors.As(err, &gone) && len(runs) > 0:
			r.Unknown = "the history of an earlier run is no longer kept"
			return runs, nil
		case errors.As(err, &gone):
			return nil, fmt.Errorf("%s: %w", workflowID, ErrNoHistory)
		case err != nil:
			return nil, err
		}
		facts, err := a.Historian.Facts(h)
		if err != nil {
			r.Unknown = err.Error()
		}
		if len(runs) > 0 {
			facts = goingOn(facts)
		}
		runs = slices.Insert(runs, 0, run{h, facts})
		id = h.Before()
		more = id != ""
	}
	return runs, nil
}

// goingOn are the facts of a run that another one goes on from: that Temporal ended
// it for a reset is no end of the order.
func goingOn(facts []tracing.Fact) []tracing.Fact {
	return slices.DeleteFunc(facts, func(f tracing.Fact) bool {
		return f.Repaired == tracing.RepairedFromHistory && f.Attribute(tracing.KeyOutcome) != ""
	})
}

// history reads a run; runID "": the current one.
func (a Auditor) history(ctx context.Context, workflowID, runID string) (tracing.History, error) {
	h := tracing.History{Namespace: a.Temporal.Namespace, WorkflowID: workflowID, RunID: runID}
	if runID == "" {
		found, err := a.Temporal.DescribeWorkflowExecution(ctx, workflowID, "")
		if err != nil {
			return h, err
		}
		h.RunID = found.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	}
	for events := a.Temporal.GetWorkflowHistory(ctx, workflowID, h.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		e, err := events.Next()
		if err != nil {
			return h, err
		}
		h.Events = append(h.Events, e)
	}
	return h, nil
}
