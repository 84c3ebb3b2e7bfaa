package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"golang.org/x/sync/errgroup"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/tracing/jaeger"
)

// A canceller is a way to cancel an order, with who the order then says it was.
type canceller struct {
	by     string
	cancel func(ctx context.Context, t *testing.T, r *rig, id string) error
}

// cancellers are all ways to cancel an order.
var cancellers = map[string]canceller{
	"by the customer": {"customer-1", func(ctx context.Context, _ *testing.T, r *rig, id string) error {
		return r.cancelAt(ctx, r.ShopURL(), id, "customer-1")
	}},
	"by the CRM": {"manager-3", func(ctx context.Context, _ *testing.T, r *rig, id string) error {
		return r.cancelAt(ctx, r.CRMURL(), id, "manager-3")
	}},
	"by the starter": {"support-2", func(_ context.Context, t *testing.T, r *rig, id string) error {
		_, err := r.starter(t, "cancel", id, "--by", "support-2")
		return err
	}},
	"by Temporal's own request": {"temporal", func(ctx context.Context, _ *testing.T, r *rig, id string) error {
		return r.temporal.CancelWorkflow(ctx, id, "")
	}},
}

func (r *rig) cancelAt(ctx context.Context, url, id, by string) error {
	return r.everyone().Do(ctx, http.MethodPost, url+"/orders/"+id+"/cancel", map[string]string{"by": by}, nil)
}

// cancellable are the gates at which people wait for an attended order that can
// still be cancelled.
func cancellable() (gates []lifecycle.Stage) {
	for step := range lifecycle.Steps() {
		if step.By != lifecycle.Itself && step.Stage != lifecycle.Initiated && step.Stage != lifecycle.Closed {
			gates = append(gates, step.Stage)
		}
	}
	return gates
}

// startTo starts an attended order and takes it to a gate.
func (r *rig) startTo(ctx context.Context, gate lifecycle.Stage) (order, error) {
	everyone := r.everyone()
	started, err := everyone.Start(ctx, "silver-925", "")
	if err != nil {
		return order{}, err
	}
	o := order{ID: started.OrderID, Trace: started.TraceID}
	if err := everyone.Await(ctx, o.ID, lifecycle.FileUploaded); err != nil || gate == lifecycle.FileUploaded {
		return o, err
	}
	if err := r.giveModel(ctx, o.ID); err != nil {
		return o, err
	}
	for _, step := range everyone.Steps(trackingOf(o.ID)) {
		if step.Stage == gate {
			break
		}
		if err := everyone.Take(ctx, o.ID, step); err != nil {
			return o, err
		}
	}
	return o, everyone.Await(ctx, o.ID, gate)
}

func (r *rig) mustStartTo(t *testing.T, gate lifecycle.Stage) order {
	t.Helper()
	o, err := r.startTo(t.Context(), gate)
	require.NoError(t, err)
	return o
}

// At each gate before SHIPPED, and in each way, an order is cancelled and undone:
// orders side by side.
func TestCancelledAtEveryGateInEveryWay(t *testing.T) {
	r := shared
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var orders errgroup.Group
	orders.SetLimit(8)
	for _, gate := range cancellable() {
		for way, c := range cancellers {
			orders.Go(func() error {
				o, err := r.startTo(ctx, gate)
				if err == nil {
					err = c.cancel(ctx, t, r, o.ID)
				}
				if err == nil {
					err = r.wasCancelled(ctx, t, o, c.by)
				}
				if err != nil {
					return fmt.Errorf("at %s, %s: %w", gate, way, err)
				}
				return nil
			})
		}
	}
	require.NoError(t, orders.Wait())
}

// wasCancelled waits for the order's end and tells what of it is not as it
// should be: each stage is undone, the last first; every system that met the
// order has it cancelled, and no other knows of it; all tell the same. A stage
// that was cut off is undone as well.
func (r *rig) wasCancelled(ctx context.Context, t *testing.T, o order, by string, cutOff ...lifecycle.Stage) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := r.temporal.GetWorkflow(ctx, o.ID, "").Get(ctx, nil); err == nil || ctx.Err() != nil {
		return fmt.Errorf("order %s was not cancelled: %w", o.ID, errors.Join(err, ctx.Err()))
	}
	s, err := r.statusOf(ctx, o.ID)
	switch {
	case err != nil:
		return err
	case s.Outcome != lifecycle.OutcomeCancelled || s.Cancel == nil || s.Cancel.By != by || s.Problem != "":
		return fmt.Errorf("order %s was %s, by %+v, want %s; problem %q", o.ID, s.Outcome, s.Cancel, by, s.Problem)
	}
	if err := r.onlyKnownWhereMet(ctx, s); err != nil {
		return err
	}
	if err := r.disagreement(t, o.ID); err != nil {
		return err
	}
	begun := cutOff
	for _, p := range slices.Backward(s.Passed) {
		if !slices.Contains(begun, p.Stage) {
			begun = append(begun, p.Stage)
		}
	}
	return undoneInTurn(begun, r.spans(t, o))
}

func (r *rig) onlyKnownWhereMet(ctx context.Context, s lifecycle.Status) error {
	for system, url := range map[lifecycle.System]string{lifecycle.Shop: r.ShopURL(), lifecycle.CRM: r.CRMURL(), lifecycle.MES: r.MESURL()} {
		met := slices.ContainsFunc(s.Passed, func(p lifecycle.Passage) bool { return slices.Contains(lifecycle.Owned(system), p.Stage) })
		o, err := api.NewClient(url).Order(ctx, s.OrderID)
		switch {
		case met && err != nil:
			return err
		case met && o.By != s.Cancel.By:
			return fmt.Errorf("the %s says that %s cancelled it", system, o.By)
		case !met && codeOf(err) != lifecycle.CodeNotFound:
			return fmt.Errorf("the %s never met the order, and knows of it: %+v %w", system, o, err)
		}
	}
	return nil
}

func codeOf(err error) string {
	var e *lifecycle.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// undoneInTurn tells whether the trace undoes these stages in this order, one
// after the other, and then tells the end.
func undoneInTurn(stages []lifecycle.Stage, spans []jaeger.Span) error {
	var want, got []string
	for _, stage := range stages {
		want = append(want, lifecycle.Undo(stage))
	}
	var done time.Time
	for _, span := range inTime(spans) {
		if !strings.HasPrefix(span.Name, lifecycle.Undo("")) || span.Failed() {
			continue
		}
		if span.Start.Before(done) {
			return fmt.Errorf("%s began before the one before it had ended\n%s", span.Name, draw(spans))
		}
		got, done = append(got, span.Name), span.End()
	}
	if !slices.Equal(want, got) {
		return fmt.Errorf("want undone %v, got %v\n%s", want, got, draw(spans))
	}
	if end := named(spans, "Order cancelled"); len(end) != 1 || end[0].Start.Before(done) {
		return fmt.Errorf("the order's end comes before all is undone\n%s", draw(spans))
	}
	return nil
}

func inTime(spans []jaeger.Span) []jaeger.Span {
	return slices.SortedFunc(slices.Values(spans), func(a, b jaeger.Span) int { return a.Start.Compare(b.Start) })
}

// While the MES measures an order's model, the order can be cancelled: the MES
// gives the price up.
func TestCancelledWhileItIsPriced(t *testing.T) {
	r, ctx := shared, t.Context()
	r.models.shut()
	defer r.models.release()
	priced := map[string]order{}
	for way, c := range cancellers {
		o := r.mustStartTo(t, lifecycle.Submitted)
		require.NoError(t, r.everyone().Take(ctx, o.ID, r.everyone().Steps("")[0]))
		eventually(t, patience, 50*time.Millisecond, func() (bool, string) {
			return r.status(t, o.ID).Passing == lifecycle.PriceCalculated && r.running(t, o.ID), "it is not priced"
		})
		require.NoError(t, c.cancel(ctx, t, r, o.ID), way)
		priced[way] = o
	}
	for way, o := range priced {
		require.NoError(t, r.wasCancelled(ctx, t, o, cancellers[way].by, lifecycle.PriceCalculated), way)
	}
}

// A system that is down while an order is undone is asked again until it has
// undone its part. Meanwhile the order says that it is being cancelled, and takes
// nothing.
func TestUndoneOnceTheSystemIsBack(t *testing.T) {
	r, ctx := shared, t.Context()
	waiting := map[string]order{ // by the system that undoes first
		"mes": r.mustStartTo(t, lifecycle.Packaging),
		"crm": r.mustStartTo(t, lifecycle.ManufacturingStarted),
	}
	for _, o := range waiting {
		r.settled(t, o.ID)
	}
	for system := range waiting {
		resume := r.suspend(t, system)
		defer resume()
	}
	for system, o := range waiting {
		require.NoError(t, r.cancelAt(ctx, r.ShopURL(), o.ID, "customer-1"))
		r.waitsForUndo(t, o.ID, system)
		s := r.status(t, o.ID)
		require.Equal(t, [2]any{"customer-1", lifecycle.Outcome("")}, [2]any{s.Cancel.By, s.Outcome}, "it is being cancelled")
		requireCode(t, lifecycle.CodeEnded, r.everyone().Do(ctx, http.MethodPost, r.ShopURL()+"/orders/"+o.ID+"/upload", map[string]string{"material": "gold-585"}, nil))
	}
	for system := range waiting {
		r.restart(t, system, syscall.SIGKILL)
	}
	for _, o := range waiting {
		require.NoError(t, r.wasCancelled(ctx, t, o, "customer-1"))
	}
}

// settled waits until an order's trace is whole and grows no more: what is killed
// from then on takes no span with it.
func (r *rig) settled(t testing.TB, id string) {
	t.Helper()
	known, quiet := 0, 0
	eventually(t, patience, 250*time.Millisecond, func() (bool, string) {
		traces := r.tracesOf(t, id)
		if report := jaeger.Examine(traces...); !report.Whole() || report.Spans != known {
			known, quiet = report.Spans, 0
			return false, report.String()
		}
		quiet++
		return quiet >= 3, "it still grows"
	})
}

// suspend keeps a process from doing anything, until it is resumed.
func (r *rig) suspend(t testing.TB, name string) (resume func()) {
	t.Helper()
	require.NoError(t, r.Kill(name, syscall.SIGSTOP))
	// On a busy machine, its other threads run on for a moment.
	eventually(t, patience, 5*time.Millisecond, func() (bool, string) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", r.Pid(name)))
		require.NoError(t, err)
		for _, thread := range threads { // none where the system does not tell
			status, err := os.ReadFile(thread)
			if err == nil && !bytes.Contains(status, []byte("\nState:\tT")) {
				return false, string(status)
			}
		}
		return true, ""
	})
	return func() { _ = r.Kill(name, syscall.SIGCONT) } // it may have been killed since
}

// waitsForUndo waits until the order hangs on an undo at a system.
func (r *rig) waitsForUndo(t *testing.T, id, system string) {
	t.Helper()
	eventually(t, patience, 50*time.Millisecond, func() (bool, string) {
		d, err := r.temporal.DescribeWorkflowExecution(t.Context(), id, "")
		require.NoError(t, err)
		for _, a := range d.PendingActivities {
			stage := lifecycle.Stage(strings.TrimPrefix(a.ActivityType.Name, lifecycle.Undo("")))
			if step, err := lifecycle.Find(stage); err == nil && string(step.System) == system {
				return true, ""
			}
		}
		return false, fmt.Sprint(d.PendingActivities)
	})
}

// A system that cannot write is asked again: each attempt is a span of its own,
// and the order goes on when one succeeds.
func TestUndoIsTriedAgain(t *testing.T) {
	r := shared
	o := r.mustStartTo(t, lifecycle.ManufacturingStarted)
	release := r.lockDatabase(t, "mes")
	require.NoError(t, r.cancelAt(t.Context(), r.CRMURL(), o.ID, "manager-3"))
	eventually(t, patience, 100*time.Millisecond, func() (bool, string) {
		d, err := r.temporal.DescribeWorkflowExecution(t.Context(), o.ID, "")
		require.NoError(t, err)
		return len(d.PendingActivities) == 1 && d.PendingActivities[0].Attempt > 1, fmt.Sprint(d.PendingActivities)
	})
	release()
	require.Error(t, r.ended(t, o.ID))
	require.NoError(t, r.wasCancelled(t.Context(), t, o, "manager-3"))
	attempts := named(r.spans(t, o), lifecycle.Undo(lifecycle.PriceCalculated))
	require.Greater(t, len(attempts), 1)
	require.False(t, attempts[len(attempts)-1].Failed(), draw(attempts))
	require.True(t, attempts[0].Failed(), draw(attempts))
}

// lockDatabase keeps a system's database locked, as somebody's backup or a long
// report might.
func (r *rig) lockDatabase(t *testing.T, system string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(filepath.Dir(filepath.Dir(r.LogFile(system))), system+".db")+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	return func() {
		t.Helper()
		require.NoError(t, tx.Rollback())
		require.NoError(t, db.Close())
	}
}

// From SHIPPED on, whoever asks, an order is not cancelled: it stays open, and is
// closed later.
func TestShippedOrderIsNotCancelled(t *testing.T) {
	r, ctx := shared, t.Context()
	o := r.mustStartTo(t, lifecycle.Shipped)

	// The MES takes its time to ship it: it is on its way from the word on.
	resume := r.suspend(t, "mes")
	defer resume()
	r.mustStarter(t, "advance", o.ID, "SHIPPED", "--by", "operator-7", "--carrier", "UPS", "--tracking", trackingOf(o.ID))
	requireCode(t, lifecycle.CodeShipped, r.cancelAt(ctx, r.ShopURL(), o.ID, "customer-1"))
	resume()

	require.NoError(t, r.everyone().Await(ctx, o.ID, lifecycle.Closed))
	requireCode(t, lifecycle.CodeShipped, r.cancelAt(ctx, r.ShopURL(), o.ID, "customer-1"))
	requireCode(t, lifecycle.CodeShipped, r.cancelAt(ctx, r.CRMURL(), o.ID, "manager-3"))
	_, err := r.starter(t, "cancel", o.ID)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.ErrorContains(t, err, "starter: order "+o.ID+": the order is on its way: it can be closed, not cancelled")
	require.ErrorContains(t, err, "hint: `starter close "+o.ID+"` closes it")

	require.NoError(t, r.temporal.CancelWorkflow(ctx, o.ID, ""))
	eventually(t, patience, 50*time.Millisecond, func() (bool, string) {
		s := r.status(t, o.ID)
		return len(s.Ignored) == 1, fmt.Sprintf("%+v", s)
	})
	s := r.status(t, o.ID)
	require.Equal(t, []string{"cancel: the order is on its way: it can be closed, not cancelled"}, s.Ignored)
	require.True(t, s.WaitsFor(lifecycle.Closed))
	d, err := r.temporal.DescribeWorkflowExecution(ctx, o.ID, "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, d.WorkflowExecutionInfo.Status)

	r.mustStarter(t, "close", o.ID, "--reason", "fetched by the customer")
	require.NoError(t, r.ended(t, o.ID))
	r.requireClosedEverywhere(t, o.ID)
	r.requireAgreement(t, o.ID)
	spans := r.requireWhole(t, o)
	require.Len(t, named(spans, "ignored cancel"), 1)
	for _, span := range spans {
		require.False(t, strings.HasPrefix(span.Name, lifecycle.Undo("")), "nothing is undone")
	}
}
