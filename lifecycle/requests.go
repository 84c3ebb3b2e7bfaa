package lifecycle

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Request is what a person asks of an order. The workflow alone grants it, by
// Judge; everyone may judge beforehand.
type Request interface {
	// Verb is the request's name, and that of its Temporal update.
	Verb() string
	// Judge tells whether an order that stands so grants the request: nil. It
	// fails with the code done if the order did the same already, and with LookUp
	// or FixInput, and the reason, if it will not.
	Judge(Status) error
}

// The verbs of requests.
const (
	VerbAdvance  = "advance"
	VerbUpload   = "upload"
	VerbReject   = "reject"
	VerbHandOver = "hand_over"
	VerbCancel   = "cancel"
)

// Move takes an order on to the stage that it waits for.
type Move struct {
	Stage    Stage  `json:"stage"`
	By       string `json:"by"`                        // an identifier of the person, not a name
	Reason   string `json:"reason,omitempty"`          // with CLOSED
	Carrier  string `json:"carrier,omitempty"`         // with SHIPPED
	Tracking string `json:"tracking_number,omitempty"` // with SHIPPED
}

// Upload gives an order its model or material, or better ones.
type Upload struct {
	Model    *Model `json:"model,omitempty"`
	Material string `json:"material,omitempty"`
}

// Rejection is a manager's no: the order goes back to the customer.
type Rejection struct {
	By     string `json:"by"`
	Reason string `json:"reason"`
	Field  string `json:"field,omitempty"` // what has to be better: model (default) or material
}

// HandOver gives an order in production from one operator to another.
type HandOver struct {
	By   string `json:"by"`
	From string `json:"from"` // who has it
	To   string `json:"to"`
}

// Cancellation ends an order that was not shipped. What was done for it is
// undone.
type Cancellation struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Close is the input of the signal close. No input means by hand, without a
// reason.
type Close struct {
	By     string `json:"by"` // "carrier" or "manual"
	Reason string `json:"reason,omitempty"`
	Person string `json:"person,omitempty"` // who, if by hand and known
}

var (
	_ Request = Move{}
	_ Request = Upload{}
	_ Request = Rejection{}
	_ Request = HandOver{}
	_ Request = Cancellation{}
)

// Verb implements Request.
func (Move) Verb() string { return VerbAdvance }

// Verb implements Request.
func (Upload) Verb() string { return VerbUpload }

// Verb implements Request.
func (Rejection) Verb() string { return VerbReject }

// Verb implements Request.
func (HandOver) Verb() string { return VerbHandOver }

// Verb implements Request.
func (Cancellation) Verb() string { return VerbCancel }

// Judge implements Request.
func (m Move) Judge(s Status) error {
	if err := m.check(); err != nil {
		return err
	}
	if made, ok := s.Moved(m.Stage); ok {
		if made == m {
			return done
		}
		return lookUp(CodeNotWaiting, "the order was moved to %s already, by %s", m.Stage, made.By)
	}
	if err := s.waitsFor(m.Stage); err != nil {
		return err
	}
	if m.Stage == ManufacturingCompleted && s.Facts.Operator != m.By {
		return lookUp(CodeWrongPerson, "%s has the order: only a hand-over gives it to another", s.Facts.Operator)
	}
	return nil
}

func (m Move) check() error {
	step, err := Find(m.Stage)
	switch {
	case err != nil:
		return err
	case m.Stage == FileUploaded:
		return fixInput("stage", "%s takes more than a word: upload a model", m.Stage)
	case m.Stage == Initiated || step.By == Itself:
		return fixInput("stage", "nobody moves an order to %s: it goes there by itself", m.Stage)
	case m.Stage != Shipped && (m.Carrier != "" || m.Tracking != ""):
		return fixInput("carrier", "a carrier and a tracking number come with %s", Shipped)
	case (m.Carrier == "") != (m.Tracking == ""):
		return fixInput("tracking_number", "a carrier and a tracking number come together")
	case m.Stage != Closed && m.Reason != "":
		return fixInput("reason", "a reason comes with %s", Closed)
	}
	return firstOf(person("by", m.By), reason(m.Reason), identifier("carrier", m.Carrier), identifier("tracking_number", m.Tracking))
}

var digest = regexp.MustCompile(`^sha256-[0-9a-f]{64}$`)

// Judge implements Request.
func (u Upload) Judge(s Status) error {
	switch {
	case u.Model == nil && u.Material == "":
		return &Error{Remedy: FixInput, Code: CodeMissingModel, Field: "model", Detail: "give a model, a material, or both"}
	case u.Model != nil && !digest.MatchString(u.Model.Digest):
		return &Error{Remedy: FixInput, Code: CodeInvalidModel, Field: "model",
			Detail: `the digest must be "sha256-" and 64 hex digits, as the shop answered the upload`}
	}
	if err := identifier("material", u.Material); err != nil {
		return err
	}
	switch {
	case s.Passing == Initiated && s.Cancel == nil && s.Outcome == "":
		return nil // customers do not wait for the shop to open the order
	case !s.WaitsFor(FileUploaded) && u.in(s.Facts):
		return done
	default:
		return s.waitsFor(FileUploaded)
	}
}

// in tells whether the facts are what the upload would make them.
func (u Upload) in(f Facts) bool {
	return (u.Model == nil || f.Model != nil && f.Model.Digest == u.Model.Digest) && (u.Material == "" || f.Material == u.Material)
}

// Judge implements Request.
func (r Rejection) Judge(s Status) error {
	switch {
	case r.Reason == "":
		return fixInput("reason", "tell the customer why")
	case r.Field != "" && r.Field != "model" && r.Field != "material":
		return fixInput("field", "what has to be better is the model or the material")
	}
	if err := firstOf(person("by", r.By), reason(r.Reason)); err != nil {
		return err
	}
	if s.Rejected != nil && *s.Rejected == r {
		return done
	}
	return s.waitsFor(ManufacturingApproved)
}

// Judge implements Request.
func (h HandOver) Judge(s Status) error {
	if err := firstOf(person("by", h.By), person("from", h.From), person("to", h.To)); err != nil {
		return err
	}
	if h.From == h.To {
		return fixInput("to", "%s has the order already", h.To)
	}
	if m, ok := s.Moved(ManufacturingStarted); ok && m.By == h.To {
		return done
	}
	if err := s.waitsFor(ManufacturingCompleted); err != nil {
		return err
	}
	if s.Facts.Operator != h.From {
		return lookUp(CodeWrongPerson, "%s has the order, not %s", s.Facts.Operator, h.From)
	}
	return nil
}

// Judge implements Request.
func (c Cancellation) Judge(s Status) error {
	if err := firstOf(person("by", c.By), reason(c.Reason)); err != nil {
		return err
	}
	switch {
	case s.Cancel != nil:
		return done
	case s.Outcome != "":
		return ended(s)
	case s.reached(Shipped):
		return lookUp(CodeShipped, "the order is on its way: it can be closed, not cancelled")
	default:
		return nil
	}
}

// Judge tells whether an order that stands so takes the close, as a Request
// does.
func (c Close) Judge(s Status) error {
	if err := firstOf(reason(c.Reason), identifier("person", c.Person)); err != nil {
		return err
	}
	switch {
	case s.Close != nil:
		return lookUp(CodeNotWaiting, "repeated: the order was closed already, by %s", s.Close.By)
	case s.Outcome != "":
		return ended(s)
	case s.Cancel != nil:
		return cancelling
	default:
		return nil
	}
}

// done is how an order refuses to do a thing twice.
var done = &Error{Remedy: LookUp, Code: CodeDone, Detail: "this was done already"}

var cancelling = &Error{Remedy: LookUp, Code: CodeEnded, Detail: "the order is being cancelled"}

func (s Status) waitsFor(stage Stage) error {
	switch {
	case s.Outcome != "":
		return ended(s)
	case s.Cancel != nil:
		return cancelling
	case s.Waiting == nil:
		return lookUp(CodeNotWaiting, "the order does not wait for %s: it is coming to %s", stage, s.Passing)
	case s.Waiting.Stage != stage:
		return lookUp(CodeNotWaiting, "the order does not wait for %s, but for %s", stage, s.Waiting.Stage)
	default:
		return nil
	}
}

func ended(s Status) error { return lookUp(CodeEnded, "the order has ended: it was %s", s.Outcome) }

// The longest words that are taken, in bytes.
const (
	maxIdentifier = 100
	maxReason     = 500
)

func person(field, by string) error {
	if by == "" {
		return fixInput(field, "say who, by an identifier")
	}
	return identifier(field, by)
}

func identifier(field, s string) error {
	if len(s) > maxIdentifier || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fixInput(field, "want at most %d bytes of printable text", maxIdentifier)
	}
	return nil
}

func reason(s string) error {
	if len(s) > maxReason || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return fixInput("reason", "want at most %d bytes of text", maxReason)
	}
	return nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func fixInput(field, format string, args ...any) error {
	return &Error{Remedy: FixInput, Code: CodeInvalidRequest, Field: field, Detail: fmt.Sprintf(format, args...)}
}

func lookUp(code, format string, args ...any) error {
	return &Error{Remedy: LookUp, Code: code, Detail: fmt.Sprintf(format, args...)}
}
