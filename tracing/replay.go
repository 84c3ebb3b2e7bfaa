package tracing

import (
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"go.opentelemetry.io/otel/trace/noop"
)

// A Historian tells from a run's history alone which spans must exist: what the
// workflow tells, by replaying its code, so that it says the very same as a
// worker; and attempts, and ends that no code could tell, from the events.
type Historian struct {
	// Register registers the workflows. Required.
	Register func(worker.WorkflowRegistry)
	// Signals, Data and Failure are those of the workers; see Options.
	Signals []string
	Data    converter.DataConverter
	Failure converter.FailureConverter
}

// ErrReplay says that the workflow's code could not be replayed: it, or a key of
// its payloads, is not that of the run. What its events alone tell is known all
// the same.
var ErrReplay = errors.New("its code cannot be replayed")

// Facts are the spans that must exist, the oldest first. A wait or an attempt that
// is not over is none yet. With ErrReplay come those that need no code.
func (o Historian) Facts(h History) ([]Fact, error) {
	if h.start() == nil {
		return nil, errors.New("the history does not begin with a start")
	}
	facts, err := o.replay(h)
	if err != nil {
		facts, err = h.anchor(), fmt.Errorf("%w: %w", ErrReplay, err)
	}
	if len(facts) == 0 && h.Closed() { // before its code ran for the first time
		facts = h.anchor()
	}
	facts = append(facts, h.attempts()...)
	if !slices.ContainsFunc(facts, func(f Fact) bool { return f.ID == outcomeID(h.RunID) }) {
		facts = append(facts, h.outcome()...)
	}
	slices.SortStableFunc(facts, func(a, b Fact) int { return a.From.Compare(b.From) })
	return facts, err
}

// replay returns what the workflow's code tells of all tasks that Temporal has
// accepted.
func (o Historian) replay(h History) (facts []Fact, err error) {
	events := accepted(h.Events)
	if len(events) == 0 {
		return nil, nil
	}
	teller, err := NewInterceptor(Options{Process: noop.NewTracerProvider(), Signals: o.Signals})
	if err != nil {
		return nil, err
	}
	teller.namespace = h.Namespace
	teller.tell = func(f Fact) { facts = append(facts, f) }
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: o.Data, FailureConverter: o.Failure, DisableDeadlockDetection: true,
		Interceptors: []interceptor.WorkerInterceptor{teller},
	})
	if err != nil {
		return nil, err
	}
	o.Register(replayer)
	err = replayer.ReplayWorkflowHistoryWithOptions(silent{}, &historypb.History{Events: events}, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: h.WorkflowID, RunID: h.RunID},
	})
	return facts, err
}

// accepted are the events up to the last workflow task that Temporal has accepted,
// and what that task asked for: nothing else is certain to stay. They are copies,
// since a replay writes into headers.
func accepted(events []*historypb.HistoryEvent) []*historypb.HistoryEvent {
	end := 0
	for i, e := range events {
		if e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			end = i + 1
		}
	}
	for end > 0 && end < len(events) && asked(events[end]) {
		end++
	}
	out := make([]*historypb.HistoryEvent, end)
	for i, e := range events[:end] {
		out[i] = proto.Clone(e).(*historypb.HistoryEvent)
	}
	return out
}

// asked tells whether a workflow task asked for an event.
func asked(e *historypb.HistoryEvent) bool {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED,
		enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_TIMER_CANCELED, enumspb.EVENT_TYPE_MARKER_RECORDED,
		enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES, enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
		enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED, enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return true
	default:
		return false
	}
}

// silent is a logger for nobody.
type silent struct{}

var _ log.Logger = silent{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
