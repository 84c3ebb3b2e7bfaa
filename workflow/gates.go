package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
)

// Close is the input of the signal close. No input means by hand, without a
// reason.
type Close struct {
	By     string `json:"by"` // "carrier" or "manual"
	Reason string `json:"reason,omitempty"`
}

// Move is the input of the signal advance: a person moves an attended order on
// to the stage that it waits for.
type Move struct {
	Stage lifecycle.Stage `json:"stage"`
	By    string          `json:"by"` // an identifier of the person, not a name
}

// Upload is the input of the update upload: what an order still lacks, or
// something better than what was refused.
type Upload struct {
	Model    *lifecycle.Model `json:"model,omitempty"`
	Material string           `json:"material,omitempty"`
}

// listen registers everything that reaches the order from outside.
func (o *order) listen(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, QueryStatus,
		func() (Status, error) { return o.status(), nil },
		workflow.QueryHandlerOptions{Description: "where the order stands and what it waits for"},
	); err != nil {
		return err
	}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateUpload, o.upload, workflow.UpdateHandlerOptions{
		Validator:   o.validateUpload,
		Description: `gives an order that waits at FILE_UPLOADED its model or material: {"model":{"digest":"sha256-…"},"material":"silver-925"}`,
	}); err != nil {
		return err
	}
	o.receive(ctx, workflow.GetSignalChannelWithOptions(ctx, SignalMove, workflow.SignalChannelOptions{
		Description: `moves an attended order on to the stage that it waits for: {"stage":"…","by":"…"}`,
	}), o.takeMove)
	closes := workflow.GetSignalChannelWithOptions(ctx, SignalClose, workflow.SignalChannelOptions{
		Description: `closes a shipped order: {"by":"carrier"|"manual","reason":"…"}, or no input; sent earlier, it is kept until then`,
	})
	o.receive(ctx, closes, o.takeClose)
	return nil
}

// receive hands on every signal of a channel as it is, so that no input can be
// lost or do harm.
func (o *order) receive(ctx workflow.Context, signals workflow.ReceiveChannel, take func([]byte)) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var raw converter.RawValue
			if !signals.Receive(ctx, &raw) {
				return
			}
			take(raw.Payload().GetData())
			o.show(ctx, o)
		}
	})
}

// takeMove opens the gate at which the order waits, if that is the one meant.
func (o *order) takeMove(data []byte) {
	m, err := parseMove(data)
	switch {
	case err != nil:
		o.ignore(SignalMove, err.Error())
	case o.waiting == nil || o.waiting.Stage != m.Stage:
		o.ignore(SignalMove, fmt.Sprintf("the order does not wait for %s", m.Stage))
	case m.Stage == lifecycle.Closed || m.Stage == lifecycle.FileUploaded:
		o.ignore(SignalMove, fmt.Sprintf("%s takes more than a word: send close, or upload a model", m.Stage))
	default:
		o.moves[string(m.Stage)] = m
	}
}

func parseMove(data []byte) (Move, error) {
	var m Move
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf(`input must be {"stage":"…","by":"…"}`)
	}
	if len(m.By) > maxBy {
		return m, fmt.Errorf(`"by" is longer than %d bytes`, maxBy)
	}
	_, err := lifecycle.Find(m.Stage)
	return m, err
}

const maxBy = 100 // bytes of an identifier

// takeClose keeps the first good close signal, and writes down the others.
func (o *order) takeClose(data []byte) {
	c, err := parseClose(data)
	switch {
	case err != nil:
		o.ignore(SignalClose, err.Error())
	case o.close != nil:
		o.ignore(SignalClose, fmt.Sprintf("repeated: already closed by %s", o.close.By))
	default:
		o.close = &c
	}
}

const maxReason = 500 // bytes of a reason that are kept

func parseClose(data []byte) (Close, error) {
	c := Close{By: "manual"}
	if data = bytes.TrimSpace(data); len(data) == 0 || string(data) == "null" {
		return c, nil
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return Close{}, fmt.Errorf(`input must be {"by":"carrier"|"manual","reason":"…"} or empty`)
	}
	if c.By == "" {
		c.By = "manual"
	}
	if c.By != "carrier" && c.By != "manual" {
		return Close{}, fmt.Errorf(`"by" must be carrier or manual`)
	}
	if len(c.Reason) > maxReason {
		return Close{}, fmt.Errorf(`"reason" is longer than %d bytes`, maxReason)
	}
	return c, nil
}

const maxIgnored = 20 // a flood of bad signals must not grow the order for ever

func (o *order) ignore(signal, why string) {
	if len(o.ignored) < maxIgnored {
		o.ignored = append(o.ignored, signal+": "+why)
	}
}

// await holds the order at the stage's gate until it may pass.
func (o *order) await(ctx workflow.Context, step lifecycle.Step) error {
	open := o.gate(step)
	if open() {
		return nil
	}
	o.waiting = &Wait{Stage: step.Stage, For: step.By, Since: workflow.Now(ctx)}
	o.show(ctx, o)
	end := func() {}
	if o.mark != nil {
		end = o.mark(ctx, string(step.Stage), string(step.By))
	}
	err := workflow.Await(ctx, open)
	end()
	return err
}

// gate returns what lets an order pass to a stage.
func (o *order) gate(step lifecycle.Step) func() bool {
	switch {
	case step.Stage == lifecycle.Initiated: // whoever started the order opened it
		return func() bool { return true }
	case step.Stage == lifecycle.FileUploaded:
		return func() bool { return o.facts.Model != nil && o.facts.Material != "" }
	case step.Stage == lifecycle.Closed:
		return func() bool { return o.close != nil }
	case o.attended && step.By != lifecycle.Itself:
		return func() bool { _, moved := o.moves[string(step.Stage)]; return moved }
	default:
		return func() bool { return true }
	}
}

var digest = regexp.MustCompile(`^sha256-[0-9a-f]{64}$`)

func (o *order) validateUpload(_ workflow.Context, in Upload) error {
	switch {
	case o.waiting == nil || o.waiting.Stage != lifecycle.FileUploaded:
		return refuse(lifecycle.LookUp, lifecycle.CodeNotWaiting, "", "the order does not wait for a model: read its status")
	case in.Model == nil && in.Material == "":
		return refuse(lifecycle.FixInput, lifecycle.CodeMissingModel, "model", "give a model, a material, or both")
	case in.Model != nil && !digest.MatchString(in.Model.Digest):
		return refuse(lifecycle.FixInput, lifecycle.CodeInvalidModel, "model", `the digest must be "sha256-" and 64 hex digits, as the shop answered the upload`)
	}
	return nil
}

func (o *order) upload(_ workflow.Context, in Upload) (Status, error) {
	o.facts = o.facts.With(lifecycle.Facts{Model: in.Model, Material: in.Material})
	o.problem = ""
	return o.status(), nil
}

func refuse(remedy lifecycle.Remedy, code, field, detail string) error {
	e := &lifecycle.Error{Remedy: remedy, Code: code, Field: field, Detail: detail}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(remedy), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{e},
	})
}

// A Wait is what an order waits for.
type Wait struct {
	Stage lifecycle.Stage `json:"stage"` // the stage behind the gate
	For   lifecycle.Role  `json:"for"`
	Since time.Time       `json:"since"`
}
