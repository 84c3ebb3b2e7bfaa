package workflow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

// People move an attended order on, as they may from a system or from the
// Temporal UI.
func TestAttendedOrderWaitsForEachPerson(t *testing.T) {
	ways := map[string]func(*play, lifecycle.Move){
		"by updates": func(p *play, m lifecycle.Move) { p.grants(t, m) },
		"by signals": func(p *play, m lifecycle.Move) { p.SignalWorkflow(workflow.SignalMove, m) },
	}
	for name, send := range ways {
		t.Run(name, func(t *testing.T) {
			p := newPlay(nil)
			for i, gate := range gates {
				p.RegisterDelayedCallback(func() {
					s := p.status(t)
					require.Equal(t, gate, s.Waiting.Stage)
					require.Len(t, p.stages, gate.Position(), "it stands still")
					send(p, move(gate))
				}, time.Duration(i+1)*24*time.Hour)
			}
			p.start(attended())

			require.NoError(t, p.GetWorkflowError())
			require.Equal(t, lifecycle.StageNames(), p.stages)
			for _, a := range p.arrivals {
				if slices.Contains(gates, a.Stage) {
					require.Equal(t, move(a.Stage).By, a.By)
				}
			}
			s := p.status(t)
			require.Empty(t, s.Ignored)
			require.Len(t, s.Moves, len(gates))
			require.Equal(t, [3]string{"operator-1", "dhl", "JD0146"}, [3]string{s.Facts.Operator, s.Facts.Carrier, s.Facts.Tracking})
		})
	}
}

func TestManagerClosesByHand(t *testing.T) {
	p := newPlay(nil)
	closing := lifecycle.Move{Stage: lifecycle.Closed, By: "manager-1", Reason: "picked up"}
	p.hourly(func() { p.grants(t, closing) })
	p.start(complete())
	require.NoError(t, p.GetWorkflowError())
	var r workflow.Result
	require.NoError(t, p.GetWorkflowResult(&r))
	require.Equal(t, [2]string{"manual", "picked up"}, [2]string{r.By, r.Reason})
	last := p.arrivals[len(p.arrivals)-1]
	require.Equal(t, [2]string{"manager-1", "picked up"}, [2]string{last.By, last.Reason}, "the CRM learns who it was")
	for _, e := range p.endings {
		require.Equal(t, "manager-1", e.By)
	}
}

func TestMovesThatAreRefused(t *testing.T) {
	p := newPlay(nil)
	approved := move(lifecycle.ManufacturingApproved)
	another := approved
	another.By = "manager-2"
	p.hourly(
		func() { p.refuses(t, approved, lifecycle.CodeNotWaiting) },
		func() { p.refuses(t, lifecycle.Move{Stage: "MELTED", By: "m"}, lifecycle.CodeUnknownStage) },
		func() { p.refuses(t, lifecycle.Move{Stage: lifecycle.Submitted}, lifecycle.CodeInvalidRequest) },
		func() { p.grants(t, move(lifecycle.Submitted)) },
		func() { p.grants(t, approved) },
		func() { p.refuses(t, approved, lifecycle.CodeDone) },
		func() { p.refuses(t, another, lifecycle.CodeNotWaiting) },
		func() { p.refuses(t, move(lifecycle.Closed), lifecycle.CodeNotWaiting) },
		p.CancelWorkflow,
	)
	p.start(attended())
	require.Equal(t, lifecycle.StageNames()[:5], p.stages)
}

// What no client of ours sends is refused too, and harms nothing.
func TestUpdatesThatAreNoRequests(t *testing.T) {
	for _, verb := range []string{"advance", "upload", "reject", "hand_over", "cancel", "melt"} {
		for _, input := range []any{nil, 7, "now", []int{1}, map[string]any{"by": 7}, map[string]any{}} {
			p := newPlay(nil)
			refused := false
			p.hourly(
				func() { p.update(verb, input, func(err error) { refused = err != nil }) },
				func() { require.Equal(t, lifecycle.Submitted, p.status(t).Waiting.Stage) },
				p.CancelWorkflow,
			)
			p.start(attended())
			require.True(t, refused, "%s %v", verb, input)
			require.Equal(t, lifecycle.StageNames()[:2], p.stages)
		}
	}
}

func TestRejectedOrderGoesBackToTheCustomer(t *testing.T) {
	tests := map[string]struct {
		field  string
		lacks  func(lifecycle.Facts) bool
		answer lifecycle.Upload
	}{
		"for its model, unsaid": {"", func(f lifecycle.Facts) bool { return f.Model == nil }, lifecycle.Upload{Model: betterModel}},
		"for its model":         {"model", func(f lifecycle.Facts) bool { return f.Model == nil }, lifecycle.Upload{Model: betterModel}},
		"for its material":      {"material", func(f lifecycle.Facts) bool { return f.Material == "" }, lifecycle.Upload{Material: "gold-585"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlay(nil)
			no := lifecycle.Rejection{By: "manager-1", Reason: "it would break", Field: tc.field}
			p.hourly(
				func() { p.refuses(t, no, lifecycle.CodeNotWaiting) },
				func() { p.grants(t, move(lifecycle.Submitted)) },
				func() { p.grants(t, no) },
				func() {
					s := p.status(t)
					require.Equal(t, lifecycle.FileUploaded, s.Waiting.Stage)
					require.True(t, tc.lacks(s.Facts))
					require.Equal(t, [2]string{"it would break", "manager-1"}, [2]string{s.Problem, s.Rejected.By})
					require.Empty(t, s.Moves, "what the customer submitted is not what they will")
				},
				func() { p.refuses(t, no, lifecycle.CodeDone) },
				func() { p.refuses(t, move(lifecycle.ManufacturingApproved), lifecycle.CodeNotWaiting) },
				func() { p.grants(t, tc.answer) },
				func() {
					s := p.status(t)
					require.Equal(t, lifecycle.Submitted, s.Waiting.Stage, "the customer places the order again")
					require.Empty(t, s.Problem)
					require.Nil(t, s.Rejected)
					p.grants(t, move(lifecycle.Submitted))
				},
				func() { p.grants(t, no) }, // a second no, in the same words, is another
				func() { p.grants(t, tc.answer) },
			)
			p.RegisterDelayedCallback(func() { p.hourly(p.upTo(t, lifecycle.Submitted, end)...) }, 24*time.Hour)
			p.start(attended())

			require.NoError(t, p.GetWorkflowError())
			names := lifecycle.StageNames()
			require.Equal(t, slices.Concat(names[:4], names[1:4], names[1:]), p.stages)
			require.Equal(t, 3, visitsOf(p, lifecycle.FileUploaded))
		})
	}
}

// visitsOf is how often the order came to a stage, by its last arrival.
func visitsOf(p *play, stage lifecycle.Stage) (visits int) {
	for _, a := range p.arrivals {
		if a.Stage == stage {
			visits = a.Visit
		}
	}
	return visits
}

func TestHandOver(t *testing.T) {
	give := func(from, to string) lifecycle.HandOver {
		return lifecycle.HandOver{By: "manager-1", From: from, To: to}
	}
	finishedBy := func(by string) lifecycle.Move {
		return lifecycle.Move{Stage: lifecycle.ManufacturingCompleted, By: by}
	}
	p := newPlay(nil)
	p.hourly(slices.Concat(
		p.upTo(t, lifecycle.Submitted, lifecycle.ManufacturingStarted),
		[]func(){
			func() { p.refuses(t, give("operator-1", "operator-2"), lifecycle.CodeNotWaiting) },
			func() { p.grants(t, move(lifecycle.ManufacturingStarted)) },
			func() { p.refuses(t, finishedBy("operator-2"), lifecycle.CodeWrongPerson) },
			func() { p.SignalWorkflow(workflow.SignalMove, finishedBy("operator-2")) },
			func() {
				require.Equal(t, lifecycle.ManufacturingCompleted, p.status(t).Waiting.Stage)
				require.Len(t, p.status(t).Ignored, 1)
			},
			func() { p.refuses(t, give("operator-3", "operator-2"), lifecycle.CodeWrongPerson) },
			func() { p.refuses(t, give("operator-3", "operator-1"), lifecycle.CodeDone) },
			func() { p.grants(t, give("operator-1", "operator-2")) },
			func() {
				s := p.status(t)
				require.Equal(t, lifecycle.ManufacturingCompleted, s.Waiting.Stage)
				require.Equal(t, "operator-2", s.Facts.Operator)
			},
			func() { p.refuses(t, give("operator-1", "operator-2"), lifecycle.CodeDone) },
			func() { p.refuses(t, move(lifecycle.ManufacturingStarted), lifecycle.CodeNotWaiting) },
			func() { p.refuses(t, finishedBy("operator-1"), lifecycle.CodeWrongPerson) },
			func() { p.grants(t, give("operator-2", "operator-3")) },
			func() { p.grants(t, give("operator-3", "operator-2")) }, // and back
			func() { p.grants(t, finishedBy("operator-2")) },
			func() { p.refuses(t, give("operator-2", "operator-1"), lifecycle.CodeNotWaiting) },
		},
		p.upTo(t, lifecycle.Packaging, end),
	)...)
	p.start(attended())

	require.NoError(t, p.GetWorkflowError())
	names := lifecycle.StageNames()
	started := lifecycle.ManufacturingStarted
	require.Equal(t, slices.Concat(names[:6], []lifecycle.Stage{started, started, started}, names[6:]), p.stages)
	var takers []string
	for _, a := range p.arrivals {
		if a.Stage == started {
			takers = append(takers, a.By)
			require.Equal(t, len(takers), a.Visit)
		}
	}
	require.Equal(t, []string{"operator-1", "operator-2", "operator-3", "operator-2"}, takers, "the MES learns each")
}
