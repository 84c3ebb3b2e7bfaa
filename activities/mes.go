package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// MES is the activities on the queue mes.
type MES struct{ system }

// NewMES returns the activities that call the MES.
func NewMES(client *api.Client) *MES { return &MES{system{client}} }

// Register makes them known to a worker.
func (m *MES) Register(r Registry) {
	register(r, lifecycle.PriceCalculated, m.Price)
	register(r, lifecycle.ManufacturingStarted, m.StartManufacturing)
	register(r, lifecycle.ManufacturingCompleted, m.CompleteManufacturing)
	register(r, lifecycle.Packaging, m.Pack)
	register(r, lifecycle.Shipped, m.Ship)
	registerEnd(r, lifecycle.MES, m.system)
}

const (
	priceWait      = 30 * time.Second // one call's share of a long pricing
	priceEvery     = time.Second      // least time between two calls: an outside MES may not wait
	heartbeatEvery = 3 * time.Second  // well within the activity's heartbeat timeout
	giveUpTimeout  = 5 * time.Second
)

// Price has the MES measure and price the model, which may take half an hour.
// It asks in turns, since a repeated call joins the pricing that runs, and shows
// all the while that it lives. Cancelled, it has the MES give up; on a worker
// that stops, it hands the attempt back and leaves the MES at its work.
func (m *MES) Price(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	ask, stop := context.WithCancel(ctx)
	defer stop()
	var progress progressMeter
	defer progress.show(ctx, stop)()
	for {
		pause := time.NewTimer(priceEvery)
		answer, err := m.ask(ask, a, priceWait)
		switch {
		case err == nil && answer.Done:
			return answer.Facts, nil
		case err == nil:
			progress.set(answer.Progress)
			select {
			case <-pause.C:
			case <-ask.Done():
			}
		case ctx.Err() != nil:
			return lifecycle.Facts{}, m.giveUp(ctx, a)
		case ask.Err() != nil:
			return lifecycle.Facts{}, errHandedBack
		default:
			return lifecycle.Facts{}, toTemporal(err)
		}
	}
}

// errHandedBack makes another worker take the attempt up at once.
var errHandedBack = temporal.NewApplicationErrorWithOptions("the worker stops", string(lifecycle.Retry),
	temporal.ApplicationErrorOptions{NextRetryDelay: time.Millisecond})

func (m *MES) giveUp(ctx context.Context, a lifecycle.Arrival) error {
	cancelled := context.Cause(ctx)
	late, stop := context.WithTimeout(context.WithoutCancel(ctx), giveUpTimeout)
	defer stop()
	if err := m.api.GiveUp(late, a.Order, a.Stage, key(a)); err != nil {
		// The MES stops by itself once nobody asks.
		activity.GetLogger(ctx).Warn("pricing was not given up", "error", err)
	}
	if errors.Is(cancelled, context.Canceled) {
		return temporal.NewCanceledError("pricing")
	}
	return cancelled
}

// StartManufacturing opens the work order for its operator.
func (m *MES) StartManufacturing(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return m.record(ctx, a)
}

// CompleteManufacturing closes the work order.
func (m *MES) CompleteManufacturing(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return m.record(ctx, a)
}

// Pack records that packing began.
func (m *MES) Pack(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return m.record(ctx, a)
}

// Ship records carrier and tracking number.
func (m *MES) Ship(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return m.record(ctx, a)
}
