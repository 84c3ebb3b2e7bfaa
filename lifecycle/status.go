package lifecycle

import (
	"slices"
	"time"
)

// Status is all that is known of an order at a moment: what the workflow answers
// to the query status, and what every request is judged by.
type Status struct {
	OrderID  string        `json:"order_id"`
	Customer string        `json:"customer,omitempty"` // an identifier of who ordered, if known
	Attended bool          `json:"attended,omitempty"` // each gate waits for its person
	Stage    Stage         `json:"stage"`              // the last one passed
	Passing  Stage         `json:"passing,omitempty"`  // the one that it comes to: its activity runs
	Waiting  *Wait         `json:"waiting,omitempty"`  // nil from when the gate opens
	Problem  string        `json:"problem,omitempty"`  // for people: why it was sent back, or what could not be done
	Rejected *Rejection    `json:"rejected,omitempty"` // set until the customer answers it
	Cancel   *Cancellation `json:"cancel,omitempty"`
	Close    *Close        `json:"close,omitempty"`
	Outcome  Outcome       `json:"outcome,omitempty"`  // empty while it is open
	Parcel   ParcelStatus  `json:"parcel,omitempty"`   // the latest that the carrier said
	ParcelAt time.Time     `json:"parcel_at,omitzero"` // and when it was so
	Facts    Facts         `json:"facts"`
	Passed   []Passage     `json:"passed"`
	Moves    []Move        `json:"moves,omitempty"`   // what people moved, but for stages that the order turned back from
	Ignored  []string      `json:"ignored,omitempty"` // signals that did not fit
}

// A Wait is what an order waits for.
type Wait struct {
	Stage   Stage     `json:"stage"` // the stage behind the gate
	For     Role      `json:"for"`
	Since   time.Time `json:"since"`
	Due     time.Time `json:"due,omitzero"` // the end of the gate's service level, if it has one
	Overdue bool      `json:"overdue,omitempty"`
}

// A Passage is one stage passed.
type Passage struct {
	Stage Stage     `json:"stage"`
	At    time.Time `json:"at"`
}

// WaitsFor tells whether the order stands at the stage's gate.
func (s Status) WaitsFor(stage Stage) bool { return s.Waiting != nil && s.Waiting.Stage == stage }

// Moved is the move that took the order to a stage, if a person did.
func (s Status) Moved(stage Stage) (Move, bool) {
	i := slices.IndexFunc(s.Moves, func(m Move) bool { return m.Stage == stage })
	if i < 0 {
		return Move{}, false
	}
	return s.Moves[i], true
}

// reached tells whether the order has come to a stage, on its present way.
func (s Status) reached(stage Stage) bool {
	return s.Passing == stage || s.Stage.Position() >= stage.Position()
}
