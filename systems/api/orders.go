package api

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
)

// Orders is the orders' workflow as the systems use it, when a person or a
// carrier acts. It alone decides whether an order moves.
//
// All fail with a *lifecycle.Error: LookUp and not_found for an order that is
// unknown, Retry and unavailable when nobody answers in time, else the reason
// why not. A call whose answer was lost is repeated safely.
type Orders interface {
	// Start starts an order, unless it is started already, and tells which.
	Start(ctx context.Context, order string, in NewOrder) (started bool, err error)
	// Ask asks something of an order, and returns how it stands then. What was
	// granted before is granted again, and does nothing. key, which may be empty,
	// names the request, so that one that is repeated is known again even when
	// the order has moved on since.
	Ask(ctx context.Context, order, key string, r lifecycle.Request) (lifecycle.Status, error)
	// Close sends the signal close, which is kept until the order is shipped. An
	// order that has ended takes none: LookUp and ended.
	Close(ctx context.Context, order string, c lifecycle.Close) error
	// Carrier sends what a carrier says of the order's parcel. An order that has
	// ended takes none: LookUp and ended.
	Carrier(ctx context.Context, order string, e lifecycle.CarrierEvent) error
	// Status reads how an order stands.
	Status(ctx context.Context, order string) (lifecycle.Status, error)
	// Waiting lists open orders that wait for a stage, those started last first,
	// at most limit.
	Waiting(ctx context.Context, stage lifecycle.Stage, limit int) ([]lifecycle.Status, error)
	// Anchor is the span that all that happens to the order hangs below: its
	// trace ID is the order's.
	Anchor(ctx context.Context, order string) (trace.SpanContext, error)
	// OfTrace finds the order of a trace. Fails with LookUp and not_found also
	// where orders cannot be found by their trace.
	OfTrace(ctx context.Context, id trace.TraceID) (order string, err error)
	// URL is where people see the order in the Temporal UI.
	URL(order string) string
}

// NewOrder is what an order is started with.
type NewOrder struct {
	Customer string           `json:"customer,omitempty"` // an identifier of who may see and change it
	Source   string           `json:"source,omitempty"`   // "b2c" (default) or "b2b"
	Material string           `json:"material,omitempty"`
	Model    *lifecycle.Model `json:"model,omitempty"`
	Attended bool             `json:"attended"`
}
