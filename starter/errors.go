package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"ordertrace/lifecycle"
	"ordertrace/tracing/jaeger"
)

// hintError is an error with a word on what to do.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

func hinted(err error, format string, args ...any) error {
	return &hintError{err, fmt.Sprintf(format, args...)}
}

// tell prints an error in the program's voice.
func tell(w io.Writer, err error) {
	fmt.Fprintf(w, "starter: %v\n", err)
	var h *hintError
	if errors.As(err, &h) {
		fmt.Fprintf(w, "hint: %s\n", h.hint)
	}
}

// aboutOrder gives Temporal's errors on one order the words of this program.
func aboutOrder(err error, order string) error {
	var notFound *serviceerror.NotFound
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	var failed *serviceerror.QueryFailed
	switch {
	case err == nil:
		return nil
	case errors.As(err, &started):
		return hinted(fmt.Errorf("there is an order %s already", order), "see it with `starter show %s`, or choose another --id", order)
	case errors.As(err, &notFound):
		return hinted(fmt.Errorf("order %s: %w", order, err), "`starter list` shows the orders; one that has ended takes no more signals")
	case errors.As(err, &failed), mayPass(err):
		return hinted(fmt.Errorf("order %s: %w", order, err), "nobody answers for it: are Temporal and the shop's worker up?")
	default:
		return fmt.Errorf("order %s: %w", order, err)
	}
}

// mayPass tells whether nobody answered, which a little patience may mend.
func mayPass(err error) bool {
	var notReady *serviceerror.WorkflowNotReady
	var late *serviceerror.DeadlineExceeded
	var unavailable *serviceerror.Unavailable
	return errors.As(err, &notReady) || errors.As(err, &late) || errors.As(err, &unavailable) || errors.Is(err, context.DeadlineExceeded)
}

// refusal reads what a system or the workflow found wrong, by its remedy.
func refusal(err error) error {
	var e lifecycle.Error
	var app *temporal.ApplicationError
	if errors.As(err, &app) && app.HasDetails() && app.Details(&e) == nil {
		err = &e
	}
	var known *lifecycle.Error
	if !errors.As(err, &known) {
		return err
	}
	switch known.Remedy {
	case lifecycle.FixInput:
		return hinted(err, "mend the %s and try again; nothing was changed", orInput(known.Field))
	case lifecycle.LookUp:
		return hinted(err, "`starter show ORDER` tells where the order stands")
	default:
		return hinted(err, "try again in a moment")
	}
}

func orInput(field string) string {
	if field == "" {
		return "input"
	}
	return field
}

func aboutTrace(err error, order string) error {
	if errors.Is(err, jaeger.ErrNotFound) {
		return hinted(fmt.Errorf("order %s: %w in Jaeger", order, jaeger.ErrNotFound), "spans take a second to arrive; --jaeger-ui names another Jaeger")
	}
	return hinted(fmt.Errorf("order %s: %w", order, err), "is Jaeger up? --jaeger-ui names another")
}
