package workflow_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"pgregory.net/rapid"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

// A world is one order with all that befalls it. What the order does is logged
// as it is seen from outside: by its activities, and by who is answered.
type world struct {
	*play
	attended bool
	during   map[int][]deed // by the ordinal of the activity
	started  int            // activities
	faults   map[lifecycle.Stage][]string
	outages  map[lifecycle.Stage]int // of undoing, to come
	log      []event
	wrong    []string // what must not be
	steps    int      // of the finish
}

// An event is what happened: "offer" (somebody may have opened the gate of a
// stage), "begin" (its activity was asked), "pass", "back" (the order turns back
// to a stage), "cancel".
type event struct {
	what  string
	stage lifecycle.Stage
	by    string
}

func newWorld(t *rapid.T) *world {
	w := &world{play: newPlay(nil), during: map[int][]deed{}, faults: map[lifecycle.Stage][]string{}, outages: map[lifecycle.Stage]int{}}
	for _, stage := range lifecycle.StageNames() {
		kinds := []string{"", "", "", "", "", "", "", "outage"}
		if step, err := lifecycle.Find(stage); err == nil && step.Back == lifecycle.FileUploaded {
			kinds = append(kinds, "model", "material")
		}
		w.faults[stage] = rapid.SliceOfN(rapid.SampledFrom(kinds), 3, 3).Draw(t, "faults of "+string(stage))
		w.outages[stage] = rapid.SampledFrom([]int{0, 0, 0, 1, 3}).Draw(t, "outages of undoing "+string(stage))
	}
	w.order.Levels = lifecycle.Levels{lifecycle.Submitted: time.Hour, lifecycle.ManufacturingCompleted: 24 * time.Hour, lifecycle.Closed: time.Hour}
	w.order.Searchable = true
	early := rapid.SampledFrom([][]lifecycle.CarrierEvent{nil, nil, {said("in_transit")}, {said("delivered")}}).Draw(t, "early events")
	w.expect = func(lifecycle.Parcel) ([]lifecycle.CarrierEvent, error) { return early, nil }
	w.answer, w.undo = w.strike, w.strikeUndo
	w.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, args converter.EncodedValues) { w.begun(info, args) })
	w.SetOnActivityCompletedListener(w.ended)
	return w
}

func (w *world) run(in workflow.Input) {
	w.attended = in.Attended
	after := 365 * 24 * time.Hour                                              // all deeds
	w.RegisterDelayedCallback(func() { w.SignalWorkflow("melt", nil) }, after) // so that signals which came with nothing are taken
	w.RegisterDelayedCallback(w.finish, after+time.Hour)
	w.start(in)
}

// strike is how a stage's system fares: it is out for a while, or refuses.
func (w *world) strike(a lifecycle.Arrival) (lifecycle.Facts, error) {
	fault := w.fault(a.Stage, a.Visit)
	switch {
	case fault == "outage" && w.first(a):
		return lifecycle.Facts{}, errors.New("connection refused")
	case fault == "model" || fault == "material":
		return lifecycle.Facts{}, refusal(lifecycle.FixInput, fault, "it cannot be made")
	default:
		return lifecycle.Facts{}, nil
	}
}

func (w *world) fault(stage lifecycle.Stage, visit int) string {
	if faults := w.faults[stage]; visit <= len(faults) {
		return faults[visit-1]
	}
	return ""
}

func (w *world) first(a lifecycle.Arrival) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	attempts := 0
	for _, b := range w.arrivals {
		if b.Stage == a.Stage && b.Visit == a.Visit {
			attempts++
		}
	}
	return attempts == 1
}

func (w *world) strikeUndo(u lifecycle.Undoing) error {
	if w.outages[u.Stage] > 0 {
		w.outages[u.Stage]--
		return errors.New("connection refused")
	}
	return nil
}

// begun sees every attempt of an activity begin.
func (w *world) begun(info *activity.Info, args converter.EncodedValues) {
	stage := lifecycle.Stage(info.ActivityType.Name)
	if stage.Position() >= 0 && info.Attempt == 1 {
		var a lifecycle.Arrival
		w.must(args.Get(&a) == nil, "an arrival that cannot be read")
		w.judgeArrival(a)
		w.log = append(w.log, event{"begin", a.Stage, a.By})
	}
	for _, d := range w.during[w.started] {
		w.do(d)
	}
	w.started++
}

func (w *world) ended(info *activity.Info, _ converter.EncodedValue, err error) {
	stage := lifecycle.Stage(info.ActivityType.Name)
	var app *temporal.ApplicationError
	switch {
	case stage.Position() < 0:
	case err == nil:
		w.log = append(w.log, event{what: "pass", stage: stage})
	case errors.As(err, &app) && app.Type() == string(lifecycle.FixInput):
		w.log = append(w.log, event{what: "back", stage: lifecycle.FileUploaded})
	}
}

func (w *world) must(holds bool, format string, args ...any) {
	if !holds {
		w.wrong = append(w.wrong, fmt.Sprintf(format, args...))
	}
}

// judgeArrival holds an order that comes to a stage to what happened before.
func (w *world) judgeArrival(a lifecycle.Arrival) {
	next, visit, offered := lifecycle.Initiated, 1, false
	for _, e := range w.log {
		switch e.what {
		case "pass":
			step, _ := lifecycle.Find(e.stage)
			next, offered = step.Next, false
		case "back":
			next, offered = e.stage, false
		case "begin":
			if e.stage == a.Stage {
				visit++
			}
		case "offer":
			offered = offered || e == event{"offer", a.Stage, a.By}
		case "cancel":
			w.must(false, "%s is begun in a cancelled order", a.Stage)
		}
	}
	w.must(a.Stage == next, "the order came to %s, not to %s", a.Stage, next)
	w.must(a.Visit == visit, "visit %d of %s has number %d", visit, a.Stage, a.Visit)
	switch person := slices.Contains(gates[:6], a.Stage); {
	case person && w.attended:
		w.must(offered, "nobody let %s move it to %s", a.By, a.Stage)
	case a.Stage == lifecycle.Closed:
		w.must(a.By != "", "nobody closed it")
	default:
		w.must(a.By == "", "%s came to %s by itself, not by %s", a.Order, a.Stage, a.By)
	}
}

// do does a deed. Its answer is judged when it comes.
func (w *world) do(d deed) {
	times := 1
	if d.Again {
		times = 2
	}
	for range times {
		switch d.As {
		case "update":
			w.send(d.Name, d.Input)
		case "signal":
			w.signal(d)
		case "fitting":
			if r := fitting(w.now(), d.Name); r != nil {
				w.send(r.Verb(), r)
			}
		case "contrary":
			for _, r := range contrary(w.now(), d.Name) {
				w.send(r.Verb(), r)
			}
		case "temporal":
			w.CancelWorkflow()
		}
	}
}

func (w *world) signal(d deed) {
	if m, ok := d.Input.(lifecycle.Move); ok && d.Name == workflow.SignalMove && mayMove(w.now(), m) {
		w.log = append(w.log, event{"offer", m.Stage, m.By})
	}
	if d.With && d.During < 0 {
		w.SignalWorkflowSkippingWorkflowTask(d.Name, d.Input)
	} else {
		w.SignalWorkflow(d.Name, d.Input)
	}
}

func (w *world) send(name string, input any) {
	var before lifecycle.Status
	w.RegisterDelayedCallback(func() { before = w.now() }, 0) // just before the update
	w.update(name, input, func(err error) {
		if err == nil {
			w.granted(w.now(), input)
		} else {
			w.must(reflect.DeepEqual(before, w.now()), "%s %+v was refused, and yet changed the order", name, input)
		}
	})
}

func (w *world) now() (s lifecycle.Status) {
	answer, err := w.QueryWorkflow(workflow.QueryStatus)
	w.must(err == nil && answer.Get(&s) == nil, "it does not say how it stands: %v", err)
	return s
}

// granted holds what an order granted, as it stood then, to the rules.
func (w *world) granted(s lifecycle.Status, input any) {
	person := func(by string) bool { return by != "" && len(by) <= 100 && by != "op\n1" }
	switch r := input.(type) {
	case lifecycle.Move:
		w.must(mayMove(s, r) && person(r.By), "%+v was granted to %+v", r, s)
		w.log = append(w.log, event{"offer", r.Stage, r.By})
	case lifecycle.Upload:
		w.must(s.WaitsFor(lifecycle.FileUploaded) || s.Passing == lifecycle.Initiated, "%+v was granted to %+v", r, s)
	case lifecycle.Rejection:
		w.must(s.WaitsFor(lifecycle.ManufacturingApproved) && person(r.By) && r.Reason != "", "%+v was granted to %+v", r, s)
		w.log = append(w.log, event{what: "back", stage: lifecycle.FileUploaded})
	case lifecycle.HandOver:
		w.must(s.WaitsFor(lifecycle.ManufacturingCompleted) && r.From == s.Facts.Operator && r.To != r.From && person(r.By) && person(r.To),
			"%+v was granted to %+v", r, s)
		w.log = append(w.log, event{what: "back", stage: lifecycle.ManufacturingStarted}, event{"offer", lifecycle.ManufacturingStarted, r.To})
	case lifecycle.Cancellation:
		w.must(person(r.By) && s.Cancel == nil && s.Outcome == "", "%+v was granted to %+v", r, s)
		for _, e := range w.log {
			w.must(e.stage != lifecycle.Shipped || e.what != "begin", "a shipped order was cancelled")
		}
		w.log = append(w.log, event{what: "cancel"})
	default:
		w.must(false, "%#v was granted", input)
	}
}

func mayMove(s lifecycle.Status, m lifecycle.Move) bool {
	return s.WaitsFor(m.Stage) && s.Cancel == nil && m.Stage != lifecycle.FileUploaded &&
		(m.Stage != lifecycle.ManufacturingCompleted || m.By == s.Facts.Operator)
}

// fitting is what an order waits for, by a person who may: by who has it, where
// nobody else may.
func fitting(s lifecycle.Status, by string) lifecycle.Request {
	if s.Waiting == nil {
		return nil
	}
	m := move(s.Waiting.Stage)
	switch m.By = by; m.Stage {
	case lifecycle.FileUploaded:
		return lifecycle.Upload{Model: betterModel, Material: "gold-585"}
	case lifecycle.ManufacturingCompleted:
		m.By = s.Facts.Operator
	}
	return m
}

// contrary is what else may be asked of an order where it stands, much of which
// must not be granted.
func contrary(s lifecycle.Status, by string) []lifecycle.Request {
	switch {
	case s.WaitsFor(lifecycle.ManufacturingApproved):
		return []lifecycle.Request{lifecycle.Rejection{By: by, Reason: "it would break"}, move(lifecycle.ManufacturingApproved)}
	case s.WaitsFor(lifecycle.ManufacturingCompleted):
		return []lifecycle.Request{
			lifecycle.Move{Stage: lifecycle.ManufacturingCompleted, By: "operator-3"},
			lifecycle.HandOver{By: "manager-1", From: by, To: "operator-3"},
			lifecycle.Move{Stage: lifecycle.ManufacturingCompleted, By: by},
		}
	case s.WaitsFor(lifecycle.Closed), s.Outcome != "":
		return []lifecycle.Request{lifecycle.Cancellation{By: by}, move(lifecycle.Shipped), move(lifecycle.Closed)}
	default:
		return []lifecycle.Request{move(lifecycle.Closed), lifecycle.Upload{Model: goodModel}}
	}
}

// finish answers each gate as it should be, until the order ends.
func (w *world) finish() {
	if w.steps++; w.steps > 60 {
		w.must(false, "it goes on for ever")
		return
	}
	if r := fitting(w.now(), "operator-3"); r != nil {
		w.update(r.Verb(), r, func(err error) {
			w.must(err == nil, "%+v is not granted: %v", r, err)
			if err == nil {
				w.granted(w.now(), r)
			}
		})
	}
	w.RegisterDelayedCallback(w.finish, time.Hour)
}

// judge holds the order that ended to its log.
func (w *world) judge(t *rapid.T) {
	require.Empty(t, w.wrong)
	require.True(t, w.IsWorkflowCompleted())
	s := w.status(t)
	var passed, reached, begun []lifecycle.Stage
	for _, p := range s.Passed {
		reached = append(reached, p.Stage)
	}
	for _, e := range w.log {
		switch {
		case e.what == "pass":
			passed = append(passed, e.stage)
		case e.what == "begin" && !slices.Contains(begun, e.stage):
			begun = append(begun, e.stage)
		}
	}
	require.Equal(t, passed, reached)
	require.LessOrEqual(t, len(s.Ignored), 20)
	for _, e := range w.endings {
		require.Equal(t, s.Outcome, e.Outcome)
	}
	overdue := slices.DeleteFunc(slices.Clone(w.indexed), func(a string) bool { return !strings.HasPrefix(a, "OrderOverdue") })
	for i, is := range overdue {
		require.Equal(t, []string{"OrderOverdue=true", "OrderOverdue=false"}[i%2], is)
	}
	require.Zero(t, len(overdue)%2, "an order that ended is not overdue")
	if s.Cancel != nil {
		slices.Reverse(begun)
		require.True(t, temporal.IsCanceledError(w.GetWorkflowError()), "%v", w.GetWorkflowError())
		require.Equal(t, lifecycle.OutcomeCancelled, s.Outcome)
		require.Equal(t, begun, w.undone)
		return
	}
	require.NoError(t, w.GetWorkflowError())
	require.Equal(t, lifecycle.OutcomeClosed, s.Outcome)
	require.Zero(t, w.undoings)
	require.Equal(t, lifecycle.StageNames(), begun)
	last := -1
	for _, stage := range lifecycle.StageNames() {
		i := lastIndex(passed, stage)
		require.Greater(t, i, last, "%s was not passed after all that comes before it", stage)
		last = i
	}
}

func lastIndex(stages []lifecycle.Stage, stage lifecycle.Stage) int {
	for i := len(stages) - 1; i >= 0; i-- {
		if stages[i] == stage {
			return i
		}
	}
	return -1
}
