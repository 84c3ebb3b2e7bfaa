package workflow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdk "go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

var (
	goodModel   = &lifecycle.Model{Digest: "sha256-" + strings.Repeat("a", 64)}
	betterModel = &lifecycle.Model{Digest: "sha256-" + strings.Repeat("b", 64)}
)

func complete() workflow.Input { return workflow.Input{Material: "silver-925", Model: goodModel} }

func attended() workflow.Input {
	in := complete()
	in.Attended = true
	return in
}

// play is an order in the SDK's test environment, with a record of all that its
// activities were asked for. Fields above the line may be set before start.
type play struct {
	*testsuite.TestWorkflowEnvironment
	order  workflow.Workflow
	answer func(lifecycle.Arrival) (lifecycle.Facts, error)         // nil: every stage passes
	undo   func(lifecycle.Undoing) error                            // nil: every stage is undone
	expect func(lifecycle.Parcel) ([]lifecycle.CarrierEvent, error) // nil: no event came early
	old    bool                                                     // it began before requests came
	// ---
	mu       sync.Mutex // settling runs side by side
	stages   []lifecycle.Stage
	arrivals []lifecycle.Arrival
	undone   []lifecycle.Stage // by success
	undoings int               // attempts
	parcels  []lifecycle.Parcel
	endings  []lifecycle.Ending
	notes    []string
	indexed  []string // search attributes, where the order is searchable
	asked    int
}

func newPlay(answer func(lifecycle.Arrival) (lifecycle.Facts, error)) *play {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	p := &play{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), answer: answer}
	p.SetTestTimeout(10 * time.Second)
	p.order.Note = func(_ sdk.Context, kind, what string) { p.notes = append(p.notes, kind+" "+what) }
	for step := range lifecycle.Steps() {
		p.RegisterActivityWithOptions(p.arrive, activity.RegisterOptions{Name: string(step.Stage)})
		p.RegisterActivityWithOptions(p.takeBack, activity.RegisterOptions{Name: lifecycle.Undo(step.Stage)})
	}
	p.RegisterActivityWithOptions(p.settle, activity.RegisterOptions{Name: lifecycle.Settle})
	p.RegisterActivityWithOptions(p.expectParcel, activity.RegisterOptions{Name: lifecycle.ExpectParcel})
	return p
}

func (p *play) arrive(_ context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	p.mu.Lock()
	p.stages, p.arrivals = append(p.stages, a.Stage), append(p.arrivals, a)
	p.mu.Unlock()
	if p.answer == nil {
		return lifecycle.Facts{}, nil
	}
	return p.answer(a)
}

func (p *play) takeBack(_ context.Context, u lifecycle.Undoing) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.undoings++
	if p.undo != nil {
		if err := p.undo(u); err != nil {
			return err
		}
	}
	p.undone = append(p.undone, u.Stage)
	return nil
}

func (p *play) settle(_ context.Context, e lifecycle.Ending) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endings = append(p.endings, e)
	return nil
}

func (p *play) expectParcel(_ context.Context, parcel lifecycle.Parcel) ([]lifecycle.CarrierEvent, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parcels = append(p.parcels, parcel)
	if p.expect == nil {
		return nil, nil
	}
	return p.expect(parcel)
}

func (p *play) start(in workflow.Input) {
	p.RegisterWorkflowWithOptions(p.order.Order, sdk.RegisterOptions{Name: workflow.Name})
	if p.old {
		p.OnGetVersion("people", sdk.DefaultVersion, sdk.Version(1)).Return(sdk.DefaultVersion)
	}
	if p.order.Searchable {
		p.OnUpsertTypedSearchAttributes(mock.Anything).Run(p.index).Return(nil)
	}
	p.ExecuteWorkflow(workflow.Name, in)
}

func (p *play) index(args mock.Arguments) {
	for key, value := range args.Get(0).(temporal.SearchAttributes).GetUntypedValues() {
		p.indexed = append(p.indexed, fmt.Sprintf("%s=%v", key.GetName(), value))
	}
}

// hourly does one thing after the other, an hour apart.
func (p *play) hourly(acts ...func()) {
	for i, act := range acts {
		p.RegisterDelayedCallback(act, time.Duration(i+1)*time.Hour)
	}
}

// whenStarted does something while the activity's first attempt runs, and before
// it ends.
func (p *play) whenStarted(name string, act func()) {
	p.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if info.ActivityType.Name == name && act != nil {
			act()
			act = nil
		}
	})
}

func (p *play) status(t require.TestingT) lifecycle.Status {
	answer, err := p.QueryWorkflow(workflow.QueryStatus)
	require.NoError(t, err)
	var s lifecycle.Status
	require.NoError(t, answer.Get(&s))
	return s
}

// ask sends a request as an update, and hands on the answer: nil if granted.
func (p *play) ask(r lifecycle.Request, answered func(error)) { p.update(r.Verb(), r, answered) }

func (p *play) update(name string, input any, answered func(error)) {
	p.asked++
	p.UpdateWorkflow(name, fmt.Sprintf("ask-%d", p.asked), &testsuite.TestUpdateCallback{
		OnAccept: func() { answered(nil) },
		OnReject: answered,
		OnComplete: func(_ any, err error) {
			if err != nil {
				answered(fmt.Errorf("accepted, then failed: %w", err))
			}
		},
	}, input)
}

// grants asks, and wants it granted.
func (p *play) grants(t *testing.T, r lifecycle.Request) {
	p.ask(r, func(err error) {
		if err != nil {
			t.Errorf("%s %+v is not granted: %v", r.Verb(), r, err)
		}
	})
}

// refuses asks, and wants it refused with a code and without a trace in the
// order's status.
func (p *play) refuses(t *testing.T, r lifecycle.Request, code string) {
	before := inJSON(t, p.status(t))
	p.ask(r, func(err error) {
		if got := codeOf(err); got != code {
			t.Errorf("%s %+v is answered with %q, not %q: %v", r.Verb(), r, got, code, err)
		}
		if after := inJSON(t, p.status(t)); after != before {
			t.Errorf("%s %+v was refused, and yet %s became %s", r.Verb(), r, before, after)
		}
	})
}

// codeOf is the code of a refused update.
func codeOf(err error) string {
	var app *temporal.ApplicationError
	var refusal *lifecycle.Error
	if !errors.As(err, &app) || app.Details(&refusal) != nil || refusal == nil {
		return ""
	}
	return refusal.Code
}

func inJSON(t require.TestingT, v any) string {
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}

// move is the right move to a stage, by its person.
func move(stage lifecycle.Stage) lifecycle.Move {
	m := lifecycle.Move{Stage: stage, By: "operator-1"}
	switch stage {
	case lifecycle.Submitted:
		m.By = "customer-1"
	case lifecycle.ManufacturingApproved, lifecycle.Closed:
		m.By = "manager-1"
	case lifecycle.Shipped:
		m.Carrier, m.Tracking = "dhl", "JD0146"
	}
	return m
}

// gates are the stages for which an attended order waits for a move.
var gates = []lifecycle.Stage{
	lifecycle.Submitted, lifecycle.ManufacturingApproved, lifecycle.ManufacturingStarted,
	lifecycle.ManufacturingCompleted, lifecycle.Packaging, lifecycle.Shipped, lifecycle.Closed,
}

const end lifecycle.Stage = "" // of the lifecycle

// upTo grants the right moves, from a gate up to another, which stays shut.
func (p *play) upTo(t *testing.T, from, to lifecycle.Stage) (acts []func()) {
	for _, gate := range gates {
		if from.Position() <= gate.Position() && (to == end || gate.Position() < to.Position()) {
			acts = append(acts, func() { p.grants(t, move(gate)) })
		}
	}
	return acts
}

func refusal(remedy lifecycle.Remedy, field, detail string) error {
	e := &lifecycle.Error{Remedy: remedy, Code: "test", Field: field, Detail: detail}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(remedy), temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{e}})
}
