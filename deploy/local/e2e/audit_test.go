package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/simulate/carrier"
	"ordertrace/deploy/simulate/walk"
	"ordertrace/lifecycle"
	"ordertrace/tracing/audit"
	"ordertrace/tracing/jaeger"
	"ordertrace/workflow"
)

// repair is what `starter trace repair` answers.
func (r *rig) repair(t *testing.T, args ...string) audit.Summary {
	t.Helper()
	out, err := r.starter(t, append([]string{"trace", "repair", "--json", "--settled", "1s", "--rate", "0"}, args...)...)
	require.NoError(t, err)
	var s audit.Summary
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	return s
}

// verify is what `starter trace verify` answers of an order that is whole.
func (r *rig) verify(t *testing.T, id string) audit.Report {
	t.Helper()
	var report audit.Report
	require.NoError(t, json.Unmarshal([]byte(r.mustStarter(t, "trace", "verify", id, "--json")), &report))
	return report
}

// Two hundred orders that met no fault: a repair adds nothing, and finds no
// difference between what was told and what history says.
func TestRepairAddsNothingToWholeTraces(t *testing.T) {
	const each = 40
	r := another(t)
	model := r.upload(t)
	var many errgroup.Group
	many.SetLimit(4)
	kinds := map[string]func(ctx context.Context, id string) error{
		"unattended": func(ctx context.Context, id string) error { return r.runToClose(ctx, id, model, nil) },
		"retried": func(ctx context.Context, id string) error {
			r.models.fail(1)
			return r.runToClose(ctx, id, model, nil)
		},
		"reset": func(ctx context.Context, id string) error { return r.runToClose(ctx, id, model, r.resetFirst) },
	}
	for kind, play := range kinds {
		for range each {
			id := newID(kind)
			many.Go(func() error { return play(t.Context(), id) })
		}
	}
	people := r.walk(t)
	for range each {
		many.Go(func() error { _, err := people.Closed(t.Context()); return err })
		id := newID("cancelled")
		many.Go(func() error { return r.runToCancel(t.Context(), id, model) })
	}
	require.NoError(t, many.Wait())
	r.allEnded(t, 5*each)
	s := r.repair(t, "--all")
	require.Empty(t, s.Unrepairable)
	require.Equal(t, audit.Summary{Looked: 5 * each, Whole: 5 * each}, s)
}

// runToClose runs an unattended order to its end. meanwhile is done while it waits
// for its close.
func (r *rig) runToClose(ctx context.Context, id string, model *lifecycle.Model, meanwhile func(context.Context, string) error) error {
	_, err := r.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflow.TaskQueue},
		workflow.Name, workflow.Input{Material: "silver-925", Model: model})
	if err != nil {
		return err
	}
	if meanwhile != nil {
		if err := r.awaitClose(ctx, id); err != nil {
			return err
		}
		if err := meanwhile(ctx, id); err != nil {
			return err
		}
	}
	return r.temporal.SignalWorkflow(ctx, id, "", workflow.SignalClose, nil)
}

// runToCancel cancels an order that waits for its customer.
func (r *rig) runToCancel(ctx context.Context, id string, model *lifecycle.Model) error {
	_, err := r.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflow.TaskQueue},
		workflow.Name, workflow.Input{Material: "silver-925", Model: model, Attended: true})
	if err == nil {
		err = r.awaitGate(ctx, id, lifecycle.Submitted)
	}
	if err == nil {
		err = r.temporal.CancelWorkflow(ctx, id, "")
	}
	return err
}

func (r *rig) awaitClose(ctx context.Context, id string) error {
	return r.awaitGate(ctx, id, lifecycle.Closed)
}

// awaitGate waits until an order waits at a gate, however busy everybody is.
func (r *rig) awaitGate(ctx context.Context, id string, gate lifecycle.Stage) error {
	_, err := backoff.Retry(ctx, func() (lifecycle.Status, error) {
		var s lifecycle.Status
		answer, err := r.temporal.QueryWorkflow(ctx, id, "", workflow.QueryStatus)
		if err == nil {
			err = answer.Get(&s)
		}
		if err == nil && (s.Waiting == nil || s.Waiting.Stage != gate) {
			err = fmt.Errorf("order %s does not wait for %s", id, gate)
		}
		return s, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(100*time.Millisecond)), backoff.WithMaxElapsedTime(patience))
	return err
}

// walk takes attended orders to their end, by people who press again.
func (r *rig) walk(t *testing.T) walk.Walk {
	t.Helper()
	secret, err := r.CarrierSecret()
	require.NoError(t, err)
	secret, _, _ = strings.Cut(secret, ",")
	model, err := os.ReadFile(filepath.Join(root, ring))
	require.NoError(t, err)
	return walk.Walk{
		People: r.everyone(), Carrier: carrier.Simulator{URL: r.CRMURL(), Secret: secret},
		Material: "silver-925", Model: model, File: "ring.stl", Patience: patience,
	}
}

// allEnded waits until no order is open, and as many as said have been.
func (r *rig) allEnded(t *testing.T, orders int) (ids []string) {
	t.Helper()
	eventually(t, 3*patience, time.Second, func() (bool, string) {
		list, err := r.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: stack.Namespace, PageSize: 1000, Query: "WorkflowType = 'Order'",
		})
		if err != nil {
			return false, err.Error()
		}
		open := map[string]bool{}
		for _, e := range list.Executions {
			open[e.Execution.WorkflowId] = open[e.Execution.WorkflowId] || e.CloseTime == nil
		}
		ids = slices.Sorted(maps.Keys(open))
		left := 0
		for _, still := range open {
			if still {
				left++
			}
		}
		return left == 0 && len(ids) == orders, fmt.Sprintf("%d of %d orders are open", left, len(ids))
	})
	return ids
}

// Orders whose end no worker could tell get their outcome.
func TestRepairTellsTheEndsThatNobodyTold(t *testing.T) {
	r := shared
	for name, tc := range map[string]struct {
		timeout time.Duration
		end     func(id string) error
		outcome string
	}{
		"terminated": {0, func(id string) error { return r.temporal.TerminateWorkflow(t.Context(), id, "", "Jane Doe wants it") }, "Order terminated"},
		"timed out":  {15 * time.Second, func(string) error { return nil }, "Order timed out"},
	} {
		t.Run(name, func(t *testing.T) {
			id := newID("ended")
			_, err := r.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
				ID: id, TaskQueue: workflow.TaskQueue, WorkflowExecutionTimeout: tc.timeout,
			}, workflow.Name, workflow.Input{Material: "silver-925", Model: r.upload(t)})
			require.NoError(t, err)
			r.until(t, id, "CLOSED")
			require.NoError(t, tc.end(id))
			require.Error(t, r.ended(t, id))
			r.requireFacts(t, id, waitingForClose())
			r.keep(t, id, strings.ReplaceAll(name, " ", "-"))

			_, err = r.starter(t, "trace", "verify", id, "--settled", "1ms")
			require.ErrorContains(t, err, "missing: "+tc.outcome)
			eventually(t, patience, 100*time.Millisecond, func() (bool, string) {
				s := r.repair(t, id, "--settled", "1ms")
				return s.Added == 1, fmt.Sprint(s)
			})
			spans := r.requireFacts(t, id, waitingForClose().plus(tally{tc.outcome: 1}))
			outcome := one(t, spans, tc.outcome)
			require.True(t, outcome.Failed())
			require.Equal(t, name, outcome.Tags["order.outcome"])
			require.Equal(t, "from history", outcome.Tags["order.repaired"])
			report := r.verify(t, id)
			require.True(t, report.Whole())
			require.Equal(t, audit.Summary{Looked: 1, Whole: 1}, r.repair(t, id), "once is enough")

			file := filepath.Join(t.TempDir(), "trace.json")
			r.mustStarter(t, "trace", "export", id, "--to", file)
			var saved struct {
				Data []struct {
					TraceID string            `json:"traceID"`
					Spans   []json.RawMessage `json:"spans"`
				} `json:"data"`
			}
			content, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(content, &saved))
			require.Len(t, saved.Data, 1)
			require.Equal(t, report.TraceID, saved.Data[0].TraceID)
			require.Len(t, saved.Data[0].Spans, len(spans))
		})
	}
}

// Nobody has to ask: what is missing is written by itself, on every round.
func TestTracesAreRepairedByThemselves(t *testing.T) {
	r := another(t, "AUDIT_INTERVAL=1s", "AUDIT_SETTLED=1s")
	for range 2 {
		id := newID("audited")
		r.startUntraced(t, id, r.upload(t))
		require.NoError(t, r.awaitClose(t.Context(), id))
		require.NoError(t, r.temporal.TerminateWorkflow(t.Context(), id, "", "test"))
		r.requireFacts(t, id, waitingForClose().plus(tally{"Order terminated": 1}))
		require.True(t, r.verify(t, id).Whole())
	}
	traces, err := r.jaeger.Find(t.Context(), "order", "order.outcome", "closed")
	require.NoError(t, err)
	require.Empty(t, traces, "audits are no orders")
}

// A Jaeger whose storage was deleted gets its orders' traces back: everything
// that history knows, with the same IDs, parents, names and times, and once, though
// two repair at once.
func TestRepairBringsBackADeletedStorage(t *testing.T) {
	state := t.TempDir()
	r, err := newRig(context.Background(), shared.bin, state, nil)
	require.NoError(t, err)
	model := r.upload(t)
	var orders []string
	for i := range 10 {
		id := newID("deleted")
		orders = append(orders, id)
		if i%5 == 0 {
			r.models.fail(1)
		}
		require.NoError(t, r.runToClose(t.Context(), id, model, nil))
	}
	r.allEnded(t, len(orders))
	o, err := r.startTo(t.Context(), lifecycle.ManufacturingStarted)
	require.NoError(t, err)
	require.NoError(t, r.temporal.CancelWorkflow(t.Context(), o.ID, ""))
	orders = append(orders, o.ID)
	r.allEnded(t, len(orders))
	before := map[string][]jaeger.Span{}
	for _, id := range orders {
		eventually(t, patience, 250*time.Millisecond, func() (bool, string) {
			out, err := r.starter(t, "trace", "verify", id)
			return err == nil, out
		})
		before[id] = facts(r.tracesOf(t, id)[0])
	}
	require.NoError(t, r.close())
	require.NoError(t, os.RemoveAll(filepath.Join(state, "jaeger")))

	r, err = newRig(context.Background(), shared.bin, state, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.close()) }()
	require.Empty(t, r.tracesOf(t, orders[0]))
	var two errgroup.Group // at once: both write the same
	for range 2 {
		two.Go(func() error {
			_, err := r.starter(t, "trace", "repair", "--all", "--settled", "1s", "--rate", "0")
			return err
		})
	}
	require.NoError(t, two.Wait())
	for _, id := range orders {
		traces := r.tracesOf(t, id)
		require.True(t, jaeger.Examine(traces...).Whole(), draw(traces...))
		after := map[string]jaeger.Span{}
		for _, s := range facts(traces[0]) {
			after[s.ID] = s
		}
		for _, was := range before[id] {
			is, ok := after[was.ID]
			require.True(t, ok, "%s is not back", was.Name)
			require.Equal(t, []string{was.Trace, was.Parent, was.Name, was.Tags["temporalAttempt"], was.Tags["order.stage"], was.Tags["error.type"]},
				[]string{is.Trace, is.Parent, is.Name, is.Tags["temporalAttempt"], is.Tags["order.stage"], is.Tags["error.type"]})
			switch is.Tags["order.repaired"] {
			case "":
				require.Equal(t, was, is, "the workflow's own span is the very same")
			case "from history":
				require.Equal(t, was.Start, is.Start, was.Name)
				require.WithinDuration(t, was.End(), is.End(), time.Second, was.Name)
			}
		}
	}
	require.Equal(t, audit.Summary{Looked: len(orders), Whole: len(orders)}, r.repair(t, "--all"))
}

// Two hundred orders, a random worker killed every second, Jaeger killed twice, the
// network to it stalled for five seconds, and closes without a header: after a repair
// every trace is one, whole, once and true.
func TestRepairAfterChaos(t *testing.T) {
	const orders, every = 200, time.Second
	wire := newWire(t)
	r := another(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+wire.address())
	wire.connect(r.OTLPEndpoint())
	model := r.upload(t)
	var ids []string
	closed, kills := 0, 0
	start, kill := time.NewTicker(150*time.Millisecond), time.NewTicker(every)
	defer start.Stop()
	defer kill.Stop()
	for closed < orders {
		select {
		case <-start.C:
			if len(ids) < orders {
				ids = append(ids, newID("torn"))
				r.startUntraced(t, ids[len(ids)-1], model)
			}
			if closed < len(ids)-closeAfter || len(ids) == orders {
				r.closeUntraced(t, ids[closed])
				closed++
			}
		case <-kill.C:
			victim := workerNames[rand.IntN(len(workerNames))]
			switch kills++; kills {
			case 10, 20:
				victim = "jaeger"
			case 13:
				wire.stall()
			case 18:
				wire.flow()
			}
			_ = r.Kill(victim, syscall.SIGKILL) // it may be between two lives
		}
	}
	r.allEnded(t, orders)
	require.Greater(t, kills, 20, "it was over too soon")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, r.WaitHealthy(ctx, "jaeger"))

	s := r.repair(t, "--all")
	t.Logf("%d kills; %d of %d orders were whole, %d were repaired with %d spans", kills, s.Whole, s.Looked, s.Repaired, s.Added)
	require.Empty(t, s.Unrepairable)
	require.Equal(t, orders, s.Looked)
	require.NotZero(t, s.Added, "the kills tore nothing: this test has shown nothing")
	require.Equal(t, audit.Summary{Looked: orders, Whole: orders}, r.repair(t, "--all"), "a repair leaves nothing to repair")
	for _, id := range ids {
		traces := r.tracesOf(t, id)
		require.True(t, jaeger.Examine(traces...).Whole(), draw(traces...))
	}
}
