// Package workflow is the durable order: one walk over the lifecycle. It is the
// only place that decides whether an order moves.
package workflow

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
)

// Names that clients use.
const (
	Name         = "Order"   // the workflow type; its ID is the order's
	TaskQueue    = "shop"    // where the workflow runs
	SignalClose  = "close"   // input: Close, or none
	SignalMove   = "advance" // input: Move
	UpdateUpload = "upload"  // input: Upload; answers Status
	QueryStatus  = "status"  // answers Status
)

// Workflow makes the order's walk. Its fields reach what people are shown, and
// never a command: replay does not depend on them.
type Workflow struct {
	// TraceURL links to the order's trace; nil leaves the link out.
	TraceURL func(workflow.Context) string
	// Wait marks the beginning of a wait for a stage by a role, and returns what
	// marks its end; nil marks nothing.
	Wait func(ctx workflow.Context, stage, role string) (end func())
}

// Input starts an order. An order that lacks its model or material waits at
// FILE_UPLOADED for an upload.
type Input struct {
	Source   string           `json:"source,omitempty"` // "b2c" (default) or "b2b"
	Material string           `json:"material,omitempty"`
	Model    *lifecycle.Model `json:"model,omitempty"`
	// Attended makes each gate wait for its person; unattended, every gate but
	// CLOSED opens by itself.
	Attended bool `json:"attended,omitempty"`
}

// Result is what a closed order leaves in its history.
type Result struct {
	Outcome lifecycle.Outcome `json:"outcome"`
	By      string            `json:"by,omitempty"`
	Reason  string            `json:"reason,omitempty"`
	Facts   lifecycle.Facts   `json:"facts"`
}

// order is one order on its way.
type order struct {
	id       string
	facts    lifecycle.Facts
	reached  []Passage      // in the order in which stages were passed
	visits   map[string]int // by stage; read by key only
	waiting  *Wait          // nil while a stage runs
	problem  string         // why the order was sent back, for people
	attended bool
	moves    map[string]Move // by stage, of gates that a person has opened; read by key only
	close    *Close          // the first good close signal
	ignored  []string        // signals that did no harm and no good
	outcome  lifecycle.Outcome
	show     func(workflow.Context, *order)
	mark     func(ctx workflow.Context, stage, role string) (end func())
}

// Order runs an order from INITIATED to its end.
func (w Workflow) Order(ctx workflow.Context, in Input) (Result, error) {
	o := newOrder(ctx, in)
	o.show, o.mark = w.show, w.Wait
	if err := o.listen(ctx); err != nil {
		return Result{}, err
	}
	err := o.walk(ctx)
	o.settle(ctx, err)
	o.show(ctx, o)
	if err != nil {
		return Result{}, err
	}
	return Result{Outcome: o.outcome, By: o.close.By, Reason: o.close.Reason, Facts: o.facts}, nil
}

func newOrder(ctx workflow.Context, in Input) *order {
	source := in.Source
	if source == "" {
		source = "b2c"
	}
	return &order{
		id:     workflow.GetInfo(ctx).WorkflowExecution.ID,
		visits: map[string]int{}, moves: map[string]Move{}, attended: in.Attended,
		facts: lifecycle.Facts{Source: source, Material: in.Material, Model: in.Model},
	}
}

// walk takes the order through its stages. It turns back only where the
// lifecycle says so, for better input.
func (o *order) walk(ctx workflow.Context) error {
	for step := lifecycle.First(); ; {
		if err := o.await(ctx, step); err != nil {
			return err
		}
		err := o.pass(ctx, step)
		switch {
		case err == nil && step.Next == "":
			return nil
		case err == nil:
			step, err = lifecycle.Find(step.Next)
		case step.Back != "" && o.sendBack(err):
			step, err = lifecycle.Find(step.Back)
		}
		if err != nil {
			return err
		}
	}
}

// pass runs the stage's activity and keeps the facts that it adds.
func (o *order) pass(ctx workflow.Context, step lifecycle.Step) error {
	o.waiting = nil
	o.visits[string(step.Stage)]++
	arrival := lifecycle.Arrival{
		Order: o.id, Stage: step.Stage, Visit: o.visits[string(step.Stage)], Facts: o.facts,
	}
	if step.Stage == lifecycle.Closed {
		arrival.By, arrival.Reason = o.close.By, o.close.Reason
	} else {
		arrival.By = o.moves[string(step.Stage)].By
		delete(o.moves, string(step.Stage)) // another visit waits anew
	}
	o.show(ctx, o)
	var more lifecycle.Facts
	ctx = workflow.WithActivityOptions(ctx, stageOptions(step))
	if err := workflow.ExecuteActivity(ctx, string(step.Stage), arrival).Get(ctx, &more); err != nil {
		return fmt.Errorf("%s: %w", step.Stage, err)
	}
	o.facts = o.facts.With(more)
	o.reached = append(o.reached, Passage{Stage: step.Stage, At: workflow.Now(ctx)})
	return nil
}

// sendBack takes out of the facts what a system refused, so that the gate waits
// for better. It tells whether there was such a thing.
func (o *order) sendBack(err error) bool {
	var app *temporal.ApplicationError
	var refusal lifecycle.Error
	if !errors.As(err, &app) || !app.HasDetails() || app.Details(&refusal) != nil || refusal.Remedy != lifecycle.FixInput {
		return false
	}
	switch refusal.Field {
	case "model":
		o.facts.Model = nil
	case "material":
		o.facts.Material = ""
	default:
		return false
	}
	o.problem = refusal.Error()
	return true
}

// settle tells every system that has the order how it ended, for as long as it
// takes: no database may go on saying that an ended order is open.
func (o *order) settle(ctx workflow.Context, err error) {
	end := lifecycle.Ending{Order: o.id, Outcome: lifecycle.OutcomeClosed}
	switch {
	case temporal.IsCanceledError(err):
		end.Outcome, end.By = lifecycle.OutcomeCancelled, "temporal"
	case err != nil:
		end.Outcome = lifecycle.OutcomeFailed
	default:
		end.By, end.Reason = o.close.By, o.close.Reason
	}
	o.outcome, o.waiting = end.Outcome, nil
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	var settled []workflow.Future
	for _, system := range lifecycle.Systems() {
		if !o.touched(system) || (system == lifecycle.CRM && end.Outcome == lifecycle.OutcomeClosed) {
			continue // CLOSED itself settled the CRM
		}
		actx := workflow.WithActivityOptions(ctx, quickOptions(system))
		settled = append(settled, workflow.ExecuteActivity(actx, lifecycle.Settle, end))
	}
	for _, f := range settled {
		if err := f.Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Error("settle", "outcome", end.Outcome, "error", err)
		}
	}
}

// touched tells whether the system has been asked to record a stage.
func (o *order) touched(system lifecycle.System) bool {
	for _, stage := range lifecycle.Owned(system) {
		if o.visits[string(stage)] > 0 {
			return true
		}
	}
	return false
}

// stageOptions fit the stage: pricing may run for half an hour and must show
// that it lives; the rest take seconds. All are tried until they succeed or are
// refused: no outage of a system may fail an order.
func stageOptions(step lifecycle.Step) workflow.ActivityOptions {
	options := quickOptions(step.System)
	if step.Stage == lifecycle.PriceCalculated {
		options.StartToCloseTimeout = 45 * time.Minute
		options.HeartbeatTimeout = 15 * time.Second
		options.WaitForCancellation = true
	}
	return options
}

func quickOptions(system lifecycle.System) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:           string(system),
		StartToCloseTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    500 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    30 * time.Second,
		},
	}
}
