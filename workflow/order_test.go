package workflow_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdk "go.temporal.io/sdk/workflow"
	"pgregory.net/rapid"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

var goodModel = &lifecycle.Model{Digest: "sha256-" + strings.Repeat("a", 64)}

// play is an order in the SDK's test environment, with a record of the stages
// and endings that its activities were asked for.
type play struct {
	*testsuite.TestWorkflowEnvironment
	stages   []lifecycle.Stage
	arrivals []lifecycle.Arrival

	mu      sync.Mutex // settling runs side by side
	endings []lifecycle.Ending
}

// newPlay answers every stage with answer, or with no facts if it is nil.
func newPlay(answer func(lifecycle.Arrival) (lifecycle.Facts, error)) *play {
	var suite testsuite.WorkflowTestSuite
	p := &play{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment()}
	p.SetTestTimeout(10 * time.Second)
	var order workflow.Workflow
	p.RegisterWorkflowWithOptions(order.Order, sdk.RegisterOptions{Name: workflow.Name})
	record := func(_ context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
		p.stages, p.arrivals = append(p.stages, a.Stage), append(p.arrivals, a)
		if answer == nil {
			return lifecycle.Facts{}, nil
		}
		return answer(a)
	}
	for step := range lifecycle.Steps() {
		p.RegisterActivityWithOptions(record, activity.RegisterOptions{Name: string(step.Stage)})
	}
	settle := func(_ context.Context, e lifecycle.Ending) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.endings = append(p.endings, e)
		return nil
	}
	p.RegisterActivityWithOptions(settle, activity.RegisterOptions{Name: lifecycle.Settle})
	return p
}

func (p *play) status(t *testing.T) workflow.Status {
	t.Helper()
	answer, err := p.QueryWorkflow(workflow.QueryStatus)
	require.NoError(t, err)
	var s workflow.Status
	require.NoError(t, answer.Get(&s))
	return s
}

func (p *play) start(in workflow.Input) { p.ExecuteWorkflow(workflow.Name, in) }

func complete() workflow.Input { return workflow.Input{Material: "silver-925", Model: goodModel} }

func TestUnattendedOrderWaitsOnlyForClose(t *testing.T) {
	p := newPlay(nil)
	var waiting workflow.Status
	p.RegisterDelayedCallback(func() {
		waiting = p.status(t)
		p.SignalWorkflow(workflow.SignalClose, workflow.Close{By: "carrier", Reason: "delivered"})
	}, 21*24*time.Hour)
	p.start(complete())

	require.NoError(t, p.GetWorkflowError())
	require.Equal(t, lifecycle.Closed, waiting.Waiting.Stage)
	require.Equal(t, lifecycle.Carrier, waiting.Waiting.For)
	require.Equal(t, lifecycle.StageNames(), p.stages, "each stage once, in order")
	last := p.arrivals[len(p.arrivals)-1]
	require.Equal(t, [2]string{"carrier", "delivered"}, [2]string{last.By, last.Reason})
	require.Len(t, p.endings, 2, "the shop and the MES are told; the CRM closed the deal itself")
}

// sent is a close signal's input as anyone may send it; nothing is none at all.
func TestCloseTakesWhateverIsSent(t *testing.T) {
	tests := map[string]struct {
		inputs  []any
		by      string
		reason  string
		ignored int
	}{
		"by carrier":                  {[]any{map[string]string{"by": "carrier", "reason": "delivered"}}, "carrier", "delivered", 0},
		"by hand":                     {[]any{map[string]string{"by": "manual"}}, "manual", "", 0},
		"no input":                    {[]any{nil}, "manual", "", 0},
		"a reason alone":              {[]any{map[string]string{"reason": "picked up"}}, "manual", "picked up", 0},
		"unknown fields are let pass": {[]any{map[string]string{"by": "carrier", "note": "x"}}, "carrier", "", 0},
		"twice":                       {[]any{map[string]string{"by": "carrier"}, map[string]string{"by": "manual"}}, "carrier", "", 1},
		"a typo, then a good one":     {[]any{map[string]string{"by": "carier"}, map[string]string{"by": "carrier"}}, "carrier", "", 1},
		"a string, then a good one":   {[]any{"close it", nil}, "manual", "", 1},
		"a number, then a good one":   {[]any{42, nil}, "manual", "", 1},
		"a list, then a good one":     {[]any{[]string{"carrier"}, nil}, "manual", "", 1},
		"an endless reason, then not": {[]any{map[string]string{"reason": strings.Repeat("x", 1000)}, nil}, "manual", "", 1},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlay(nil)
			for i, in := range tc.inputs {
				p.RegisterDelayedCallback(func() { p.SignalWorkflow(workflow.SignalClose, in) }, time.Hour+time.Duration(i))
			}
			p.start(complete())
			require.NoError(t, p.GetWorkflowError())
			var r workflow.Result
			require.NoError(t, p.GetWorkflowResult(&r))
			require.Equal(t, tc.by, r.By)
			require.Equal(t, tc.reason, r.Reason)
			require.Len(t, p.status(t).Ignored, tc.ignored)
			require.Equal(t, lifecycle.StageNames(), p.stages)
		})
	}
}

func TestEarlyCloseIsKept(t *testing.T) {
	p := newPlay(nil)
	p.RegisterDelayedCallback(func() {
		p.SignalWorkflow(workflow.SignalClose, workflow.Close{By: "manual", Reason: "early"})
	}, 0)
	p.start(complete())
	require.NoError(t, p.GetWorkflowError())
	require.Equal(t, lifecycle.StageNames(), p.stages)
}

func TestOrderThatLacksSomethingWaitsForIt(t *testing.T) {
	for name, in := range map[string]workflow.Input{
		"no model":    {Material: "silver-925"},
		"no material": {Model: goodModel},
		"nothing":     {},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(nil)
			p.RegisterDelayedCallback(func() {
				require.Equal(t, lifecycle.FileUploaded, p.status(t).Waiting.Stage)
				p.UpdateWorkflow(workflow.UpdateUpload, "u1", accepted(t), workflow.Upload{Model: goodModel, Material: "silver-925"})
				p.SignalWorkflow(workflow.SignalClose, nil)
			}, time.Hour)
			p.start(in)
			require.NoError(t, p.GetWorkflowError())
			require.Equal(t, lifecycle.StageNames(), p.stages)
		})
	}
}

func TestRefusedModelSendsTheOrderBack(t *testing.T) {
	better := &lifecycle.Model{Digest: "sha256-" + strings.Repeat("b", 64)}
	p := newPlay(func(a lifecycle.Arrival) (lifecycle.Facts, error) {
		if a.Stage == lifecycle.PriceCalculated && a.Facts.Model.Digest == goodModel.Digest {
			return lifecycle.Facts{}, refusal(lifecycle.FixInput, "model", "it does not fit the build chamber")
		}
		return lifecycle.Facts{}, nil
	})
	p.RegisterDelayedCallback(func() {
		s := p.status(t)
		require.Equal(t, lifecycle.FileUploaded, s.Waiting.Stage)
		require.Contains(t, s.Problem, "build chamber")
		require.Equal(t, "silver-925", s.Facts.Material, "what was good is kept")
		p.UpdateWorkflow(workflow.UpdateUpload, "u1", accepted(t), workflow.Upload{Model: better})
	}, time.Hour)
	p.RegisterDelayedCallback(func() { p.SignalWorkflow(workflow.SignalClose, nil) }, 2*time.Hour)
	p.start(complete())

	require.NoError(t, p.GetWorkflowError())
	names := lifecycle.StageNames()
	require.Equal(t, append(append([]lifecycle.Stage{}, names[:4]...), names[1:]...), p.stages)
	for i, a := range p.arrivals {
		if a.Stage == lifecycle.PriceCalculated {
			require.Equal(t, map[int]int{3: 1, 6: 2}[i], a.Visit, "each visit has its own key")
		}
	}
}

func TestUploadIsRefused(t *testing.T) {
	tests := map[string]struct {
		at time.Duration
		in workflow.Upload
	}{
		"empty":                        {time.Hour, workflow.Upload{}},
		"a digest that is none":        {time.Hour, workflow.Upload{Model: &lifecycle.Model{Digest: "ring.stl"}}},
		"when the order does not wait": {3 * time.Hour, workflow.Upload{Model: goodModel}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlay(nil)
			rejected := false
			p.RegisterDelayedCallback(func() {
				p.UpdateWorkflow(workflow.UpdateUpload, "bad", &testsuite.TestUpdateCallback{
					OnAccept:   func() { t.Error("accepted") },
					OnReject:   func(error) { rejected = true },
					OnComplete: func(any, error) {},
				}, tc.in)
			}, tc.at)
			p.RegisterDelayedCallback(func() {
				p.UpdateWorkflow(workflow.UpdateUpload, "good", accepted(t), workflow.Upload{Model: goodModel})
			}, 2*time.Hour)
			p.RegisterDelayedCallback(func() { p.SignalWorkflow(workflow.SignalClose, nil) }, 4*time.Hour)
			p.start(workflow.Input{Material: "silver-925"})
			require.NoError(t, p.GetWorkflowError())
			require.True(t, rejected)
		})
	}
}

func TestEveryEndingIsSettled(t *testing.T) {
	tests := map[string]struct {
		do      func(*play)
		answer  func(lifecycle.Arrival) (lifecycle.Facts, error)
		outcome lifecycle.Outcome
		systems int
	}{
		"cancelled while it waits": {
			do:      func(p *play) { p.RegisterDelayedCallback(p.CancelWorkflow, time.Hour) },
			outcome: lifecycle.OutcomeCancelled, systems: 3,
		},
		"refused for good by the CRM": {
			do: func(*play) {},
			answer: func(a lifecycle.Arrival) (lifecycle.Facts, error) {
				if a.Stage == lifecycle.ManufacturingApproved {
					return lifecycle.Facts{}, refusal(lifecycle.LookUp, "", "this deal was closed long ago")
				}
				return lifecycle.Facts{}, nil
			},
			outcome: lifecycle.OutcomeFailed, systems: 3,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlay(tc.answer)
			tc.do(p)
			p.start(complete())
			require.Error(t, p.GetWorkflowError())
			require.Len(t, p.endings, tc.systems)
			for _, e := range p.endings {
				require.Equal(t, tc.outcome, e.Outcome)
			}
		})
	}
}

func TestOutageOfASystemNeverFailsAnOrder(t *testing.T) {
	calls := 0
	p := newPlay(func(a lifecycle.Arrival) (lifecycle.Facts, error) {
		if a.Stage == lifecycle.Shipped {
			if calls++; calls < 10 { // the test environment itself gives up at ten
				return lifecycle.Facts{}, errors.New("connection refused")
			}
		}
		return lifecycle.Facts{}, nil
	})
	p.RegisterDelayedCallback(func() { p.SignalWorkflow(workflow.SignalClose, nil) }, time.Minute)
	p.start(complete())
	require.NoError(t, p.GetWorkflowError())
	require.Equal(t, 10, calls)
}

func accepted(t *testing.T) *testsuite.TestUpdateCallback {
	return &testsuite.TestUpdateCallback{
		OnAccept:   func() {},
		OnReject:   func(err error) { t.Errorf("rejected: %v", err) },
		OnComplete: func(_ any, err error) { require.NoError(t, err) },
	}
}

func refusal(remedy lifecycle.Remedy, field, detail string) error {
	e := &lifecycle.Error{Remedy: remedy, Code: "test", Field: field, Detail: detail}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(remedy), temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{e}})
}

func TestAttendedOrderWaitsForEachPerson(t *testing.T) {
	p := newPlay(nil)
	gates := []lifecycle.Stage{
		lifecycle.Submitted, lifecycle.ManufacturingApproved, lifecycle.ManufacturingStarted,
		lifecycle.ManufacturingCompleted, lifecycle.Packaging, lifecycle.Shipped,
	}
	for i, stage := range gates {
		p.RegisterDelayedCallback(func() {
			s := p.status(t)
			require.Equal(t, stage, s.Waiting.Stage)
			require.Len(t, p.stages, stage.Position(), "it stands still")
			p.SignalWorkflow(workflow.SignalMove, workflow.Move{Stage: stage, By: "person-" + string(stage)})
		}, time.Duration(i+1)*24*time.Hour)
	}
	p.RegisterDelayedCallback(func() { p.SignalWorkflow(workflow.SignalClose, nil) }, 30*24*time.Hour)
	in := complete()
	in.Attended = true
	p.start(in)

	require.NoError(t, p.GetWorkflowError())
	require.Equal(t, lifecycle.StageNames(), p.stages)
	for _, a := range p.arrivals {
		if slices.Contains(gates, a.Stage) {
			require.Equal(t, "person-"+string(a.Stage), a.By)
		}
	}
}

// Whatever moves are sent, in whatever order and however often, each stage is
// passed once and in its place.
func TestMovesThatDoNotFitDoNoHarm(t *testing.T) {
	inputs := []any{nil, "SHIPPED", 7, map[string]string{"stage": "SENT"}, map[string]string{"stage": "CLOSED"}, map[string]string{"stage": "FILE_UPLOADED"}}
	for _, stage := range lifecycle.StageNames() {
		inputs = append(inputs, workflow.Move{Stage: stage}, workflow.Move{Stage: stage})
	}
	rapid.Check(t, func(rt *rapid.T) {
		p := newPlay(nil)
		sent := rapid.SliceOfN(rapid.SampledFrom(inputs), 0, 60).Draw(rt, "moves")
		for i, in := range sent {
			p.RegisterDelayedCallback(func() { p.SignalWorkflow(workflow.SignalMove, in) }, time.Duration(i+1)*time.Hour)
		}
		p.RegisterDelayedCallback(p.CancelWorkflow, 1000*time.Hour)
		in := complete()
		in.Attended = true
		p.start(in)
		require.Equal(rt, lifecycle.StageNames()[:len(p.stages)], p.stages)
		require.NotContains(rt, p.stages, lifecycle.Closed)
	})
}
