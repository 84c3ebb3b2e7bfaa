// Package walk takes an order through its whole life, by what its customer, manager,
// operator and carrier do at the three systems. It is for the demo and for load.
package walk

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/deploy/simulate/people"
	"ordertrace/lifecycle"
)

// Walk is what an order meets on its way.
type Walk struct {
	People   people.People
	Carrier  carrier.Simulator
	Material string
	Model    []byte // an STL file
	File     string // its name
	// Patience is how long people press again when nobody answers, or a system says
	// that the same may succeed later. Default: an hour.
	Patience time.Duration
	// Again is told of each request that has to be made again; nil: nobody is told.
	Again func(err error)
	// Say is told what happens next, in words; nil: nobody is told.
	Say func(what string)
}

// lookEvery is how often people look whether an order has come to them.
const lookEvery = 200 * time.Millisecond

// Closed takes a new order to CLOSED. On its way systems may be away for as long as
// people have patience. An error comes with the order, once that has a number.
func (w Walk) Closed(ctx context.Context) (people.Started, error) {
	w.say("a customer orders a ring, uploads its model, and places the order")
	order, err := w.start(ctx)
	if err != nil {
		return order, err
	}
	tracking := "1Z" + strings.ToUpper(rand.Text()[:16])
	for _, step := range w.People.Steps(tracking) {
		if step.Stage == lifecycle.ManufacturingApproved {
			w.say("the MES prices it; a manager approves it; an operator makes it and ships it")
		}
		if err := w.take(ctx, order.OrderID, step); err != nil {
			return order, fmt.Errorf("%s: %w", step.Stage, err)
		}
	}
	if err := w.await(ctx, order.OrderID, lifecycle.Closed); err != nil {
		return order, err
	}
	w.say("the carrier, simulated, sends its signed messages to the CRM")
	for _, status := range []lifecycle.ParcelStatus{lifecycle.ParcelInTransit, lifecycle.ParcelOutForDelivery, lifecycle.ParcelDelivered} {
		news := carrier.NewEvent("UPS", tracking, status)
		w.say(fmt.Sprintf("%s: %s", tracking, status))
		if err := w.insist(ctx, func() error { return w.Carrier.Send(ctx, news) }); err != nil {
			return order, fmt.Errorf("carrier's %s: %w", status, err)
		}
	}
	return order, w.await(ctx, order.OrderID, "")
}

// start starts an order, once however often it is asked for, and uploads its model.
func (w Walk) start(ctx context.Context) (order people.Started, err error) {
	key := rand.Text()
	if err := w.insist(ctx, func() error {
		order, err = w.People.Start(ctx, w.Material, key)
		return err
	}); err != nil {
		return order, fmt.Errorf("start: %w", err)
	}
	if err := w.insist(ctx, func() error {
		return w.People.Upload(ctx, order.OrderID, w.File, bytes.NewReader(w.Model))
	}); err != nil {
		return order, fmt.Errorf("upload: %w", err)
	}
	return order, nil
}

// take waits until the order stands at the step's gate, and opens it. A request that
// was granted, but whose answer was lost, is granted again.
func (w Walk) take(ctx context.Context, order string, step people.Step) error {
	if err := w.await(ctx, order, step.Stage); err != nil {
		return err
	}
	return w.insist(ctx, func() error {
		return w.People.Do(ctx, http.MethodPost, fmt.Sprintf("%s/orders/%s/%s", step.URL, order, step.Verb), step.Body, nil)
	})
}

// await waits until the order stands at a stage's gate; with no stage, until it is
// closed.
func (w Walk) await(ctx context.Context, order string, stage lifecycle.Stage) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		var s lifecycle.Status
		if err := w.insist(ctx, func() (err error) { s, err = w.People.Status(ctx, order); return err }); err != nil {
			return err
		}
		switch {
		case s.WaitsFor(stage), stage == "" && s.Outcome == lifecycle.OutcomeClosed:
			return nil
		case s.Outcome != "":
			return fmt.Errorf("the order is %s and never waited for %s", s.Outcome, stage)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("the order stands at %s: %w", s.Stage, ctx.Err())
		}
	}
}

// insist makes a request until somebody answers it.
func (w Walk) insist(ctx context.Context, request func() error) error {
	patience := w.Patience
	if patience == 0 {
		patience = time.Hour
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 5*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := request()
		switch {
		case err == nil:
		case !mayPass(err), ctx.Err() != nil:
			err = backoff.Permanent(err)
		case w.Again != nil:
			w.Again(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(patience))
	return err
}

// mayPass tells whether the same request may succeed later: whatever nobody answered,
// and what a system says of its own trouble. To people a token that is wrong is wrong.
func mayPass(err error) bool {
	var refused *lifecycle.Error
	var byWebhook *carrier.Refusal
	switch {
	case errors.As(err, &refused):
		return refused.Remedy == lifecycle.Retry && refused.Code != lifecycle.CodeUnauthorized && refused.Code != lifecycle.CodeForbidden
	case errors.As(err, &byWebhook):
		return byWebhook.Status != http.StatusUnauthorized
	default:
		return true
	}
}

func (w Walk) say(what string) {
	if w.Say != nil {
		w.Say(what)
	}
}
