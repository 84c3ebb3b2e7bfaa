package activities

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
)

// progressMeter is how far a long stage is, 0 to 1, as its heartbeats tell.
type progressMeter struct{ bits atomic.Uint64 }

func (p *progressMeter) set(v float64) { p.bits.Store(math.Float64bits(v)) }
func (p *progressMeter) get() float64  { return math.Float64frombits(p.bits.Load()) }

// show heartbeats until the returned function is called, and stops the call in
// flight when the worker is to stop.
func (p *progressMeter) show(ctx context.Context, stop context.CancelFunc) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		beat := time.NewTicker(heartbeatEvery)
		defer beat.Stop()
		activity.RecordHeartbeat(ctx, p.get())
		for {
			select {
			case <-beat.C:
				activity.RecordHeartbeat(ctx, p.get())
			case <-activity.GetWorkerStopChannel(ctx):
				stop()
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-finished }
}
