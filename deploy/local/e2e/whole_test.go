package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"ordertrace/lifecycle"
	"ordertrace/tracing/jaeger"
	"ordertrace/workflow"
)

// tally is how often each name occurs.
type tally map[string]int

// plus returns a tally with other numbers for some names; 0 takes a name out.
func (a tally) plus(b tally) tally {
	sum := maps.Clone(a)
	maps.Copy(sum, b)
	maps.DeleteFunc(sum, func(_ string, n int) bool { return n == 0 })
	return sum
}

// waitingForClose is every span of the workflow and of its attempts, by the time
// an order waits for its close.
func waitingForClose() tally {
	names := tally{"RunWorkflow:Order": 1}
	for _, stage := range lifecycle.StageNames() {
		names[string(stage)] = 1
	}
	return names.plus(tally{"CLOSED": 0})
}

// closedOrder is the same of an order that was closed by one signal.
func closedOrder() tally {
	return waitingForClose().plus(tally{"await CLOSED": 1, "signal close": 1, "CLOSED": 1, "settle": 2, "Order closed": 1})
}

// isFact tells whether the workflow's history knows of the span: all but what
// lies below an attempt, and but the starter's own.
func isFact(s jaeger.Span) bool { return s.Service == "order" || s.Tags["temporalAttempt"] != "" }

func facts(spans []jaeger.Span) []jaeger.Span {
	var out []jaeger.Span
	for _, s := range spans {
		if isFact(s) {
			out = append(out, s)
		}
	}
	return out
}

// requireFacts waits until an order's trace holds these spans of the workflow and
// of its attempts, no fewer and no more, and nothing moves any longer. It
// requires that there is one trace, with one root, no orphan and no copy.
func (r *rig) requireFacts(t *testing.T, id string, want tally) []jaeger.Span {
	t.Helper()
	var spans []jaeger.Span
	quiet := 0
	eventually(t, patience, 250*time.Millisecond, func() (bool, string) {
		traces := r.tracesOf(t, id)
		report := jaeger.Examine(traces...)
		if !report.Whole() {
			quiet = 0
			return false, fmt.Sprintf("%v\n%s", report, draw(traces...))
		}
		if len(traces[0]) != len(spans) {
			quiet = 0
		}
		spans = traces[0]
		slices.SortFunc(spans, func(a, b jaeger.Span) int { return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.ID, b.ID)) })
		if got := tally(count(facts(spans))); !maps.Equal(got, want) {
			quiet = 0
			return false, fmt.Sprintf("want %v\ngot  %v\n%s", want, got, draw(spans))
		}
		quiet++
		return quiet >= 3, "it still moves"
	})
	for _, s := range facts(spans) {
		require.Equal(t, id, s.Tags["temporalWorkflowID"], s.Name)
		require.Empty(t, s.Warnings, s.Name)
	}
	return spans
}

// eventually polls until the condition holds, and fails with its last words.
func eventually(t testing.TB, limit, every time.Duration, condition func() (holds bool, why string)) {
	t.Helper()
	deadline, tick := time.NewTimer(limit), time.NewTicker(every)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		holds, why := condition()
		if holds {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			require.FailNow(t, fmt.Sprintf("not in %v", limit), why)
		}
	}
}

// draw lists spans for a person.
func draw(traces ...[]jaeger.Span) string {
	var out string
	for _, spans := range traces {
		for _, s := range spans {
			out += fmt.Sprintf("%s %s<-%s %s %-9s %-40s %v attempt=%s\n", s.Trace[:6], s.ID, s.Parent,
				s.Start.Format("05.000"), s.Service, s.Name, s.Duration, s.Tags["temporalAttempt"])
		}
	}
	return out
}

// named picks spans by their name, in the order of their start.
func named(spans []jaeger.Span, name string) []jaeger.Span {
	var out []jaeger.Span
	for _, s := range spans {
		if s.Name == name {
			out = append(out, s)
		}
	}
	return out
}

func one(t *testing.T, spans []jaeger.Span, name string) jaeger.Span {
	t.Helper()
	found := named(spans, name)
	require.Len(t, found, 1, name)
	return found[0]
}

// status asks the workflow.
func (r *rig) status(t *testing.T, id string) lifecycle.Status {
	t.Helper()
	var s lifecycle.Status
	eventually(t, patience, 100*time.Millisecond, func() (bool, string) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		answer, err := r.temporal.QueryWorkflow(ctx, id, "", workflow.QueryStatus)
		if err != nil { // a worker that has just died answers late
			return false, err.Error()
		}
		require.NoError(t, answer.Get(&s))
		return true, ""
	})
	return s
}

// ended waits for the workflow's end, however it is.
func (r *rig) ended(t *testing.T, id string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := r.temporal.GetWorkflow(ctx, id, "").Get(ctx, nil)
	require.NoError(t, ctx.Err(), "the order never ended")
	return err
}

var ids atomic.Int64

// newID is an order's number that no other order of this stack has.
func newID(what string) string { return fmt.Sprintf("%s-%d", what, ids.Add(1)) }

// startUntraced starts an order as a client that knows nothing of traces.
func (r *rig) startUntraced(t testing.TB, id string, model *lifecycle.Model) {
	t.Helper()
	_, err := r.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflow.TaskQueue},
		workflow.Name, workflow.Input{Material: "silver-925", Model: model})
	require.NoError(t, err)
}

// closeUntraced sends the signal close without any header.
func (r *rig) closeUntraced(t testing.TB, id string) {
	t.Helper()
	require.NoError(t, r.temporal.SignalWorkflow(t.Context(), id, "", workflow.SignalClose, nil))
}

// tracedByStarter is the trace ID that `starter trace` finds.
func (r *rig) tracedByStarter(t *testing.T, id string) string {
	t.Helper()
	var answer struct {
		Trace string `json:"trace_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.mustStarter(t, "trace", id, "--json")), &answer))
	return answer.Trace
}
