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

// Names that clients use. An order takes every lifecycle.Request as an update
// with the request's verb for a name; it answers its lifecycle.Status.
const (
	Name          = "Order"               // the workflow type; its ID is the order's
	TaskQueue     = "shop"                // where the workflow runs
	SignalClose   = "close"               // input: lifecycle.Close, or none
	SignalMove    = lifecycle.VerbAdvance // input: lifecycle.Move
	SignalCarrier = "carrier"             // input: lifecycle.CarrierEvent
	QueryStatus   = "status"              // answers lifecycle.Status
)

// Signals are all that an order listens for.
func Signals() []string { return []string{SignalClose, SignalMove, SignalCarrier} }

// Workflow makes the order's walk. Its fields reach what people are shown, and
// never a command, unless their word is recorded first: replay does not depend
// on them.
type Workflow struct {
	// TraceURL links to the order's trace; nil leaves the link out.
	TraceURL func(workflow.Context) string
	// Wait marks the beginning of a wait for a stage by a role, and returns what
	// marks its end; nil marks nothing.
	Wait func(ctx workflow.Context, stage, role string) (end func())
	// Note marks that something happened, such as "overdue" "SHIPPED"; nil marks
	// nothing.
	Note func(ctx workflow.Context, kind, what string)
	// Levels are the gates' service levels; nil: no gate has one.
	Levels lifecycle.Levels
	// Searchable is true where the namespace has the search attributes.
	Searchable bool
}

// Input starts an order. An order that lacks its model or material waits at
// FILE_UPLOADED for an upload.
type Input struct {
	Customer string           `json:"customer,omitempty"` // an identifier of who orders
	Source   string           `json:"source,omitempty"`   // "b2c" (default) or "b2b"
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
	lifecycle.Status
	people  bool                               // see changePeople
	visits  map[lifecycle.Stage]int            // read by key only
	pending map[lifecycle.Stage]lifecycle.Move // moves that were not walked yet; read by key only
	early   lifecycle.Facts                    // uploaded while the order was opened: more than the answer to that knows
	back    lifecycle.Stage                    // where somebody turns the order back to, at the gate where it stands
	stop    func()                             // ends the walk, for a cancellation
	overdue bool                               // as the search attribute says
	Workflow
}

// changePeople is the change that brought requests, service levels and
// compensation. An order that began before it has no service levels, is moved
// on by signals without a name, and is cancelled at any time, with nothing
// undone.
const changePeople = "people"

// Order runs an order from INITIATED to its end.
func (w Workflow) Order(ctx workflow.Context, in Input) (Result, error) {
	o := w.newOrder(ctx, in)
	walking := o.cancellable(ctx)
	if err := o.listen(ctx); err != nil {
		return Result{}, err
	}
	err := o.end(ctx, o.walk(walking))
	o.show(ctx)
	if err != nil {
		return Result{}, err
	}
	return Result{Outcome: o.Outcome, By: o.Close.By, Reason: o.Close.Reason, Facts: o.Facts}, nil
}

func (w Workflow) newOrder(ctx workflow.Context, in Input) *order {
	source := in.Source
	if source == "" {
		source = "b2c"
	}
	return &order{
		Status: lifecycle.Status{
			OrderID: workflow.GetInfo(ctx).WorkflowExecution.ID, Customer: in.Customer, Attended: in.Attended,
			Facts: lifecycle.Facts{Source: source, Material: in.Material, Model: in.Model},
		},
		people:   workflow.GetVersion(ctx, changePeople, workflow.DefaultVersion, 1) > workflow.DefaultVersion,
		visits:   map[lifecycle.Stage]int{},
		pending:  map[lifecycle.Stage]lifecycle.Move{},
		Workflow: w,
	}
}

// walk takes the order through its stages. It turns back only where the
// lifecycle says so.
func (o *order) walk(ctx workflow.Context) error {
	for next := lifecycle.First().Stage; next != ""; {
		step, err := lifecycle.Find(next)
		if err != nil {
			return err
		}
		if next, err = o.step(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// step takes the order through a stage's gate and the stage, and returns the
// stage that follows; none at the end.
func (o *order) step(ctx workflow.Context, step lifecycle.Step) (lifecycle.Stage, error) {
	if err := o.await(ctx, step); err != nil {
		return "", err
	}
	if o.back != "" {
		return o.turnBack(o.back), nil
	}
	err := o.pass(ctx, step)
	switch {
	case err == nil && step.Stage == lifecycle.Shipped:
		o.expectParcel(ctx)
		return step.Next, nil
	case err != nil && step.Back == lifecycle.FileUploaded && o.refused(err):
		return o.turnBack(step.Back), nil
	default:
		return step.Next, err
	}
}

// pass runs the stage's activity and keeps the facts that it adds.
func (o *order) pass(ctx workflow.Context, step lifecycle.Step) error {
	o.visits[step.Stage]++
	arrival := lifecycle.Arrival{
		Order: o.OrderID, Stage: step.Stage, Visit: o.visits[step.Stage], Facts: o.Facts,
		By: o.pending[step.Stage].By,
	}
	delete(o.pending, step.Stage) // another visit waits anew
	if step.Stage == lifecycle.Closed {
		arrival.By, arrival.Reason = o.closer(), o.Close.Reason
	}
	o.Waiting, o.Passing = nil, step.Stage
	o.show(ctx)
	var more lifecycle.Facts
	actx := workflow.WithActivityOptions(ctx, o.stageOptions(step))
	err := workflow.ExecuteActivity(actx, string(step.Stage), arrival).Get(actx, &more)
	o.Passing = ""
	if err != nil {
		return fmt.Errorf("%s: %w", step.Stage, err)
	}
	o.Facts = o.Facts.With(more).With(o.early)
	o.early = lifecycle.Facts{}
	o.Stage = step.Stage
	o.Passed = append(o.Passed, lifecycle.Passage{Stage: step.Stage, At: workflow.Now(ctx)})
	return nil
}

// closer is who closed the order: a person, if one is known.
func (o *order) closer() string {
	if o.Close.Person != "" {
		return o.Close.Person
	}
	return o.Close.By
}

// turnBack makes the order come to a stage, and all after it, anew.
func (o *order) turnBack(to lifecycle.Stage) lifecycle.Stage {
	o.back, o.Waiting = "", nil
	kept := o.Moves[:0:0]
	for _, m := range o.Moves {
		_, waiting := o.pending[m.Stage]
		if waiting || m.Stage.Position() < to.Position() {
			kept = append(kept, m)
		}
	}
	o.Moves = kept
	return to
}

// refused takes out of the facts what a system refused, so that the gate waits
// for better. It tells whether there was such a thing.
func (o *order) refused(err error) bool {
	var app *temporal.ApplicationError
	var refusal lifecycle.Error
	if !errors.As(err, &app) || !app.HasDetails() || app.Details(&refusal) != nil || refusal.Remedy != lifecycle.FixInput {
		return false
	}
	if !o.lack(refusal.Field) {
		return false
	}
	o.Problem = refusal.Error()
	return true
}

// lack makes the order wait for a better model or material.
func (o *order) lack(field string) bool {
	switch field {
	case "model":
		o.Facts.Model = nil
	case "material":
		o.Facts.Material = ""
	default:
		return false
	}
	return true
}

// expectParcel has the CRM watch for the carrier's messages, and takes those
// that came before. An order that is on its way does not fail for it: it can be closed
// by hand.
func (o *order) expectParcel(ctx workflow.Context) {
	if o.Facts.Tracking == "" {
		return
	}
	parcel := lifecycle.Parcel{Order: o.OrderID, Carrier: o.Facts.Carrier, Tracking: o.Facts.Tracking}
	var early []lifecycle.CarrierEvent
	ctx = workflow.WithActivityOptions(ctx, quickOptions(lifecycle.CRM))
	if err := workflow.ExecuteActivity(ctx, lifecycle.ExpectParcel, parcel).Get(ctx, &early); err != nil {
		workflow.GetLogger(ctx).Error(lifecycle.ExpectParcel, "error", err)
		o.Problem = fmt.Sprintf("the carrier's messages are not heard: %v", err)
	}
	for _, e := range early {
		o.takeParcel(ctx, e)
	}
}

// stageOptions fit the stage: pricing may run for half an hour and must show
// that it lives; the rest take seconds. All are tried until they succeed or are
// refused: no outage of a system may fail an order.
func (o *order) stageOptions(step lifecycle.Step) workflow.ActivityOptions {
	options := quickOptions(step.System)
	// What a cancelled attempt still does must be known before it is undone.
	options.WaitForCancellation = o.people || step.Stage == lifecycle.PriceCalculated
	if step.Stage == lifecycle.PriceCalculated {
		options.StartToCloseTimeout = 45 * time.Minute
		options.HeartbeatTimeout = 15 * time.Second
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
