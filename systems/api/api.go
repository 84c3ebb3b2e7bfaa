// Package api is the contract between an order's activities and the three
// systems: one idempotent HTTP call for each stage, the same for all of them.
//
//	PUT  /orders/{order}/stages/{stage}       record a stage      StageRequest -> StageAnswer
//	POST /orders/{order}/stages/{stage}/undo  take a stage back   no body -> 204
//	PUT  /orders/{order}/outcome              record how it ended OutcomeRequest -> 204
//	GET  /orders/{order}                      what the system knows of the order -> Order
//	GET  /orders?limit=50                     newest first -> []Order
//	GET  /healthz                             200 when the database answers
//
// and, at the CRM alone,
//
//	PUT  /orders/{order}/parcel               watch for a parcel  ParcelRequest -> ParcelAnswer
//
// A call is repeated safely: Idempotency-Key names the fact, and a fact that is
// already recorded is answered as it was the first time. Errors are problem+json
// (RFC 9457) with the members code, remedy, field, trace_id and span_id.
//
// A stage that takes long answers 202 with its progress after the seconds that
// the request allows in "Prefer: wait=N" (RFC 7240), and goes on; the same PUT
// repeated waits for it again. DELETE on the same address gives it up.
//
// A cancelled order's stages are taken back, the last first, each with a call of
// its own, before the outcome is recorded. A stage is taken back in all its
// visits; taken back again, never recorded, or of an order that the system does
// not know, it is 204 as well. From the first such call on the order records no
// stage any more, so that an attempt that comes late brings nothing back.
package api

import (
	"fmt"
	"time"

	"ordertrace/lifecycle"
)

// StageRequest asks a system to record that an order reached a stage.
type StageRequest struct {
	By     string          `json:"by,omitempty"`     // who moved the order on
	Reason string          `json:"reason,omitempty"` // and why, in words without personal data
	Facts  lifecycle.Facts `json:"facts"`            // all that is known of the order
}

// StageAnswer is what the system adds to the facts, or how far it is.
type StageAnswer struct {
	Facts    lifecycle.Facts `json:"facts"`
	Progress float64         `json:"progress,omitempty"` // 0 to 1, with status 202
	Done     bool            `json:"-"`                  // false with status 202
}

// OutcomeRequest tells a system how the order ended.
type OutcomeRequest struct {
	Outcome lifecycle.Outcome `json:"outcome"`
	By      string            `json:"by,omitempty"`
	Reason  string            `json:"reason,omitempty"`
}

// Order is what one system knows of an order.
type Order struct {
	ID        string            `json:"order_id"`
	Stage     lifecycle.Stage   `json:"stage"`             // the last one that this system recorded, taken back or not
	Outcome   lifecycle.Outcome `json:"outcome,omitempty"` // empty while the order is open
	By        string            `json:"by,omitempty"`      // who ended it
	Reason    string            `json:"reason,omitempty"`  // and why
	Facts     lifecycle.Facts   `json:"facts"`
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
	Stages    []Record          `json:"stages,omitempty"` // in the order of recording; not in lists
}

// Record is one stage as a system recorded it.
type Record struct {
	Stage      lifecycle.Stage `json:"stage"`
	Key        string          `json:"idempotency_key"`
	By         string          `json:"by,omitempty"`
	RecordedAt time.Time       `json:"recorded_at"`
	UndoneAt   *time.Time      `json:"undone_at,omitempty"` // when it was taken back
}

// ParcelRequest asks the CRM to watch for a carrier's messages on a parcel.
type ParcelRequest struct {
	Carrier  string `json:"carrier"`
	Tracking string `json:"tracking_number"`
}

// ParcelAnswer is what the carrier said of the parcel so far.
type ParcelAnswer struct {
	Events []lifecycle.CarrierEvent `json:"events"`
}

// Key is the Idempotency-Key of a stage: visit counts how often the order came
// to it, from 1, and does not depend on attempts.
func Key(order string, stage lifecycle.Stage, visit int) string {
	return fmt.Sprintf("%s/%s/%d", order, stage, visit)
}
