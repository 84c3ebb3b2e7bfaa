package workflow_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

var cancellation = lifecycle.Cancellation{By: "customer-1", Reason: "changed my mind"}

// The ways to cancel an order, with who it then was.
var cancelling = map[string]struct {
	do     func(*testing.T, *play)
	by     string
	reason string
}{
	"by an update":        {func(t *testing.T, p *play) { p.grants(t, cancellation) }, "customer-1", "changed my mind"},
	"by Temporal's own":   {func(_ *testing.T, p *play) { p.CancelWorkflow() }, "temporal", ""},
	"by an update, twice": {cancelTwice, "customer-1", "changed my mind"},
	"by both":             {func(t *testing.T, p *play) { p.grants(t, cancellation); p.CancelWorkflow() }, "customer-1", "changed my mind"},
}

func cancelTwice(t *testing.T, p *play) {
	p.grants(t, cancellation)
	p.ask(lifecycle.Cancellation{By: "manager-1"}, func(err error) {
		if codeOf(err) != lifecycle.CodeDone {
			t.Errorf("the second is answered with %v", err)
		}
	})
}

// requireCancelled wants an order that began the stages to have been undone
// whole, and settled.
func requireCancelled(t *testing.T, p *play, begun []lifecycle.Stage, by, reason string) {
	t.Helper()
	require.True(t, temporal.IsCanceledError(p.GetWorkflowError()), "%v", p.GetWorkflowError())
	undone := slices.Clone(begun)
	slices.Reverse(undone)
	require.Equal(t, undone, p.undone, "the last first, each once")

	touched := map[lifecycle.System]bool{}
	for _, stage := range begun {
		step, err := lifecycle.Find(stage)
		require.NoError(t, err)
		touched[step.System] = true
	}
	require.Len(t, p.endings, len(touched), "every system that has the order, and no other")
	for _, e := range p.endings {
		require.Equal(t, lifecycle.Ending{Order: e.Order, Outcome: lifecycle.OutcomeCancelled, By: by, Reason: reason}, e)
	}
	s := p.status(t)
	require.Equal(t, lifecycle.OutcomeCancelled, s.Outcome)
	require.Equal(t, &lifecycle.Cancellation{By: by, Reason: reason}, s.Cancel)
	require.Nil(t, s.Waiting)
	require.Empty(t, s.Passing)
}

func TestCancelledAtEveryGate(t *testing.T) {
	for _, gate := range append([]lifecycle.Stage{lifecycle.FileUploaded}, gates[:6]...) {
		for way, cancel := range cancelling {
			t.Run(string(gate)+" "+way, func(t *testing.T) {
				p := newPlay(nil)
				in := attended()
				if gate == lifecycle.FileUploaded {
					in.Model = nil
				}
				p.hourly(append(p.upTo(t, lifecycle.Submitted, gate), func() {
					require.Equal(t, gate, p.status(t).Waiting.Stage)
					cancel.do(t, p)
				})...)
				p.start(in)
				requireCancelled(t, p, lifecycle.StageNames()[:gate.Position()], cancel.by, cancel.reason)
			})
		}
	}
}

func TestCancelledWhileAStageRuns(t *testing.T) {
	for _, stage := range lifecycle.StageNames()[:lifecycle.Shipped.Position()] {
		for way, cancel := range cancelling {
			t.Run(string(stage)+" "+way, func(t *testing.T) {
				p := newPlay(nil)
				p.whenStarted(string(stage), func() {
					require.Equal(t, stage, p.status(t).Passing)
					cancel.do(t, p)
				})
				p.start(complete())
				requireCancelled(t, p, lifecycle.StageNames()[:stage.Position()+1], cancel.by, cancel.reason)
			})
		}
	}
}

// A stage that was passed twice is undone once: with all its visits.
func TestCancelledAfterATurnBack(t *testing.T) {
	p := newPlay(nil)
	p.hourly(
		func() { p.grants(t, move(lifecycle.Submitted)) },
		func() { p.grants(t, lifecycle.Rejection{By: "manager-1", Reason: "it would break"}) },
		func() { p.grants(t, cancellation) },
	)
	p.start(attended())
	requireCancelled(t, p, lifecycle.StageNames()[:4], "customer-1", "changed my mind")
}

// An outage does not keep anything from being undone, nor its turn.
func TestUndoIsTriedUntilItIsDone(t *testing.T) {
	p := newPlay(nil)
	failures := map[lifecycle.Stage]int{lifecycle.PriceCalculated: 5, lifecycle.Initiated: 2}
	p.undo = func(u lifecycle.Undoing) error {
		if failures[u.Stage] > 0 {
			failures[u.Stage]--
			return errors.New("connection refused")
		}
		return nil
	}
	p.hourly(append(p.upTo(t, lifecycle.Submitted, lifecycle.Packaging), func() { p.grants(t, cancellation) })...)
	p.start(attended())
	requireCancelled(t, p, lifecycle.StageNames()[:7], "customer-1", "changed my mind")
	require.Equal(t, 7+5+2, p.undoings)
}

// Where a system refuses for good to take a stage back, the rest is undone all
// the same, and people are told.
func TestUndoThatIsRefusedIsShown(t *testing.T) {
	p := newPlay(nil)
	p.undo = func(u lifecycle.Undoing) error {
		if u.Stage == lifecycle.PriceCalculated {
			return refusal(lifecycle.LookUp, "", "this price was never made")
		}
		return nil
	}
	p.hourly(append(p.upTo(t, lifecycle.Submitted, lifecycle.ManufacturingApproved), func() { p.grants(t, cancellation) })...)
	p.start(attended())
	require.True(t, temporal.IsCanceledError(p.GetWorkflowError()))
	require.Equal(t, []lifecycle.Stage{lifecycle.Submitted, lifecycle.FileUploaded, lifecycle.Initiated}, p.undone)
	require.Contains(t, p.status(t).Problem, "PRICE_CALCULATED was not undone")
	require.Len(t, p.endings, 2)
}

// While an order is being undone it takes nothing more, and says so.
func TestOrderThatIsBeingCancelledTakesNothing(t *testing.T) {
	p := newPlay(nil)
	p.whenStarted(lifecycle.Undo(lifecycle.Initiated), func() {
		p.refuses(t, cancellation, lifecycle.CodeDone)
		p.refuses(t, lifecycle.Cancellation{By: "manager-1"}, lifecycle.CodeDone)
		p.refuses(t, move(lifecycle.Submitted), lifecycle.CodeEnded)
		p.refuses(t, lifecycle.Upload{Model: betterModel}, lifecycle.CodeEnded)
		p.SignalWorkflow(workflow.SignalMove, move(lifecycle.Submitted))
		p.SignalWorkflow(workflow.SignalClose, nil)
		p.SignalWorkflow(workflow.SignalCarrier, lifecycle.CarrierEvent{ID: "e-1", Status: lifecycle.ParcelDelivered})
	})
	p.hourly(func() { p.grants(t, cancellation) })
	p.start(attended())
	requireCancelled(t, p, lifecycle.StageNames()[:2], "customer-1", "changed my mind")
	require.Len(t, p.status(t).Ignored, 2, "the move and the close")
	require.Nil(t, p.status(t).Close)
}

// From SHIPPED on an order is closed, not cancelled: it stays open whoever asks.
func TestShippedOrderIsNotCancelled(t *testing.T) {
	closes := func(p *play) {
		p.SignalWorkflow(workflow.SignalClose, lifecycle.Close{By: "carrier", Reason: "delivered"})
	}
	refusals := map[string]struct {
		do      func(*testing.T, *play)
		ignored []string
	}{
		"by an update": {func(t *testing.T, p *play) { p.refuses(t, cancellation, lifecycle.CodeShipped) }, nil},
		"by Temporal's own": {
			func(_ *testing.T, p *play) { p.CancelWorkflow() },
			[]string{"cancel: the order is on its way: it can be closed, not cancelled"},
		},
	}
	moments := map[string]func(*play, func()){
		"while SHIPPED runs":            func(p *play, cancel func()) { p.whenStarted(string(lifecycle.Shipped), cancel) },
		"while its parcel is announced": func(p *play, cancel func()) { p.whenStarted(lifecycle.ExpectParcel, cancel) },
		"while it waits":                func(p *play, cancel func()) { p.RegisterDelayedCallback(cancel, 20*time.Hour) },
		"while CLOSED runs":             func(p *play, cancel func()) { p.whenStarted(string(lifecycle.Closed), cancel) },
	}
	for moment, at := range moments {
		for way, cancel := range refusals {
			t.Run(moment+" "+way, func(t *testing.T) {
				p := newPlay(nil)
				at(p, func() { cancel.do(t, p) })
				p.hourly(p.upTo(t, lifecycle.Submitted, lifecycle.Closed)...)
				p.RegisterDelayedCallback(func() { closes(p) }, 30*time.Hour)
				p.start(attended())

				require.NoError(t, p.GetWorkflowError())
				require.Equal(t, lifecycle.StageNames(), p.stages)
				require.Empty(t, p.undone)
				s := p.status(t)
				require.Equal(t, lifecycle.OutcomeClosed, s.Outcome)
				require.Equal(t, cancel.ignored, s.Ignored)
			})
		}
	}
}

// Orders that began before requests came are still moved, and cancelled, as they
// were then; and also as is done now.
func TestOrderFromBeforeRequests(t *testing.T) {
	old := func(p *play) *play {
		p.old = true
		p.order.Levels, p.order.Searchable = lifecycle.Levels{lifecycle.Submitted: time.Minute}, true
		return p
	}
	unnamed := func(p *play, stage lifecycle.Stage) func() {
		return func() { p.SignalWorkflow(workflow.SignalMove, map[string]string{"stage": string(stage)}) }
	}
	t.Run("moved by signals without a name", func(t *testing.T) {
		p := old(newPlay(nil))
		p.hourly(
			unnamed(p, lifecycle.Submitted), unnamed(p, lifecycle.ManufacturingApproved), unnamed(p, lifecycle.ManufacturingStarted),
			unnamed(p, lifecycle.ManufacturingCompleted), unnamed(p, lifecycle.Packaging), unnamed(p, lifecycle.Shipped),
			unnamed(p, lifecycle.Closed), // takes more than a word, then
			func() { p.SignalWorkflow(workflow.SignalClose, nil) },
		)
		p.start(attended())
		require.NoError(t, p.GetWorkflowError())
		require.Equal(t, lifecycle.StageNames(), p.stages)
		require.Len(t, p.status(t).Ignored, 1)
		require.Empty(t, p.notes, "it had none, and is never overdue")
	})
	t.Run("moved by updates", func(t *testing.T) {
		p := old(newPlay(nil))
		p.hourly(p.upTo(t, lifecycle.Submitted, end)...)
		p.start(attended())
		require.NoError(t, p.GetWorkflowError())
		require.Equal(t, lifecycle.StageNames(), p.stages)
	})
	t.Run("cancelled by Temporal, even when it is shipped", func(t *testing.T) {
		p := old(newPlay(nil))
		p.hourly(p.CancelWorkflow)
		p.start(complete())
		require.True(t, temporal.IsCanceledError(p.GetWorkflowError()))
		require.Empty(t, p.undone, "then as ever")
		require.Len(t, p.endings, 3)
	})
	t.Run("cancelled by an update", func(t *testing.T) {
		p := old(newPlay(nil))
		p.hourly(func() { p.grants(t, move(lifecycle.Submitted)) }, func() { p.grants(t, cancellation) })
		p.start(attended())
		requireCancelled(t, p, lifecycle.StageNames()[:4], "customer-1", "changed my mind")
	})
}
