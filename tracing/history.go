package tracing

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/temporal"
)

// A History is what Temporal keeps of one run of a workflow.
type History struct {
	Namespace, WorkflowID, RunID string
	Events                       []*historypb.HistoryEvent // all of them, as the server sends them
}

func (h History) start() *historypb.WorkflowExecutionStartedEventAttributes {
	if len(h.Events) == 0 {
		return nil
	}
	return h.Events[0].GetWorkflowExecutionStartedEventAttributes()
}

// Anchor is the span that all of the run hangs below, and so its trace.
func (h History) Anchor() trace.SpanContext {
	return remote(TraceOf(h.start().GetHeader().GetFields(), h.Namespace, h.WorkflowID, h.start().GetFirstExecutionRunId()),
		anchorID(h.start().GetFirstExecutionRunId()))
}

// Closed tells whether the run has ended.
func (h History) Closed() bool {
	_, closed := endings[h.last().GetEventType()]
	return closed || h.last().GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
}

// Began is when the run started.
func (h History) Began() time.Time { return h.Events[0].GetEventTime().AsTime() }

// Latest is when anything happened to the run the last time.
func (h History) Latest() time.Time { return h.last().GetEventTime().AsTime() }

// Before is the run that this one goes on from: after a reset, or as a new one.
// "" if it is the first.
func (h History) Before() string {
	for _, e := range h.Events {
		reset := e.GetWorkflowTaskFailedEventAttributes()
		if reset.GetCause() == enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW && reset.GetNewRunId() == h.RunID {
			return reset.GetBaseRunId()
		}
	}
	return h.start().GetContinuedExecutionRunId()
}

func (h History) last() *historypb.HistoryEvent {
	if len(h.Events) == 0 {
		return nil
	}
	return h.Events[len(h.Events)-1]
}

// anchor is the fact that the first run of a chain tells.
func (h History) anchor() []Fact {
	start := h.start()
	if start.GetOriginalExecutionRunId() != start.GetFirstExecutionRunId() {
		return nil
	}
	at := h.Events[0].GetEventTime().AsTime()
	return []Fact{anchorFact(start.GetFirstExecutionRunId(), start.GetWorkflowType().GetName(), at, h.Anchor().TraceID(),
		contextOf(start.GetHeader().GetFields()), h.own())}
}

// own are the attributes of what the workflow itself tells.
func (h History) own(more ...attribute.KeyValue) []attribute.KeyValue {
	return append(more, KeyWorkflowID.String(h.WorkflowID), KeyRunID.String(h.start().GetOriginalExecutionRunId()))
}

// endings are the ends that have an outcome, and whether the workflow's code could
// tell it.
var endings = map[enumspb.EventType]struct {
	ending
	status codes.Code
	byCode bool
}{
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:  {endClosed, codes.Ok, true},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:   {endCancelled, codes.Unset, true},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:     {endFailed, codes.Error, true},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: {endTerminated, codes.Error, false},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:  {endTimedOut, codes.Error, false},
}

// outcome is how the run ended, as the workflow's code tells it where it can.
func (h History) outcome() []Fact {
	how, ended := endings[h.last().GetEventType()]
	if !ended {
		return nil
	}
	at := h.last().GetEventTime().AsTime()
	more := []attribute.KeyValue{}
	if how.byCode {
		at = h.lastTask()
		if failure := h.last().GetWorkflowExecutionFailedEventAttributes().GetFailure(); failure != nil {
			more = append(more, KeyErrorType.String(typeOf(failure)))
		}
	}
	f := outcomeFact(h.RunID, h.start().GetWorkflowType().GetName(), how.ending, how.status, h.Anchor(), at,
		h.own(append(more, KeyOutcome.String(string(how.ending)))...)...)
	if !how.byCode {
		f.Repaired = RepairedFromHistory
	}
	return []Fact{f}
}

// lastTask is when the last workflow task began: the time that its code saw.
func (h History) lastTask() (at time.Time) {
	for _, e := range h.Events {
		if e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED {
			at = e.GetEventTime().AsTime()
		}
	}
	return at
}

// typeOf is errorType of a failure in a history.
func typeOf(f *failurepb.Failure) string {
	if f == nil {
		return ""
	}
	// Types are never encoded, words may be: they are not asked for.
	bare := &failurepb.Failure{FailureInfo: f.GetFailureInfo(), Cause: f.GetCause()}
	return errorType(temporal.GetDefaultFailureConverter().FailureToError(bare))
}
