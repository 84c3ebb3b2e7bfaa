package workflow

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
)

// The search attributes that an order's waits have.
const (
	AttributeWaiting = "OrderWaiting" // Keyword: the stage that it waited for last
	AttributeOverdue = "OrderOverdue" // Bool: it waits for longer than the gate's service level
)

var (
	waitingKey = temporal.NewSearchAttributeKeyKeyword(AttributeWaiting)
	overdueKey = temporal.NewSearchAttributeKeyBool(AttributeOverdue)
)

// await holds the order at the stage's gate until it may pass, or turns back.
func (o *order) await(ctx workflow.Context, step lifecycle.Step) error {
	open := o.gate(step)
	if err := o.cancelled(ctx); err != nil || open() {
		return err
	}
	terms := o.terms(ctx, step.Stage)
	o.Passing, o.Waiting = "", &lifecycle.Wait{Stage: step.Stage, For: step.By, Since: workflow.Now(ctx)}
	if terms.Level > 0 {
		o.Waiting.Due = o.Waiting.Since.Add(terms.Level)
	}
	o.index(ctx, terms, waitingKey.ValueSet(string(step.Stage)))
	o.show(ctx)
	end := func() {}
	if o.Wait != nil {
		end = o.Wait(ctx, string(step.Stage), string(step.By))
	}
	err := o.hold(ctx, terms, open)
	end()
	if o.overdue {
		o.overdue = false
		o.index(ctx, terms, overdueKey.ValueSet(false))
	}
	if err == nil { // granted and cancelled at once
		err = o.cancelled(ctx)
	}
	return err
}

// cancelled is why the walk ends. An order that began before changePeople learns
// it from the next activity.
func (o *order) cancelled(ctx workflow.Context) error {
	if !o.people {
		return nil
	}
	return ctx.Err()
}

// supplied tells whether the customer gave all that an order needs.
func (o *order) supplied() bool { return o.Facts.Model != nil && o.Facts.Material != "" }

// hold waits until the gate opens, and tells when the service level is over.
func (o *order) hold(ctx workflow.Context, terms terms, open func() bool) error {
	if terms.Level > 0 {
		opened, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: terms.Level, TimerOptions: workflow.TimerOptions{Summary: "service level of " + string(o.Waiting.Stage)},
		}, open)
		if err != nil || opened {
			return err
		}
		o.overdue, o.Waiting.Overdue = true, true
		o.index(ctx, terms, overdueKey.ValueSet(true))
		o.note(ctx, "overdue", string(o.Waiting.Stage))
		o.show(ctx)
	}
	return workflow.Await(ctx, open)
}

// gate returns what lets an order pass a stage's gate, on or back.
func (o *order) gate(step lifecycle.Step) func() bool {
	return func() bool {
		switch {
		case o.back != "" || step.Stage == lifecycle.Initiated: // whoever started the order opened it
			return true
		case step.Stage == lifecycle.FileUploaded:
			return o.supplied()
		case step.Stage == lifecycle.Closed:
			return o.Close != nil
		case o.Attended && step.By != lifecycle.Itself:
			_, moved := o.pending[step.Stage]
			return moved
		default:
			return true
		}
	}
}

// terms are what this worker knows of a gate. Another may have another mind when
// it replays the order, so they are recorded.
type terms struct {
	Level      time.Duration `json:"level,omitempty"` // 0: it is never overdue
	Searchable bool          `json:"searchable,omitempty"`
}

func (o *order) terms(ctx workflow.Context, stage lifecycle.Stage) (t terms) {
	if !o.people {
		return t
	}
	recorded := workflow.SideEffect(ctx, func(workflow.Context) any {
		return terms{Level: o.Levels[stage], Searchable: o.Searchable}
	})
	if err := recorded.Get(&t); err != nil {
		workflow.GetLogger(ctx).Error("terms of the gate", "stage", stage, "error", err)
	}
	return t
}

func (o *order) index(ctx workflow.Context, t terms, update temporal.SearchAttributeUpdate) {
	if !t.Searchable {
		return
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, update); err != nil {
		workflow.GetLogger(ctx).Warn("not searchable", "error", err)
	}
}

func (o *order) note(ctx workflow.Context, kind, what string) {
	if o.Note != nil && o.people { // earlier orders have none
		o.Note(ctx, kind, what)
	}
}
