package lifecycle_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

// What an order answers to every request, however it stands:
//
//   - granted
//     = done: the same was granted before
//     . it does not wait for this
//     ! never: the request makes no sense
//     e it has ended, or is about to
//     s it was shipped
//
// First the moves to INITIATED, FILE_UPLOADED, SUBMITTED and so on; then an
// upload of what the order has or had, an upload of something else, a rejection,
// a hand-over and a cancellation. "sent back" is after that same rejection.
const answers = `
                                       I F S P   A S C   P S C    up other  re ha ca
waits for FILE_UPLOADED              | ! ! . !   . . .   . . .  |  +   +     .  .  +
sent back                            | ! ! . !   . . .   . . .  |  +   +     =  .  +
waits for SUBMITTED                  | ! ! + !   . . .   . . .  |  =   .     .  .  +
waits for MANUFACTURING_APPROVED     | ! ! = !   + . .   . . .  |  =   .     +  .  +
waits for MANUFACTURING_STARTED      | ! ! = !   = + .   . . .  |  =   .     .  .  +
waits for MANUFACTURING_COMPLETED    | ! ! = !   = = +   . . .  |  =   .     .  +  +
waits for PACKAGING                  | ! ! = !   = = =   + . .  |  =   .     .  .  +
waits for SHIPPED                    | ! ! = !   = = =   = + .  |  =   .     .  .  +
waits for CLOSED                     | ! ! = !   = = =   = = +  |  =   .     .  .  s

comes to INITIATED                   | ! ! . !   . . .   . . .  |  +   +     .  .  +
comes to FILE_UPLOADED               | ! ! . !   . . .   . . .  |  =   .     .  .  +
comes to SUBMITTED                   | ! ! = !   . . .   . . .  |  =   .     .  .  +
comes to PRICE_CALCULATED            | ! ! = !   . . .   . . .  |  =   .     .  .  +
comes to MANUFACTURING_APPROVED      | ! ! = !   = . .   . . .  |  =   .     .  .  +
comes to MANUFACTURING_STARTED       | ! ! = !   = = .   . . .  |  =   .     .  .  +
comes to MANUFACTURING_COMPLETED     | ! ! = !   = = =   . . .  |  =   .     .  .  +
comes to PACKAGING                   | ! ! = !   = = =   = . .  |  =   .     .  .  +
comes to SHIPPED                     | ! ! = !   = = =   = = .  |  =   .     .  .  s
comes to CLOSED                      | ! ! = !   = = =   = = =  |  =   .     .  .  s

being cancelled at SUBMITTED         | ! ! e !   e e e   e e e  |  =   e     e  e  =
being cancelled at PACKAGING         | ! ! = !   = = =   e e e  |  =   e     e  e  =
cancelled at SUBMITTED               | ! ! e !   e e e   e e e  |  =   e     e  e  =
cancelled at PACKAGING               | ! ! = !   = = =   e e e  |  =   e     e  e  =
failed at MANUFACTURING_APPROVED     | ! ! = !   e e e   e e e  |  =   e     e  e  e
closed                               | ! ! = !   = = =   = = =  |  =   e     e  e  e
`

var (
	ring  = &lifecycle.Model{Digest: "sha256-" + strings.Repeat("a", 64)}
	other = &lifecycle.Model{Digest: "sha256-" + strings.Repeat("b", 64)}

	// The right moves, each by its person.
	moves = map[lifecycle.Stage]lifecycle.Move{
		lifecycle.Initiated:              {Stage: lifecycle.Initiated, By: "customer-1"},
		lifecycle.FileUploaded:           {Stage: lifecycle.FileUploaded, By: "customer-1"},
		lifecycle.Submitted:              {Stage: lifecycle.Submitted, By: "customer-1"},
		lifecycle.PriceCalculated:        {Stage: lifecycle.PriceCalculated, By: "manager-1"},
		lifecycle.ManufacturingApproved:  {Stage: lifecycle.ManufacturingApproved, By: "manager-1"},
		lifecycle.ManufacturingStarted:   {Stage: lifecycle.ManufacturingStarted, By: "operator-1"},
		lifecycle.ManufacturingCompleted: {Stage: lifecycle.ManufacturingCompleted, By: "operator-1"},
		lifecycle.Packaging:              {Stage: lifecycle.Packaging, By: "operator-1"},
		lifecycle.Shipped:                {Stage: lifecycle.Shipped, By: "operator-1", Carrier: "dhl", Tracking: "JD0146"},
		lifecycle.Closed:                 {Stage: lifecycle.Closed, By: "manager-1", Reason: "picked up"},
	}
	moved = []lifecycle.Stage{
		lifecycle.Submitted, lifecycle.ManufacturingApproved, lifecycle.ManufacturingStarted,
		lifecycle.ManufacturingCompleted, lifecycle.Packaging, lifecycle.Shipped, lifecycle.Closed,
	}

	upload    = lifecycle.Upload{Model: ring, Material: "silver-925"}
	rejection = lifecycle.Rejection{By: "manager-1", Reason: "too thin to cast"}
	handOver  = lifecycle.HandOver{By: "manager-1", From: "operator-1", To: "operator-2"}
	cancel    = lifecycle.Cancellation{By: "customer-1", Reason: "changed my mind"}
)

// before is an order that passed all stages before one, each by its right move.
func before(stage lifecycle.Stage) lifecycle.Status {
	s := lifecycle.Status{
		OrderID: "o-1", Attended: true,
		Facts: lifecycle.Facts{Source: "b2c", Material: "silver-925", Model: ring},
	}
	for _, passed := range lifecycle.StageNames()[:max(0, stage.Position())] {
		s.Stage = passed
		s.Passed = append(s.Passed, lifecycle.Passage{Stage: passed})
		if slices.Contains(moved, passed) {
			s.Moves = append(s.Moves, moves[passed])
		}
	}
	if stage.Position() > lifecycle.ManufacturingStarted.Position() {
		s.Facts.Operator = "operator-1"
	}
	return s
}

func waitsFor(stage lifecycle.Stage) lifecycle.Status {
	s := before(stage)
	s.Waiting = &lifecycle.Wait{Stage: stage}
	if stage == lifecycle.FileUploaded {
		s.Facts.Model = nil
	}
	return s
}

// comesTo is an order in which the stage's activity runs.
func comesTo(stage lifecycle.Stage) lifecycle.Status {
	s := before(stage)
	s.Passing = stage
	if slices.Contains(moved, stage) {
		s.Moves = append(s.Moves, moves[stage])
	}
	if stage == lifecycle.Closed {
		s.Close = &lifecycle.Close{By: "manual", Person: "manager-1"}
	}
	return s
}

// standing makes an order that stands as the words of the table say.
func standing(t *testing.T, words string) lifecycle.Status {
	t.Helper()
	how, stage := words, lifecycle.Stage("")
	if at := strings.LastIndexByte(words, ' '); at >= 0 && lifecycle.Stage(words[at+1:]).Position() >= 0 {
		how, stage = words[:at], lifecycle.Stage(words[at+1:])
	}
	s := before(stage)
	switch how {
	case "waits for":
		return waitsFor(stage)
	case "sent back":
		s = waitsFor(lifecycle.FileUploaded)
		s.Rejected, s.Problem = &rejection, rejection.Reason
	case "comes to":
		return comesTo(stage)
	case "being cancelled at":
		s.Cancel = &cancel
	case "cancelled at":
		s.Cancel, s.Outcome = &cancel, lifecycle.OutcomeCancelled
	case "failed at":
		s.Outcome = lifecycle.OutcomeFailed
	case "closed":
		s = comesTo(lifecycle.Closed)
		s.Passing, s.Stage, s.Outcome = "", lifecycle.Closed, lifecycle.OutcomeClosed
	default:
		t.Fatalf("no words of the table: %q", words)
	}
	return s
}

// requests are the table's columns.
func requests() []lifecycle.Request {
	var out []lifecycle.Request
	for _, stage := range lifecycle.StageNames() {
		out = append(out, moves[stage])
	}
	return append(out, upload, lifecycle.Upload{Model: other}, rejection, handOver, cancel)
}

// answer is an error as the table writes it.
func answer(err error) string {
	if err == nil {
		return "+"
	}
	var e *lifecycle.Error
	if !errors.As(err, &e) {
		return "not a lifecycle.Error"
	}
	cells := map[[2]string]string{
		{"look_up", "done"}: "=", {"look_up", "not_waiting"}: ".", {"look_up", "ended"}: "e",
		{"look_up", "shipped"}: "s", {"look_up", "wrong_person"}: "w", {"fix_input", "invalid_request"}: "!",
	}
	if cell, ok := cells[[2]string{string(e.Remedy), e.Code}]; ok {
		return cell
	}
	return string(e.Remedy) + " " + e.Code
}

func TestEveryRequestAtEveryStage(t *testing.T) {
	rows := 0
	for line := range strings.Lines(answers) {
		words, cells, ok := strings.Cut(line, "|")
		if !ok {
			continue
		}
		rows++
		words = strings.TrimSpace(words)
		t.Run(words, func(t *testing.T) {
			s := standing(t, words)
			want := strings.Fields(strings.ReplaceAll(cells, "|", " "))
			require.Len(t, want, len(requests()))
			stood, err := json.Marshal(s)
			require.NoError(t, err)
			for i, r := range requests() {
				err := r.Judge(s)
				require.Equal(t, want[i], answer(err), "%s %+v: %v", r.Verb(), r, err)
				require.Equal(t, want[i] == "=", lifecycle.IsDone(err))
			}
			stands, err := json.Marshal(s)
			require.NoError(t, err)
			require.JSONEq(t, string(stood), string(stands), "to judge changes nothing")
		})
	}
	require.Equal(t, 25, rows)
}

// The same move by somebody else is not the same: whoever comes second is told.
func TestMoveThatAnotherMade(t *testing.T) {
	closed := standing(t, "closed")
	for _, stage := range moved {
		second := moves[stage]
		second.By = "somebody-2"
		require.Equal(t, ".", answer(second.Judge(closed)), stage)
		require.ErrorContains(t, second.Judge(closed), moves[stage].By, "it says who was first")
	}
	differs := moves[lifecycle.Shipped]
	differs.Tracking = "JD0147"
	require.Equal(t, ".", answer(differs.Judge(closed)), "one parcel, one number")
}

func TestOnlyWhoHasTheOrderFinishesIt(t *testing.T) {
	s := waitsFor(lifecycle.ManufacturingCompleted)
	err := lifecycle.Move{Stage: lifecycle.ManufacturingCompleted, By: "operator-2"}.Judge(s)
	require.Equal(t, "w", answer(err))
	require.ErrorContains(t, err, "operator-1 has the order")

	for name, tc := range map[string]struct {
		give lifecycle.HandOver
		want string
	}{
		"by who has it":     {lifecycle.HandOver{By: "operator-1", From: "operator-1", To: "operator-2"}, "+"},
		"by anybody else":   {lifecycle.HandOver{By: "manager-1", From: "operator-1", To: "operator-2"}, "+"},
		"from another":      {lifecycle.HandOver{By: "manager-1", From: "operator-3", To: "operator-2"}, "w"},
		"to who has it":     {lifecycle.HandOver{By: "manager-1", From: "operator-3", To: "operator-1"}, "="},
		"to where it began": {lifecycle.HandOver{By: "manager-1", From: "operator-1", To: "operator-1"}, "!"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, answer(tc.give.Judge(s))) })
	}
}

func TestUploadAtItsGateIsTakenAgain(t *testing.T) {
	s := waitsFor(lifecycle.FileUploaded)
	for name, u := range map[string]lifecycle.Upload{
		"both": upload, "a model": {Model: ring}, "a material": {Material: "gold-585"}, "the material it has": {Material: "silver-925"},
	} {
		require.NoError(t, u.Judge(s), name)
	}
}

func TestRejectionInOtherWordsIsAnother(t *testing.T) {
	s := standing(t, "sent back")
	r := rejection
	r.Reason = "too thick to cast"
	require.Equal(t, ".", answer(r.Judge(s)), "the order is with the customer already")
}

func TestCloseIsKeptOnce(t *testing.T) {
	good := lifecycle.Close{By: "carrier", Reason: "delivered"}
	for words, want := range map[string]string{
		"waits for SUBMITTED":          "+", // early: it is kept
		"comes to SHIPPED":             "+",
		"waits for CLOSED":             "+",
		"comes to CLOSED":              ".",
		"closed":                       ".",
		"being cancelled at PACKAGING": "e",
		"cancelled at PACKAGING":       "e",
		"failed at SHIPPED":            "e",
	} {
		require.Equal(t, want, answer(good.Judge(standing(t, words))), words)
	}
}
