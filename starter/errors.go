package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordertrace/lifecycle"
	"ordertrace/tracing/jaeger"
	"ordertrace/workers/orders"
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

// aboutOrder gives errors on one order the words of this program.
func aboutOrder(err error, order string) error {
	err = orders.Typed(err, order)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	var known *lifecycle.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &started):
		return hinted(fmt.Errorf("there is an order %s already", order), "see it with `starter show %s`, or choose another --id", order)
	case !errors.As(err, &known):
		return fmt.Errorf("order %s: %w", order, err)
	case known.Code == lifecycle.CodeNotFound:
		return hinted(err, "`starter list` shows the orders")
	default:
		return hinted(fmt.Errorf("order %s: %w", order, err), "%s", hintOf(known, order))
	}
}

// hintOf says what to do about what an order refused.
func hintOf(e *lifecycle.Error, order string) string {
	switch {
	case e.Code == lifecycle.CodeWrongPerson:
		return fmt.Sprintf("`starter hand-over %s --from WHO --to WHO --by WHO` gives it to another", order)
	case e.Code == lifecycle.CodeShipped:
		return fmt.Sprintf("`starter close %s` closes it", order)
	case e.Remedy == lifecycle.FixInput:
		return fmt.Sprintf("mend the %s and try again; nothing was changed", cmp.Or(e.Field, "input"))
	case e.Remedy == lifecycle.LookUp:
		return fmt.Sprintf("`starter show %s` tells where the order stands", order)
	default:
		return "are Temporal and the shop's worker up?"
	}
}

// mayPass tells whether nobody answered, which a little patience may mend.
func mayPass(err error) bool {
	var e *lifecycle.Error
	return errors.As(err, &e) && e.Remedy == lifecycle.Retry
}

// aboutSystem gives errors of a call to a system the words of this program.
func aboutSystem(err error, system lifecycle.System) error {
	var known *lifecycle.Error
	name := string(system)
	if system == lifecycle.CRM {
		name = "CRM"
	}
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &known):
		return hinted(fmt.Errorf("the %s cannot be reached: %w", name, err),
			"start everything with `make up`, or name another %s with %s_URL", name, strings.ToUpper(name))
	case known.Remedy == lifecycle.FixInput:
		return hinted(err, "%s", hintOf(known, ""))
	case known.Remedy == lifecycle.LookUp:
		return hinted(err, "`starter list` shows the orders, `starter ticket list` the tickets")
	default:
		return hinted(fmt.Errorf("the %s: %w", name, err), "try again in a moment")
	}
}

func aboutTrace(err error, order string) error {
	if errors.Is(err, jaeger.ErrNotFound) {
		return hinted(fmt.Errorf("order %s: %w in Jaeger", order, jaeger.ErrNotFound), "spans take a second to arrive; --jaeger-ui names another Jaeger")
	}
	if errors.Is(err, jaeger.ErrUnauthorized) {
		return hinted(fmt.Errorf("order %s: %w", order, err), "JAEGER_USER and JAEGER_PASSWORD say who reads; %s", whereAccessIs)
	}
	return hinted(fmt.Errorf("order %s: %w", order, err), "is Jaeger up? --jaeger-ui names another")
}

// aboutSpans is about a command's own spans, which did not get to Jaeger.
func aboutSpans(err error) error {
	lost := fmt.Errorf("this command's spans are lost: %w", err)
	if status.Code(err) == codes.Unauthenticated {
		return hinted(lost, "OTEL_EXPORTER_OTLP_HEADERS says who sends; %s", whereAccessIs)
	}
	return lost
}

const whereAccessIs = "`make up` writes that to " + accessFile + ", and " + accessVariable + " names another file"
