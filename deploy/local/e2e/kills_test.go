package e2e

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/simulate/people"
	"ordertrace/lifecycle"
	"ordertrace/tracing/jaeger"
)

// People move orders while the worker of one system after the other is killed
// before each of their requests. A request that nobody answered is made again;
// nothing is lost, and nothing is done twice.
func TestPeopleWhileWorkersAreKilled(t *testing.T) {
	r := shared
	orders := map[string]order{}
	for _, worker := range workerNames {
		orders[worker] = r.mustStartTo(t, lifecycle.FileUploaded)
		r.settled(t, orders[worker].ID)
	}
	for worker, o := range orders {
		t.Run(worker, func(t *testing.T) {
			asked := 0
			ask := func(request func(context.Context) error) {
				t.Helper()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_ = r.Kill(worker, syscall.SIGKILL) // it may be between two lives
				tries, err := insist(ctx, request)
				require.NoError(t, err)
				asked += tries
			}
			everyone := r.everyone()
			ask(func(ctx context.Context) error { return r.giveModel(ctx, o.ID) })
			for _, step := range everyone.Steps(trackingOf(o.ID)) {
				r.until(t, o.ID, string(step.Stage))
				ask(func(ctx context.Context) error { return everyone.Take(ctx, o.ID, step) })
			}
			delivered := news(o, lifecycle.ParcelDelivered)
			ask(func(ctx context.Context) error { return r.carrier(t).Send(ctx, delivered) })
			require.NoError(t, r.ended(t, o.ID))
			t.Logf("8 things were asked in %d requests", asked)

			r.requireClosedEverywhere(t, o.ID)
			s := r.status(t, o.ID)
			require.NoError(t, r.recordsDiffer(t.Context(), s))
			require.Equal(t, moves(everyone.Steps(trackingOf(o.ID))), s.Moves)
			require.Empty(t, s.Problem)
			eventually(t, patience, 200*time.Millisecond, func() (bool, string) {
				traces := r.tracesOf(t, o.ID)
				why := wrongAfterRequestsAgain(traces)
				return why == "", why + "\n" + draw(traces...)
			})
		})
	}
}

// moves are what the order should remember of these steps.
func moves(steps []people.Step) (all []lifecycle.Move) {
	for _, s := range steps {
		all = append(all, lifecycle.Move{Stage: s.Stage, By: s.Body["by"], Carrier: s.Body["carrier"], Tracking: s.Body["tracking_number"]})
	}
	return all
}

// insist repeats a request until somebody answers it.
func insist(ctx context.Context, request func(context.Context) error) (tries int, err error) {
	for again := time.NewTicker(100 * time.Millisecond); ; {
		tries++
		err := request(ctx)
		var refused *lifecycle.Error
		switch {
		case err == nil:
			return tries, nil
		case errors.As(err, &refused) && refused.Remedy != lifecycle.Retry:
			return tries, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return tries, fmt.Errorf("after %d tries: %w", tries, err)
		}
	}
}

// wrongAfterRequestsAgain says what no kill excuses in the trace of an order that
// people moved and the carrier closed; empty if all is well. The carrier's
// message may be told twice.
func wrongAfterRequestsAgain(traces [][]jaeger.Span) string {
	if report := jaeger.Examine(traces...); report.Traces != 1 || report.Roots != 1 || report.Copies > 0 {
		return report.String()
	}
	for _, s := range orphans(traces[0]) {
		if isFact(s) {
			return "orphan " + s.Name
		}
	}
	names := count(traces[0])
	for name, n := range map[string]int{"RunWorkflow:Order": 1, "update upload": 1, "update advance": 6, "Order closed": 1} {
		if names[name] != n {
			return fmt.Sprintf("%d spans %s", names[name], name)
		}
	}
	if names["signal close"]+names["carrier delivered"] == 0 { // the latter, if it came before the order was shipped
		return "nobody told the order that its parcel is delivered"
	}
	return ""
}
