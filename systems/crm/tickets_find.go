package crm

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// findTimeout is how long a ticket is held up by whoever knows of its order.
const findTimeout = 2 * time.Second

// find finds the order of the ticket's trace, or the trace of its order, and
// tells whether it is certain that they belong together. What nobody can say now
// is left as it is. It fails with LookUp if there is no such order, and with
// FixInput if it has another trace.
func (t tickets) find(ctx context.Context, ticket *api.Ticket) (certain bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	if ticket.Order == "" {
		if ticket.Order, err = t.orderOfTrace(ctx, ticket.Trace); err != nil && !isNotFound(err) {
			foundLater(ctx, err)
		}
		return err == nil, nil
	}
	anchor, err := t.orders.Anchor(ctx, ticket.Order)
	switch {
	case isNotFound(err):
		return false, t.forgotten(ctx, ticket.Order)
	case err != nil:
		foundLater(ctx, err)
		return false, nil
	case ticket.Trace == "":
		ticket.Trace = anchor.TraceID().String()
	case ticket.Trace != anchor.TraceID().String():
		return false, fixInput("trace_id", "the order %s has the trace %s", ticket.Order, anchor.TraceID())
	}
	return true, nil
}

// foundLater says that a ticket is kept although nobody can say what it is about.
func foundLater(ctx context.Context, err error) {
	slog.WarnContext(ctx, "a ticket's order is looked up when it is read", "error", err)
}

// forgotten tells of an order that Temporal does not know, or not any more: its
// memory of ended orders is short, and the CRM's is not.
func (t tickets) forgotten(ctx context.Context, order string) error {
	if _, err := t.Order(ctx, order); !isNotFound(err) {
		return err
	}
	return notFound("there is no order %q", order)
}

// mend finds what could not be found when the ticket was opened, and says what
// turned out not to fit.
func (t tickets) mend(ctx context.Context, ticket *api.Ticket) {
	certain, err := t.find(ctx, ticket)
	var wrong *lifecycle.Error
	if errors.As(err, &wrong) {
		ticket.Doubt = wrong.Detail
	}
	if certain {
		err = t.found(ctx, *ticket)
	}
	if err != nil && wrong == nil {
		slog.WarnContext(ctx, "what was found of a ticket is not kept", "error", err)
	}
}

// both completes an order with its trace, or a trace with its order, as far as
// can be found.
func (t tickets) both(ctx context.Context, order, id string) (string, string) {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	switch {
	case order != "" && id == "":
		if anchor, err := t.orders.Anchor(ctx, order); err == nil {
			id = anchor.TraceID().String()
		}
	case order == "" && id != "":
		order, _ = t.orderOfTrace(ctx, id) // none is no order
	}
	return order, id
}

func (t tickets) orderOfTrace(ctx context.Context, id string) (string, error) {
	parsed, err := trace.TraceIDFromHex(id)
	if err != nil {
		return "", err
	}
	return t.orders.OfTrace(ctx, parsed)
}

// status is how the order stands; nil if nobody answers for it.
func (t tickets) status(ctx context.Context, order string) *lifecycle.Status {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	s, err := t.orders.Status(ctx, order)
	if err != nil {
		return nil
	}
	return &s
}

func isNotFound(err error) bool {
	var e *lifecycle.Error
	return errors.As(err, &e) && e.Code == lifecycle.CodeNotFound
}
