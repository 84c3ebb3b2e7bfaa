package workflow_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

func TestUnattendedOrderWaitsOnlyForClose(t *testing.T) {
	p := newPlay(nil)
	var waiting lifecycle.Status
	p.RegisterDelayedCallback(func() {
		waiting = p.status(t)
		p.SignalWorkflow(workflow.SignalClose, lifecycle.Close{By: "carrier", Reason: "delivered"})
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
		p.SignalWorkflow(workflow.SignalClose, lifecycle.Close{By: "manual", Reason: "early"})
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
				p.grants(t, lifecycle.Upload{Model: goodModel, Material: "silver-925"})
				p.SignalWorkflow(workflow.SignalClose, nil)
			}, time.Hour)
			p.start(in)
			require.NoError(t, p.GetWorkflowError())
			require.Equal(t, lifecycle.StageNames(), p.stages)
		})
	}
}

// Customers do not wait for the shop to open their order: what they upload in
// the meantime counts, and the last of it, whatever the shop then says it has.
func TestUploadWhileTheOrderIsOpened(t *testing.T) {
	p := newPlay(func(a lifecycle.Arrival) (lifecycle.Facts, error) { return a.Facts, nil })
	p.whenStarted(string(lifecycle.Initiated), func() {
		p.grants(t, lifecycle.Upload{Model: goodModel, Material: "gold-585"})
		p.grants(t, lifecycle.Upload{Model: betterModel})
	})
	p.hourly(func() {
		s := p.status(t)
		require.Equal(t, lifecycle.Submitted, s.Waiting.Stage)
		require.Equal(t, lifecycle.Facts{Source: "b2c", Material: "gold-585", Model: betterModel}, s.Facts)
		p.grants(t, cancellation)
	})
	p.start(workflow.Input{Attended: true, Material: "silver-925"})
	require.Equal(t, lifecycle.StageNames()[:2], p.stages)
}

func TestRefusedModelSendsTheOrderBack(t *testing.T) {
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
		p.grants(t, lifecycle.Upload{Model: betterModel})
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
	p := newPlay(nil)
	p.hourly(
		func() { p.refuses(t, lifecycle.Upload{}, lifecycle.CodeMissingModel) },
		func() {
			p.refuses(t, lifecycle.Upload{Model: &lifecycle.Model{Digest: "ring.stl"}}, lifecycle.CodeInvalidModel)
		},
		func() { p.grants(t, lifecycle.Upload{Model: goodModel}) },
		func() { p.refuses(t, lifecycle.Upload{Model: betterModel}, lifecycle.CodeNotWaiting) },
		func() { p.refuses(t, lifecycle.Upload{Model: goodModel}, lifecycle.CodeDone) },
		func() { p.SignalWorkflow(workflow.SignalClose, nil) },
	)
	p.start(workflow.Input{Material: "silver-925"})
	require.NoError(t, p.GetWorkflowError())
}

func TestOrderThatIsRefusedForGoodFailsAndIsSettled(t *testing.T) {
	p := newPlay(func(a lifecycle.Arrival) (lifecycle.Facts, error) {
		if a.Stage == lifecycle.ManufacturingApproved {
			return lifecycle.Facts{}, refusal(lifecycle.LookUp, "", "this deal was closed long ago")
		}
		return lifecycle.Facts{}, nil
	})
	p.start(complete())
	require.ErrorContains(t, p.GetWorkflowError(), "this deal was closed long ago")
	require.Len(t, p.endings, 3)
	for _, e := range p.endings {
		require.Equal(t, lifecycle.OutcomeFailed, e.Outcome)
	}
	require.Empty(t, p.undone, "it was not cancelled: somebody has to look")
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
