// Package activities is what an order does at each stage: one activity a stage,
// each an idempotent call into the system that owns it.
package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// Registry is where activities are registered: a Temporal worker.
type Registry interface {
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

// register makes a stage's activity known by the stage's own name.
func register(r Registry, stage lifecycle.Stage, a func(context.Context, lifecycle.Arrival) (lifecycle.Facts, error)) {
	r.RegisterActivityWithOptions(a, activity.RegisterOptions{Name: string(stage)})
}

// registerEnd makes known what every system does when an order ends.
func registerEnd(r Registry, name lifecycle.System, s system) {
	for _, stage := range lifecycle.Owned(name) {
		r.RegisterActivityWithOptions(s.Undo, activity.RegisterOptions{Name: lifecycle.Undo(stage)})
	}
	r.RegisterActivityWithOptions(s.Settle, activity.RegisterOptions{Name: lifecycle.Settle})
}

// system is what the activities of all three systems share.
type system struct{ api *api.Client }

// record makes the stage's one call and waits for its end.
func (s system) record(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	answer, err := s.ask(ctx, a, 0)
	if err == nil && !answer.Done {
		err = &lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "the system is still at it"}
	}
	return answer.Facts, toTemporal(err)
}

func (s system) ask(ctx context.Context, a lifecycle.Arrival, wait time.Duration) (api.StageAnswer, error) {
	in := api.StageRequest{By: a.By, Reason: a.Reason, Facts: a.Facts}
	return s.api.Record(ctx, a.Order, a.Stage, key(a), in, wait)
}

func key(a lifecycle.Arrival) string { return api.Key(a.Order, a.Stage, a.Visit) }

// Undo has the system take a stage of a cancelled order back.
func (s system) Undo(ctx context.Context, u lifecycle.Undoing) error {
	return toTemporal(s.api.Undo(ctx, u.Order, u.Stage))
}

// Settle tells the system how the order ended. A system that never met the
// order has nothing to settle.
func (s system) Settle(ctx context.Context, end lifecycle.Ending) error {
	err := s.api.Settle(ctx, end.Order, api.OutcomeRequest{Outcome: end.Outcome, By: end.By, Reason: end.Reason})
	var e *lifecycle.Error
	if errors.As(err, &e) && e.Code == lifecycle.CodeNotFound {
		return nil
	}
	return toTemporal(err)
}

// toTemporal types an error for Temporal by what the caller should do: only
// what may pass is tried again. The workflow reads the details.
func toTemporal(err error) error {
	var e *lifecycle.Error
	if !errors.As(err, &e) {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Remedy), temporal.ApplicationErrorOptions{
		NonRetryable: e.Remedy != lifecycle.Retry,
		Details:      []any{e},
	})
}
