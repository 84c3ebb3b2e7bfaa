package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

// People move an order on, one gate after the other; at each wait its trace is
// whole, and at the end it says how long each was waited for.
func TestAttendedOrder(t *testing.T) {
	r := shared
	o := r.start(t, "--attended")
	gates := []lifecycle.Stage{
		lifecycle.Submitted, lifecycle.ManufacturingApproved, lifecycle.ManufacturingStarted,
		lifecycle.ManufacturingCompleted, lifecycle.Packaging, lifecycle.Shipped,
	}
	for _, stage := range gates {
		r.waits(t, o.ID, stage)
		r.watch(t, o.ID, 500*time.Millisecond)
		require.NoError(t, r.temporal.SignalWorkflow(t.Context(), o.ID, "", workflow.SignalMove, lifecycle.Move{Stage: stage, By: "op-7"}))
	}
	r.waits(t, o.ID, lifecycle.Closed)
	r.mustStarter(t, "close", o.ID, "--by", "carrier")
	r.until(t, o.ID, "end")
	r.requireClosedEverywhere(t, o.ID)

	names := count(r.requireWhole(t, o))
	for _, stage := range append(gates, lifecycle.Closed) {
		require.Equal(t, 1, names["await "+string(stage)], stage)
	}
	require.Equal(t, len(gates), names["signal advance"])
	r.keep(t, o.ID, "people-attended")
}
