package workflow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
)

// takeMove opens the gate at which the order waits, if that is the one meant.
func (o *order) takeMove(ctx workflow.Context, data []byte) {
	m, err := parseMove(data)
	if err == nil {
		err = o.admit(m)
	}
	if err != nil {
		o.ignore(ctx, SignalMove, err)
		return
	}
	o.advance(m)
}

func parseMove(data []byte) (m lifecycle.Move, err error) {
	if err := json.Unmarshal(data, &m); err != nil {
		return m, errors.New(`input must be {"stage":"…","by":"…"}`)
	}
	return m, nil
}

// admit judges a move that came as a signal. To an order that began before
// changePeople, a name meant nothing, but a long one was refused.
func (o *order) admit(m lifecycle.Move) error {
	switch {
	case o.people:
		return m.Judge(o.Status)
	case len(m.By) > maxOldBy || !o.WaitsFor(m.Stage) || m.Stage == lifecycle.Closed || m.Stage == lifecycle.FileUploaded:
		return fmt.Errorf("the order does not wait for %.40s", m.Stage)
	default:
		return nil
	}
}

const maxOldBy = 100 // bytes

const (
	closeCarrier = "carrier"
	closeManual  = "manual"
)

// takeClose keeps the first good close signal, and writes down the others.
func (o *order) takeClose(ctx workflow.Context, data []byte) {
	c, err := parseClose(data)
	if err == nil {
		err = c.Judge(o.Status)
	}
	if err != nil {
		o.ignore(ctx, SignalClose, err)
		return
	}
	if c.By == closeCarrier && c.Reason == string(lifecycle.ParcelDelivered) {
		o.Parcel, o.ParcelAt = lifecycle.ParcelDelivered, workflow.Now(ctx)
	}
	o.close(c)
}

// close opens the gate of CLOSED, now or when the order comes to it.
func (o *order) close(c lifecycle.Close) {
	o.Close = &c
	if o.WaitsFor(lifecycle.Closed) {
		o.leave(lifecycle.Closed)
	}
}

func parseClose(data []byte) (lifecycle.Close, error) {
	c := lifecycle.Close{By: closeManual}
	if data = bytes.TrimSpace(data); len(data) == 0 || string(data) == "null" {
		return c, nil
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return lifecycle.Close{}, errors.New(`input must be {"by":"carrier"|"manual","reason":"…"} or empty`)
	}
	if c.By == "" {
		c.By = closeManual
	}
	if c.By != closeCarrier && c.By != closeManual {
		return lifecycle.Close{}, errors.New(`"by" must be carrier or manual`)
	}
	return c, nil
}

// takeCarrier takes what the CRM heard of the order's parcel.
func (o *order) takeCarrier(ctx workflow.Context, data []byte) {
	var e lifecycle.CarrierEvent
	switch err := json.Unmarshal(data, &e); {
	case err != nil:
		o.ignore(ctx, SignalCarrier, errors.New(`input must be {"id":"…","status":"…"}`))
	case !e.Status.Known():
		o.ignore(ctx, SignalCarrier, errors.New("there is no such status of a parcel"))
	default:
		o.takeParcel(ctx, e)
	}
}

// takeParcel marks what the carrier says. Delivered closes the order.
func (o *order) takeParcel(ctx workflow.Context, e lifecycle.CarrierEvent) {
	if !e.At.Before(o.ParcelAt) { // messages come in any order
		o.Parcel, o.ParcelAt = e.Status, e.At
	}
	o.note(ctx, SignalCarrier, string(e.Status))
	if e.Status == lifecycle.ParcelDelivered {
		if c := (lifecycle.Close{By: closeCarrier, Reason: string(e.Status)}); c.Judge(o.Status) == nil {
			o.close(c)
		}
	}
}

const maxIgnored = 20 // a flood of bad signals must not grow the order for ever

func (o *order) ignore(ctx workflow.Context, signal string, why error) {
	if len(o.Ignored) < maxIgnored {
		o.Ignored = append(o.Ignored, signal+": "+why.Error())
		o.note(ctx, "ignored", signal)
	}
}
