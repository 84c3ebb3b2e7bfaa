package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

// ask asks something of an order, in the order's trace, and answers how it stands
// then.
func (e *environment) ask(order string, request func(context.Context) (lifecycle.Request, error)) error {
	o, err := e.orders()
	if err != nil {
		return err
	}
	ctx := o.Temporal.Join(e.ctx, order)
	r, err := request(ctx)
	if err != nil {
		return err
	}
	s, err := o.Ask(ctx, order, "", r)
	if err != nil {
		return aboutOrder(err, order)
	}
	return e.answer(s, func(w io.Writer) { fmt.Fprintf(w, "order %s: %s\n", order, standing(s)) })
}

// just is a request that is ready.
func just(r lifecycle.Request) func(context.Context) (lifecycle.Request, error) {
	return func(context.Context) (lifecycle.Request, error) { return r, nil }
}

type advanceCmd struct {
	Order    string `arg:"" help:"The order's number."`
	Stage    string `arg:"" help:"The stage that it waits for."`
	By       string `required:"" placeholder:"WHO" help:"Who moves it: an identifier, not a name."`
	Carrier  string `help:"With SHIPPED: who carries the parcel."`
	Tracking string `placeholder:"NUMBER" help:"With SHIPPED: the parcel's number."`
	Reason   string `help:"With CLOSED: why, in words without personal data."`
}

func (c *advanceCmd) Run(e *environment) error {
	step, err := lifecycle.Find(lifecycle.Stage(c.Stage))
	if err != nil {
		return hinted(err, "`starter show %s` tells which one it waits for", c.Order)
	}
	return e.ask(c.Order, just(lifecycle.Move{
		Stage: step.Stage, By: c.By, Reason: c.Reason, Carrier: c.Carrier, Tracking: c.Tracking,
	}))
}

type rejectCmd struct {
	Order  string `arg:"" help:"The order's number."`
	By     string `required:"" placeholder:"WHO" help:"Who rejects it: an identifier, not a name."`
	Reason string `required:"" help:"What the customer is told, without personal data."`
	Field  string `enum:"model,material" default:"model" help:"What has to be better: model or material."`
}

func (c *rejectCmd) Run(e *environment) error {
	return e.ask(c.Order, just(lifecycle.Rejection{By: c.By, Reason: c.Reason, Field: c.Field}))
}

type handOverCmd struct {
	Order string `arg:"" help:"The order's number."`
	From  string `required:"" placeholder:"WHO" help:"The operator who has it."`
	To    string `required:"" placeholder:"WHO" help:"The operator who takes it."`
	By    string `required:"" placeholder:"WHO" help:"Who hands it over: an identifier, not a name."`
}

func (c *handOverCmd) Run(e *environment) error {
	return e.ask(c.Order, just(lifecycle.HandOver{By: c.By, From: c.From, To: c.To}))
}

type cancelCmd struct {
	Order  string `arg:"" help:"The order's number."`
	By     string `default:"starter" placeholder:"WHO" help:"Who cancels it: an identifier, not a name."`
	Reason string `help:"Why, in words without personal data."`
}

func (c *cancelCmd) Run(e *environment) error {
	return e.ask(c.Order, just(lifecycle.Cancellation{By: c.By, Reason: c.Reason}))
}

type uploadCmd struct {
	Order    string `arg:"" help:"The order's number."`
	Model    string `placeholder:"FILE" help:"A better 3D model."`
	Material string `help:"A better material."`
}

func (c *uploadCmd) Run(e *environment) error {
	if c.Model == "" && c.Material == "" {
		return hinted(errors.New("nothing to give the order"), "name --model FILE, --material NAME, or both")
	}
	if c.Model != "" {
		if err := checkModel(c.Model); err != nil {
			return err
		}
	}
	return e.ask(c.Order, func(ctx context.Context) (lifecycle.Request, error) {
		in := lifecycle.Upload{Material: c.Material}
		if c.Model != "" {
			model, err := uploadModel(ctx, e, c.Model)
			if err != nil {
				return in, err
			}
			in.Model = &model
		}
		return in, nil
	})
}

type closeCmd struct {
	Order  string `arg:"" help:"The order's number."`
	By     string `enum:"carrier,manual" default:"manual" help:"Who closes it: carrier or manual."`
	Reason string `help:"Why, in words without personal data."`
}

func (c *closeCmd) Run(e *environment) error {
	o, err := e.orders()
	if err != nil {
		return err
	}
	if err := o.Close(o.Temporal.Join(e.ctx, c.Order), c.Order, lifecycle.Close{By: c.By, Reason: c.Reason}); err != nil {
		return aboutOrder(err, c.Order)
	}
	sent := map[string]string{"order_id": c.Order, "signal": workflow.SignalClose, "by": c.By}
	return e.answer(sent, func(w io.Writer) { fmt.Fprintf(w, "sent close to %s\n", c.Order) })
}
