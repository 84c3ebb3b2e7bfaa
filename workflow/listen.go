package workflow

import (
	"errors"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
)

// listen registers everything that reaches the order from outside.
func (o *order) listen(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryStatus,
		func() (lifecycle.Status, error) { return o.Status, nil },
		workflow.QueryHandlerOptions{Description: "where the order stands and what it waits for"},
	); err != nil {
		return err
	}
	for _, register := range []func() error{
		grants(ctx, o, o.advance, `moves an attended order on to the stage that it waits for: {"stage":"…","by":"…"}`),
		grants(ctx, o, o.upload, `gives an order that waits at FILE_UPLOADED its model or material: {"model":{"digest":"sha256-…"},"material":"silver-925"}`),
		grants(ctx, o, o.reject, `sends an order that waits for its approval back to the customer: {"by":"…","reason":"…"}`),
		grants(ctx, o, o.handOver, `gives an order in production to another operator: {"by":"…","from":"…","to":"…"}`),
		grants(ctx, o, o.cancel, `cancels an order that was not shipped, and undoes what was done: {"by":"…","reason":"…"}`),
	} {
		if err := register(); err != nil {
			return err
		}
	}
	o.receive(ctx, SignalMove, o.takeMove, `moves an attended order on to the stage that it waits for: {"stage":"…","by":"…"}`)
	o.receive(ctx, SignalCarrier, o.takeCarrier, `what the carrier says of the parcel: {"id":"…","status":"in_transit"}`)
	o.receive(ctx, SignalClose, o.takeClose,
		`closes a shipped order: {"by":"carrier"|"manual","reason":"…"}, or no input; sent earlier, it is kept until then`)
	return nil
}

// grants registers the update that takes one kind of request. A request that the
// order does not grant leaves no mark on it.
func grants[R lifecycle.Request](ctx workflow.Context, o *order, grant func(R), description string) func() error {
	return func() error {
		var request R
		return workflow.SetUpdateHandlerWithOptions(ctx, request.Verb(),
			func(ctx workflow.Context, r R) (lifecycle.Status, error) {
				grant(r)
				o.show(ctx)
				return o.Status, nil
			},
			workflow.UpdateHandlerOptions{
				Validator:   func(_ workflow.Context, r R) error { return refusal(r.Judge(o.Status)) },
				Description: description,
			})
	}
}

// refusal types a refused request for Temporal, with the whole of it in the
// details.
func refusal(err error) error {
	var e *lifecycle.Error
	if !errors.As(err, &e) {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Remedy), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{e},
	})
}

func (o *order) advance(m lifecycle.Move) {
	o.Moves = append(o.Moves, m)
	o.pending[m.Stage] = m
	o.leave(m.Stage)
	o.Facts = o.Facts.With(lifecycle.Facts{Carrier: m.Carrier, Tracking: m.Tracking})
	switch m.Stage {
	case lifecycle.ManufacturingStarted:
		o.Facts.Operator = m.By
	case lifecycle.Closed:
		o.Close = &lifecycle.Close{By: closeManual, Reason: m.Reason, Person: m.By}
	}
}

func (o *order) upload(u lifecycle.Upload) {
	given := lifecycle.Facts{Model: u.Model, Material: u.Material}
	o.Facts = o.Facts.With(given)
	if o.Passing == lifecycle.Initiated {
		o.early = o.early.With(given)
	}
	o.Problem, o.Rejected = "", nil
	if o.WaitsFor(lifecycle.FileUploaded) && o.supplied() {
		o.leave(lifecycle.FileUploaded)
	}
}

func (o *order) reject(r lifecycle.Rejection) {
	field := r.Field
	if field == "" {
		field = "model"
	}
	o.lack(field)
	o.Rejected, o.Problem = &r, r.Reason
	o.back = o.backFrom(lifecycle.ManufacturingApproved)
	o.leave(o.back)
}

// leave takes the order from its gate at once, before the walk does: what is
// asked next, perhaps in the same workflow task, is judged by what was granted.
func (o *order) leave(to lifecycle.Stage) { o.Waiting, o.Passing = nil, to }

func (o *order) handOver(h lifecycle.HandOver) {
	o.back = o.backFrom(lifecycle.ManufacturingCompleted)
	o.Moves = without(o.Moves, o.back)
	o.advance(lifecycle.Move{Stage: o.back, By: h.To})
}

func (o *order) backFrom(stage lifecycle.Stage) lifecycle.Stage {
	step, _ := lifecycle.Find(stage) // the lifecycle has it
	return step.Back
}

func without(moves []lifecycle.Move, stage lifecycle.Stage) []lifecycle.Move {
	kept := moves[:0:0]
	for _, m := range moves {
		if m.Stage != stage {
			kept = append(kept, m)
		}
	}
	return kept
}

// receive hands on every signal of a channel as it is, so that no input can be
// lost or do harm.
func (o *order) receive(ctx workflow.Context, signal string, take func(workflow.Context, []byte), description string) {
	signals := workflow.GetSignalChannelWithOptions(ctx, signal, workflow.SignalChannelOptions{Description: description})
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var raw converter.RawValue
			if !signals.Receive(ctx, &raw) {
				return
			}
			take(ctx, raw.Payload().GetData())
			o.show(ctx)
		}
	})
}
