// Package lifecycle is the life of an order as data: its ten stages in their
// order, the system that owns each, who moves the order on to it, and what may
// follow. Everything else walks this table; nothing else repeats it.
package lifecycle

import (
	"fmt"
	"iter"
)

// A Stage is one of the ten states that an order passes through.
type Stage string

// The stages, in the order in which an order passes them.
const (
	Initiated              Stage = "INITIATED"
	FileUploaded           Stage = "FILE_UPLOADED"
	Submitted              Stage = "SUBMITTED"
	PriceCalculated        Stage = "PRICE_CALCULATED"
	ManufacturingApproved  Stage = "MANUFACTURING_APPROVED"
	ManufacturingStarted   Stage = "MANUFACTURING_STARTED"
	ManufacturingCompleted Stage = "MANUFACTURING_COMPLETED"
	Packaging              Stage = "PACKAGING"
	Shipped                Stage = "SHIPPED"
	Closed                 Stage = "CLOSED"
)

// A System owns stages and records them in a database of its own. Its name is
// also the name of its Temporal task queue.
type System string

// The three systems.
const (
	Shop System = "shop"
	CRM  System = "crm"
	MES  System = "mes"
)

// Systems lists the three systems in the order in which an order meets them.
func Systems() []System { return []System{Shop, MES, CRM} }

// A Role is the kind of person, or party, that moves an order on.
type Role string

// Who moves orders on, or otherwise acts. Itself means that nobody is waited for.
const (
	Customer Role = "customer"
	Partner  Role = "partner" // orders for customers of its own
	Manager  Role = "manager"
	Operator Role = "operator"
	Carrier  Role = "carrier"
	Service  Role = "service" // one of our own programs
	Itself   Role = "itself"
)

// A Step is one row of the lifecycle.
type Step struct {
	Stage  Stage
	System System // owns the stage and records it
	By     Role   // moves the order on to this stage
	// Waits is true for a gate that stays shut until it is opened, even in an
	// order that runs unattended.
	Waits bool
	// Next is the stage that follows, empty at the end.
	Next Stage
	// Back is the stage to which the order returns when this one cannot accept
	// what it was given, or when a person turns it back at this one's gate; empty
	// where it never turns back.
	Back Stage
}

var steps = []Step{
	{Stage: Initiated, System: Shop, By: Customer, Next: FileUploaded},
	{Stage: FileUploaded, System: Shop, By: Customer, Next: Submitted, Back: FileUploaded},
	{Stage: Submitted, System: Shop, By: Customer, Next: PriceCalculated},
	{Stage: PriceCalculated, System: MES, By: Itself, Next: ManufacturingApproved, Back: FileUploaded},
	{Stage: ManufacturingApproved, System: CRM, By: Manager, Next: ManufacturingStarted, Back: FileUploaded},
	{Stage: ManufacturingStarted, System: MES, By: Operator, Next: ManufacturingCompleted},
	{Stage: ManufacturingCompleted, System: MES, By: Operator, Next: Packaging, Back: ManufacturingStarted},
	{Stage: Packaging, System: MES, By: Operator, Next: Shipped},
	{Stage: Shipped, System: MES, By: Operator, Next: Closed},
	{Stage: Closed, System: CRM, By: Carrier, Waits: true},
}

// Steps yields the rows of the lifecycle in order.
func Steps() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for _, s := range steps {
			if !yield(s) {
				return
			}
		}
	}
}

// First is where every order begins.
func First() Step { return steps[0] }

// Find returns the row of a stage. It fails with a FixInput error that lists
// the stages if there is no such stage.
func Find(stage Stage) (Step, error) {
	for _, s := range steps {
		if s.Stage == stage {
			return s, nil
		}
	}
	return Step{}, &Error{
		Remedy: FixInput, Code: CodeUnknownStage, Field: "stage",
		Detail: fmt.Sprintf("there is no stage %.40q: the stages are %v", stage, StageNames()),
	}
}

// Owned lists the stages that a system records, in their order.
func Owned(system System) []Stage {
	var out []Stage
	for _, s := range steps {
		if s.System == system {
			out = append(out, s.Stage)
		}
	}
	return out
}

// StageNames lists all stages in their order.
func StageNames() []Stage {
	out := make([]Stage, len(steps))
	for i, s := range steps {
		out[i] = s.Stage
	}
	return out
}

// Position is the stage's place in the lifecycle, from 0; -1 for a stage that
// is unknown or empty.
func (s Stage) Position() int {
	for i, step := range steps {
		if step.Stage == s {
			return i
		}
	}
	return -1
}

// An Outcome is how an order ended.
type Outcome string

// The outcomes that the workflow itself can bring about.
const (
	OutcomeClosed    Outcome = "closed"
	OutcomeCancelled Outcome = "cancelled"
	OutcomeFailed    Outcome = "failed"
)

// An Arrival is an order coming to a stage: what the workflow hands to the
// stage's activity.
type Arrival struct {
	Order  string `json:"order_id"`
	Stage  Stage  `json:"stage"`
	Visit  int    `json:"visit"` // how often the order came to this stage, from 1
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	Facts  Facts  `json:"facts"`
}

// An Ending is an order's end, as each system is told of it.
type Ending struct {
	Order   string  `json:"order_id"`
	Outcome Outcome `json:"outcome"`
	By      string  `json:"by,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// Settle is the activity, on every system's queue, that takes an Ending.
const Settle = "settle"

// Undo is the name of the activity, on the queue of the stage's system, that
// takes a stage back when an order is cancelled. Its input is an Undoing.
func Undo(stage Stage) string { return "undo " + string(stage) }

// An Undoing is a stage to be taken back, in all its visits.
type Undoing struct {
	Order string `json:"order_id"`
	Stage Stage  `json:"stage"`
}
