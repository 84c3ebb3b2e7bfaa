package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"ordertrace/deploy/local/stack"
	"ordertrace/lifecycle"
	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
	"ordertrace/workflow"
)

// At every wait, every span in Jaeger has its parent there.
func TestNoOrphanInFlight(t *testing.T) {
	for name, tc := range map[string]struct {
		start func(t *testing.T, r *rig) string
		leave func(t *testing.T, r *rig, id string)
	}{
		"while it waits for a model": {
			start: func(t *testing.T, r *rig) string {
				id := newID("flight")
				r.startUntraced(t, id, nil)
				return id
			},
			leave: func(t *testing.T, r *rig, id string) {
				r.mustStarter(t, "upload", id, "--model", ring)
				r.until(t, id, "CLOSED")
			},
		},
		"while it waits for its close": {
			start: func(t *testing.T, r *rig) string { return r.start(t).ID },
			leave: func(*testing.T, *rig, string) {},
		},
		"while it is priced": {
			start: func(t *testing.T, r *rig) string { return inPricing(t, r).ID },
			leave: func(t *testing.T, r *rig, id string) {
				r.models.release()
				r.until(t, id, "CLOSED")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := shared
			id := tc.start(t, r)
			polls := r.watch(t, id, 2*time.Second)
			require.Greater(t, polls, 10)
			tc.leave(t, r, id)
			r.watch(t, id, time.Second)
			r.closeUntraced(t, id)
			require.NoError(t, r.ended(t, id))
			r.watch(t, id, time.Second)
		})
	}
}

// So it is at each gate of an attended order, which has one wait for each person.
func TestNoOrphanAtAnyGate(t *testing.T) {
	r := shared
	o := r.start(t, "--attended")
	want := closedOrder()
	for step := range lifecycle.Steps() {
		if step.Stage == lifecycle.Initiated || step.Stage == lifecycle.FileUploaded || step.By == lifecycle.Itself {
			continue // open already
		}
		r.until(t, o.ID, string(step.Stage))
		r.watch(t, o.ID, time.Second)
		want["await "+string(step.Stage)] = 1
		if step.Stage != lifecycle.Closed {
			want["signal "+workflow.SignalMove]++
			move := lifecycle.Move{Stage: step.Stage, By: "person-1"}
			require.NoError(t, r.temporal.SignalWorkflow(t.Context(), o.ID, "", workflow.SignalMove, move))
		}
	}
	r.closeUntraced(t, o.ID)
	require.NoError(t, r.ended(t, o.ID))
	spans := r.requireFacts(t, o.ID, want)
	for step := range lifecycle.Steps() {
		for _, wait := range named(spans, "await "+string(step.Stage)) {
			require.Equal(t, string(step.By), wait.Tags["order.awaited"])
			require.Greater(t, wait.Duration, time.Second, "it took that long")
		}
	}
}

// exportTime is how long a span may be on its way to Jaeger.
const exportTime = time.Second

// watch polls an order's trace for some time, and requires at each look that no
// span misses its parent, but for what lies below an attempt that is running or
// has just ended. It tells how often it looked.
func (r *rig) watch(t *testing.T, id string, long time.Duration) (polls int) {
	t.Helper()
	order := order{ID: id, Trace: r.traceOf(t, id)}
	end, tick := time.NewTimer(long), time.NewTicker(50*time.Millisecond)
	defer end.Stop()
	defer tick.Stop()
	began := time.Now()
	for {
		running := r.running(t, id)
		spans := r.spans(t, order)
		for _, s := range orphans(spans) {
			young := running || recent(spans)
			require.True(t, young && !isFact(s), "%v after the start of the watch, running %v:\n%s\nin\n%s",
				time.Since(began), running, draw([]jaeger.Span{s}), draw(spans))
		}
		polls++
		select {
		case <-tick.C:
		case <-end.C:
			return polls
		}
	}
}

// running tells whether an attempt of the order is running.
func (r *rig) running(t *testing.T, id string) bool {
	t.Helper()
	d, err := r.temporal.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	for _, a := range d.PendingActivities {
		if a.State == enumspb.PENDING_ACTIVITY_STATE_STARTED {
			return true
		}
	}
	return false
}

// recent tells whether some span ended so lately that others of its process may
// still be on their way.
func recent(spans []jaeger.Span) bool {
	for _, s := range spans {
		if time.Since(s.End()) < exportTime {
			return true
		}
	}
	return false
}

func orphans(spans []jaeger.Span) []jaeger.Span {
	known := map[string]bool{"": true}
	for _, s := range spans {
		known[s.ID] = true
	}
	var out []jaeger.Span
	for _, s := range spans {
		if !known[s.Parent] {
			out = append(out, s)
		}
	}
	return out
}

// traceOf reads an order's trace ID from Temporal.
func (r *rig) traceOf(t *testing.T, id string) string {
	t.Helper()
	anchor, err := tracing.Connection{Client: r.temporal, Namespace: stack.Namespace}.Anchor(t.Context(), id)
	require.NoError(t, err)
	return anchor.TraceID().String()
}
