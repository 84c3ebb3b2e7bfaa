package workflow

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
)

// cancellable returns the context of the walk: one that a granted cancellation
// ends, whoever asked for it, and nothing else. Temporal's own request to cancel
// is one among others.
func (o *order) cancellable(ctx workflow.Context) workflow.Context {
	if !o.people {
		ctx, o.stop = workflow.WithCancel(ctx)
		return ctx
	}
	apart, _ := workflow.NewDisconnectedContext(ctx)
	walking, stop := workflow.WithCancel(apart)
	o.stop = stop
	workflow.Go(apart, func(apart workflow.Context) {
		ctx.Done().Receive(apart, nil)
		c := lifecycle.Cancellation{By: "temporal"}
		if err := c.Judge(o.Status); err != nil {
			o.ignore(apart, c.Verb(), err)
		} else {
			o.cancel(c)
		}
		o.show(apart)
	})
	return walking
}

func (o *order) cancel(c lifecycle.Cancellation) {
	o.Cancel = &c
	o.stop()
}

// end undoes a cancelled order's stages, and tells every system that has the
// order how it ended. It returns how the workflow ends.
func (o *order) end(ctx workflow.Context, err error) error {
	end := lifecycle.Ending{Order: o.OrderID, Outcome: lifecycle.OutcomeClosed}
	switch {
	case o.Cancel != nil:
		end.Outcome, end.By, end.Reason = lifecycle.OutcomeCancelled, o.Cancel.By, o.Cancel.Reason
		err = temporal.NewCanceledError()
	case temporal.IsCanceledError(err):
		end.Outcome, end.By = lifecycle.OutcomeCancelled, "temporal"
	case err != nil:
		end.Outcome = lifecycle.OutcomeFailed
	default:
		end.By, end.Reason = o.closer(), o.Close.Reason
	}
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	o.Waiting, o.Passing = nil, ""
	if o.Cancel != nil {
		o.undo(ctx)
	}
	o.Outcome = end.Outcome
	o.settle(ctx, end)
	return err
}

// undo takes back what the systems began, the last first: each until it is done.
func (o *order) undo(ctx workflow.Context) {
	o.show(ctx)
	for _, stage := range slices.Backward(lifecycle.StageNames()) {
		if o.visits[stage] == 0 {
			continue
		}
		step, err := lifecycle.Find(stage)
		if err == nil {
			actx := workflow.WithActivityOptions(ctx, quickOptions(step.System))
			err = workflow.ExecuteActivity(actx, lifecycle.Undo(stage), lifecycle.Undoing{Order: o.OrderID, Stage: stage}).Get(actx, nil)
		}
		if err != nil { // refused for good: somebody has to look
			workflow.GetLogger(ctx).Error("undo", "stage", stage, "error", err)
			o.Problem = fmt.Sprintf("%s was not undone: %v", stage, err)
		}
	}
}

// settle tells every system that has the order how it ended, for as long as it
// takes: no database may go on saying that an ended order is open.
func (o *order) settle(ctx workflow.Context, end lifecycle.Ending) {
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
	return slices.ContainsFunc(lifecycle.Owned(system), func(stage lifecycle.Stage) bool { return o.visits[stage] > 0 })
}
