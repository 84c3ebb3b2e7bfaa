package workflow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

// levels are the service levels of a hasty company: the gates of an order are
// opened an hour apart, or too late.
var levels = lifecycle.Levels{
	lifecycle.Submitted: 90 * time.Minute, lifecycle.ManufacturingApproved: 90 * time.Minute,
	lifecycle.ManufacturingCompleted: 90 * time.Minute,
}

func TestOverdueOrderIsTold(t *testing.T) {
	p := newPlay(nil)
	p.order.Levels, p.order.Searchable = levels, true
	p.RegisterDelayedCallback(func() {
		w := p.status(t).Waiting
		require.Equal(t, w.Since.Add(90*time.Minute), w.Due)
		require.False(t, w.Overdue)
	}, time.Hour)
	p.RegisterDelayedCallback(func() {
		require.True(t, p.status(t).Waiting.Overdue)
		require.Equal(t, []string{"overdue SUBMITTED"}, p.notes)
	}, 2*time.Hour)
	p.RegisterDelayedCallback(func() {
		require.Equal(t, []string{"overdue SUBMITTED"}, p.notes, "it is told once")
		p.grants(t, move(lifecycle.Submitted)) // late, and yet it moves on
	}, 1000*time.Hour)
	p.RegisterDelayedCallback(func() {
		w := p.status(t).Waiting
		require.Equal(t, lifecycle.ManufacturingApproved, w.Stage)
		require.False(t, w.Overdue, "a gate counts anew")
		p.hourly(p.upTo(t, lifecycle.ManufacturingApproved, end)...)
	}, 1000*time.Hour+10*time.Minute)
	p.start(attended())

	require.NoError(t, p.GetWorkflowError())
	require.Equal(t, lifecycle.StageNames(), p.stages)
	require.Equal(t, []string{"overdue SUBMITTED"}, p.notes, "what was in time is not told")
	require.Equal(t, []string{
		"OrderWaiting=SUBMITTED", "OrderOverdue=true", "OrderOverdue=false",
		"OrderWaiting=MANUFACTURING_APPROVED", "OrderWaiting=MANUFACTURING_STARTED", "OrderWaiting=MANUFACTURING_COMPLETED",
		"OrderWaiting=PACKAGING", "OrderWaiting=SHIPPED", "OrderWaiting=CLOSED",
	}, p.indexed)
}

func TestNoServiceLevelIsNeverOver(t *testing.T) {
	p := newPlay(nil)
	p.order.Searchable = true
	p.RegisterDelayedCallback(func() {
		w := p.status(t).Waiting
		require.False(t, w.Overdue)
		require.Zero(t, w.Due)
		p.grants(t, cancellation)
	}, 10000*time.Hour)
	p.start(attended())
	require.Empty(t, p.notes)
	require.Equal(t, []string{"OrderWaiting=SUBMITTED"}, p.indexed)
}

// A namespace without the attributes costs the list filter, nothing else.
func TestOverdueWhereOrdersAreNotSearchable(t *testing.T) {
	p := newPlay(nil)
	p.order.Levels = levels
	p.RegisterDelayedCallback(func() {
		require.True(t, p.status(t).Waiting.Overdue)
		p.grants(t, cancellation)
	}, 2*time.Hour)
	p.start(attended())
	require.Equal(t, []string{"overdue SUBMITTED"}, p.notes)
	requireCancelled(t, p, lifecycle.StageNames()[:2], "customer-1", "changed my mind")
}

// An order that nobody waits for any more is not found among the overdue.
func TestOverdueOrderThatIsCancelled(t *testing.T) {
	p := newPlay(nil)
	p.order.Levels, p.order.Searchable = levels, true
	p.RegisterDelayedCallback(func() { p.grants(t, cancellation) }, 2*time.Hour)
	p.start(attended())
	require.Equal(t, []string{"OrderWaiting=SUBMITTED", "OrderOverdue=true", "OrderOverdue=false"}, p.indexed)
}

// Whoever comes back to a gate has its whole service level again.
func TestGateIsOverdueOnEachVisit(t *testing.T) {
	p := newPlay(nil)
	p.order.Levels = lifecycle.Levels{lifecycle.ManufacturingCompleted: 90 * time.Minute}
	p.hourly(p.upTo(t, lifecycle.Submitted, lifecycle.ManufacturingCompleted)...) // the third hour
	p.RegisterDelayedCallback(func() {
		require.True(t, p.status(t).Waiting.Overdue)
		p.grants(t, lifecycle.HandOver{By: "manager-1", From: "operator-1", To: "operator-2"})
	}, 6*time.Hour)
	p.RegisterDelayedCallback(func() { require.False(t, p.status(t).Waiting.Overdue) }, 7*time.Hour)
	p.RegisterDelayedCallback(func() { require.True(t, p.status(t).Waiting.Overdue) }, 8*time.Hour)
	p.RegisterDelayedCallback(func() { p.grants(t, cancellation) }, 9*time.Hour)
	p.start(attended())
	require.Equal(t, []string{"overdue MANUFACTURING_COMPLETED", "overdue MANUFACTURING_COMPLETED"}, p.notes)
}
