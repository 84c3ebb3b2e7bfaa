package lifecycle

import "errors"

// A Remedy is what a caller should do about an error.
type Remedy string

// The remedies.
const (
	Retry    Remedy = "retry"     // the same call may succeed later
	FixInput Remedy = "fix_input" // the call is wrong: Field and Detail say where and how
	LookUp   Remedy = "look_up"   // the order is not what the caller believes: read it first
)

// Codes of errors: stable, few, in snake case.
const (
	CodeUnavailable    = "unavailable"
	CodeNotFound       = "not_found"
	CodeConflict       = "conflict"
	CodeMalformed      = "malformed"
	CodeTooLarge       = "too_large"
	CodeUnknownStage   = "unknown_stage"
	CodeInvalidModel   = "invalid_model"
	CodeMissingModel   = "missing_model"
	CodeUnknownRate    = "unknown_material"
	CodeUnpriceable    = "unpriceable"
	CodeNotWaiting     = "not_waiting"
	CodeInvalidRequest = "invalid_request"
	CodeDone           = "done" // the same was done already: no error to whoever asked
	CodeEnded          = "ended"
	CodeShipped        = "shipped"
	CodeWrongPerson    = "wrong_person"
	CodeUnauthorized   = "unauthorized"
	CodeForbidden      = "forbidden"
)

// Error is every error that crosses a boundary of this program: typed by what
// the caller should do, with words for a person.
type Error struct {
	Remedy Remedy `json:"remedy"`
	Code   string `json:"code"`
	Detail string `json:"detail"`          // what is wrong and what to do
	Field  string `json:"field,omitempty"` // which input, for FixInput
}

func (e *Error) Error() string {
	if e.Field != "" {
		return e.Field + ": " + e.Detail
	}
	return e.Detail
}

// IsDone tells whether a request was refused because it was granted before.
func IsDone(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == CodeDone
}
