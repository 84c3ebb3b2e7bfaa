package e2e

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"ordertrace/deploy/local/stack"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/tracing/jaeger"
)

var workerNames = []string{"shop", "crm", "mes"}

// restart ends a worker by a signal and waits for its next life.
func (r *rig) restart(t *testing.T, name string, how syscall.Signal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	lives := r.Restarted(name)
	require.NoError(t, r.Kill(name, how))
	require.NoError(t, r.WaitHealthy(ctx, name))
	require.Greater(t, r.Restarted(name), lives)
}

// Workers that are restarted politely, one after the other, hand everything back
// and lose nothing.
func TestPoliteRestartsKeepTheTrace(t *testing.T) {
	for name, tc := range map[string]struct {
		at     func(*testing.T, *rig) order
		prices int // attempts of PRICE_CALCULATED
	}{
		"while it is priced":       {inPricing, 2}, // the first one is handed back
		"while it waits for close": {atTheLastGate, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := shared
			o := tc.at(t, r)
			for _, worker := range workerNames {
				r.restart(t, worker, syscall.SIGTERM)
			}
			r.models.release()
			r.until(t, o.ID, "CLOSED")
			r.closeUntraced(t, o.ID)
			require.NoError(t, r.ended(t, o.ID))
			spans := r.requireFacts(t, o.ID, closedOrder().plus(tally{"PRICE_CALCULATED": tc.prices}))
			requireAttempts(t, named(spans, "PRICE_CALCULATED"), tc.prices-1)
		})
	}
}

// A worker that is killed between two stages, again and again, leaves the trace
// as it was, and says the same when it has replayed the order.
func TestKilledBetweenStages(t *testing.T) {
	r := shared
	o := atTheLastGate(t, r)
	before := r.requireFacts(t, o.ID, waitingForClose())
	for range 5 {
		r.restart(t, "shop", syscall.SIGKILL)
		r.status(t, o.ID) // replays it
	}
	require.Equal(t, before, r.requireFacts(t, o.ID, waitingForClose()))
	r.closeUntraced(t, o.ID)
	require.NoError(t, r.ended(t, o.ID))
	before = r.requireFacts(t, o.ID, closedOrder())
	r.restart(t, "shop", syscall.SIGKILL)
	r.status(t, o.ID)
	require.Equal(t, before, r.requireFacts(t, o.ID, closedOrder()), "an ended order that is replayed says nothing new")
}

// A query adds no span: not to an order in flight, not to an ended one, not on a
// worker that knows nothing of it yet.
func TestQueriesAddNoSpan(t *testing.T) {
	r := shared
	o := atTheLastGate(t, r)
	for _, stage := range []struct {
		want tally
		next func()
	}{
		{waitingForClose(), func() { r.restart(t, "shop", syscall.SIGTERM) }},
		{waitingForClose(), func() { r.closeUntraced(t, o.ID); require.NoError(t, r.ended(t, o.ID)) }},
		{closedOrder(), func() { r.restart(t, "shop", syscall.SIGTERM) }},
		{closedOrder(), func() {}},
	} {
		before := r.requireFacts(t, o.ID, stage.want)
		for range 5 {
			r.status(t, o.ID)
		}
		require.Equal(t, before, r.requireFacts(t, o.ID, stage.want))
		stage.next()
	}
}

// Without a cache, every task replays the order from its start.
func TestReplayAtEveryTask(t *testing.T) {
	r := another(t, "WORKFLOW_CACHE_SIZE=0")
	id := newID("uncached")
	r.startUntraced(t, id, nil)
	r.until(t, id, "FILE_UPLOADED")
	r.mustStarter(t, "upload", id, "--model", ring)
	r.until(t, id, "CLOSED")
	want := waitingForClose().plus(tally{"await FILE_UPLOADED": 1, "update upload": 1})
	before := r.requireFacts(t, id, want)
	r.restart(t, "shop", syscall.SIGKILL)
	r.status(t, id)
	require.Equal(t, before, r.requireFacts(t, id, want))
	r.closeUntraced(t, id)
	require.NoError(t, r.ended(t, id))
	r.requireFacts(t, id, closedOrder().plus(tally{"await FILE_UPLOADED": 1, "update upload": 1}))
}

// Three attempts of one stage are three spans, numbered, the failed ones red.
func TestAttemptsAreToldApart(t *testing.T) {
	r := shared
	r.models.fail(2)
	o := atTheLastGate(t, r)
	r.closeUntraced(t, o.ID)
	require.NoError(t, r.ended(t, o.ID))
	spans := r.requireFacts(t, o.ID, closedOrder().plus(tally{"PRICE_CALCULATED": 3}))
	requireAttempts(t, named(spans, "PRICE_CALCULATED"), 2)
}

// requireAttempts requires that the attempts of one activity are numbered from 1
// in the order of their start, and that the first ones failed.
func requireAttempts(t *testing.T, attempts []jaeger.Span, failed int) {
	t.Helper()
	for i, s := range attempts {
		require.Equal(t, strconv.Itoa(i+1), s.Tags["temporalAttempt"])
		require.Equal(t, i < failed, s.Failed(), "attempt %d", i+1)
		require.Equal(t, attempts[0].Tags["temporalActivityID"], s.Tags["temporalActivityID"])
		require.Equal(t, attempts[0].Parent, s.Parent)
		require.Equal(t, s.Name, s.Tags["order.stage"])
	}
}

// A reset runs stages again, in the same trace.
func TestResetKeepsTheTrace(t *testing.T) {
	all := tally{} // every stage again
	for _, stage := range lifecycle.StageNames() {
		all[string(stage)] = 2
	}
	for name, tc := range map[string]struct {
		before func(t *testing.T, r *rig, id string) tally
		after  func(t *testing.T, r *rig, id string)
		want   tally
		kept   string
	}{
		"of an order that waits for its close": {
			kept:   "reset-open",
			before: func(*testing.T, *rig, string) tally { return waitingForClose() },
			after: func(t *testing.T, r *rig, id string) {
				r.until(t, id, "CLOSED")
				r.closeUntraced(t, id)
			},
			want: closedOrder().plus(all).plus(tally{"CLOSED": 1}),
		},
		"of a closed order, with its signal": {
			kept: "reset-closed",
			before: func(t *testing.T, r *rig, id string) tally {
				r.closeUntraced(t, id)
				require.NoError(t, r.ended(t, id))
				return closedOrder()
			},
			after: func(*testing.T, *rig, string) {},
			want:  closedOrder().plus(all).plus(tally{"settle": 4, "signal close": 2, "Order closed": 2}), // the second one need not wait
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := shared
			o := atTheLastGate(t, r)
			r.requireFacts(t, o.ID, tc.before(t, r, o.ID))
			r.reset(t, o.ID)
			tc.after(t, r, o.ID)
			require.NoError(t, r.ended(t, o.ID))
			spans := r.requireFacts(t, o.ID, tc.want)
			require.Equal(t, o.Trace, spans[0].Trace)
			r.keep(t, o.ID, tc.kept)

			r.restart(t, "shop", syscall.SIGKILL)
			r.status(t, o.ID)
			require.Equal(t, spans, r.requireFacts(t, o.ID, tc.want), "a replay of the reset order says the same")
		})
	}
}

// reset takes an order back to its first workflow task.
func (r *rig) reset(t *testing.T, id string) {
	t.Helper()
	require.NoError(t, r.resetFirst(t.Context(), id))
}

func (r *rig) resetFirst(ctx context.Context, id string) error {
	events := r.temporal.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return err
		}
		if event.EventType != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		_, err = r.temporal.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: stack.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
			Reason: "test", RequestId: newID("reset"), WorkflowTaskFinishEventId: event.EventId,
		})
		return err
	}
	return fmt.Errorf("order %s: no workflow task was completed", id)
}

// Every end has its own outcome, and the trace is whole all the same.
func TestOutcomes(t *testing.T) {
	waited := waitingForClose().plus(tally{"await CLOSED": 1})
	for name, tc := range map[string]struct {
		start   func(t *testing.T, r *rig) order // default: one that waits for its close
		end     func(t *testing.T, r *rig, id string)
		want    tally
		outcome string // its span; empty: nobody is left to tell it
		status  string // as Jaeger shows it; empty: unset
	}{
		"closed": {
			end:     func(t *testing.T, r *rig, id string) { r.closeUntraced(t, id); require.NoError(t, r.ended(t, id)) },
			want:    closedOrder(),
			outcome: "Order closed", status: "OK",
		},
		"cancelled": {
			start: func(t *testing.T, r *rig) order {
				o := r.start(t, "--attended")
				r.waits(t, o.ID, lifecycle.Submitted)
				return o
			},
			end: func(t *testing.T, r *rig, id string) {
				require.NoError(t, r.temporal.CancelWorkflow(t.Context(), id, ""))
				require.Error(t, r.ended(t, id))
			},
			want: tally{
				"RunWorkflow:Order": 1, "INITIATED": 1, "FILE_UPLOADED": 1, "await SUBMITTED": 1,
				"undo FILE_UPLOADED": 1, "undo INITIATED": 1, "settle": 1, "Order cancelled": 1,
			},
			outcome: "Order cancelled",
		},
		"failed": { // the CRM's own people cancelled the deal: CLOSED is refused
			end: func(t *testing.T, r *rig, id string) {
				require.NoError(t, api.NewClient(r.CRMURL()).Settle(t.Context(), id, api.OutcomeRequest{Outcome: lifecycle.OutcomeCancelled, By: "test"}))
				r.closeUntraced(t, id)
				require.Error(t, r.ended(t, id))
			},
			want:    waited.plus(tally{"signal close": 1, "CLOSED": 1, "settle": 3, "Order failed": 1}),
			outcome: "Order failed", status: "ERROR",
		},
		"terminated": {
			end: func(t *testing.T, r *rig, id string) {
				require.NoError(t, r.temporal.TerminateWorkflow(t.Context(), id, "", "test"))
				require.Error(t, r.ended(t, id))
			},
			want: waitingForClose(), // the rest is the reconciler's
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := shared
			start := tc.start
			if start == nil {
				start = atTheLastGate
			}
			o := start(t, r)
			tc.end(t, r, o.ID)
			spans := r.requireFacts(t, o.ID, tc.want)
			if name == "failed" {
				r.keep(t, o.ID, name)
			}
			if tc.outcome == "" {
				return
			}
			outcome := one(t, spans, tc.outcome)
			require.Equal(t, tc.status, outcome.Tags["otel.status_code"])
			require.Equal(t, name, outcome.Tags["order.outcome"])
			require.Equal(t, one(t, spans, "RunWorkflow:Order").ID, outcome.Parent)
		})
	}
}
