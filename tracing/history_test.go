package tracing

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// begin is when every history of these tests starts.
var begin = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	workflowID   = "ord-1"
	firstRun     = "11111111-1111-1111-1111-111111111111"
	laterRun     = "22222222-2222-2222-2222-222222222222"
	workflowType = "Journey"
)

// history is a workflow's history, written as the server would: what happens,
// and the workflow task that takes it.
type history struct {
	t      *testing.T
	run    string
	events []*historypb.HistoryEvent
	now    time.Duration // since begin
	begun  bool          // the first task is done
}

// startHistory starts the first run, with a starter's context unless it is zero.
func startHistory(t *testing.T, starter trace.SpanContext) *history {
	return startRun(t, firstRun, starter)
}

func startRun(t *testing.T, run string, starter trace.SpanContext) *history {
	h := &history{t: t, run: run}
	h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: workflowType}, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"},
			OriginalExecutionRunId: run, FirstExecutionRunId: firstRun, WorkflowId: workflowID, Attempt: 1, Header: h.header(starter),
		}},
	})
	return h
}

func (h *history) header(sc trace.SpanContext) *commonpb.Header {
	if !sc.IsValid() {
		return nil
	}
	return &commonpb.Header{Fields: headerOf(h.t, sc)}
}

func (h *history) add(e *historypb.HistoryEvent) int64 {
	e.EventId, e.EventTime = int64(len(h.events)+1), timestamppb.New(begin.Add(h.now))
	h.events = append(h.events, e)
	return e.EventId
}

// at lets time pass.
func (h *history) at(sinceBegin time.Duration) *history {
	h.now = sinceBegin
	return h
}

// task is one workflow task, done at once. The first one also writes down whether
// the run is findable by its trace ID.
func (h *history) task() *history {
	first := !h.begun
	h.begun = true
	scheduled := h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{
			TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}, Attempt: 1,
		}},
	})
	started := h.add(&historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{ScheduledEventId: scheduled}},
	})
	done := h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
			ScheduledEventId: scheduled, StartedEventId: started,
		}},
	})
	if first {
		h.add(&historypb.HistoryEvent{
			EventType: enumspb.EVENT_TYPE_MARKER_RECORDED,
			Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{
				MarkerName: "SideEffect", WorkflowTaskCompletedEventId: done,
				Details: map[string]*commonpb.Payloads{"side-effect-id": h.payloads(1), "data": h.payloads(false)},
			}},
		})
	}
	return h
}

func (h *history) payloads(v any) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{payload(h.t, v)}}
}

// signal is a signal as it arrives, with its sender's context unless it is zero.
func (h *history) signal(name string, sender trace.SpanContext) *history {
	h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
			SignalName: name, Header: h.header(sender),
		}},
	})
	return h
}

// update is an update with its task, accepted and completed at once.
func (h *history) update(id, name string, sender trace.SpanContext, failure *failurepb.Failure) *history {
	before := int64(len(h.events))
	h.task()
	accepted := h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateAcceptedEventAttributes{WorkflowExecutionUpdateAcceptedEventAttributes: &historypb.WorkflowExecutionUpdateAcceptedEventAttributes{
			ProtocolInstanceId: id, AcceptedRequestMessageId: id + "/request", AcceptedRequestSequencingEventId: before + 1,
			AcceptedRequest: &updatepb.Request{
				Meta: &updatepb.Meta{UpdateId: id}, Input: &updatepb.Input{Name: name, Header: h.header(sender)},
			},
		}},
	})
	outcome := &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: &commonpb.Payloads{}}}
	if failure != nil {
		outcome = &updatepb.Outcome{Value: &updatepb.Outcome_Failure{Failure: failure}}
	}
	h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionUpdateCompletedEventAttributes{WorkflowExecutionUpdateCompletedEventAttributes: &historypb.WorkflowExecutionUpdateCompletedEventAttributes{
			Meta: &updatepb.Meta{UpdateId: id}, AcceptedEventId: accepted, Outcome: outcome,
		}},
	})
	return h
}

// startTimer is a timer that the last task started.
func (h *history) startTimer() *history {
	h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_TIMER_STARTED,
		Attributes: &historypb.HistoryEvent_TimerStartedEventAttributes{TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{
			TimerId: strconv.Itoa(len(h.events) + 1),
		}},
	})
	return h
}

func (h *history) fireTimer(started int64) *history {
	h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_TIMER_FIRED,
		Attributes: &historypb.HistoryEvent_TimerFiredEventAttributes{TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{
			TimerId: strconv.FormatInt(started, 10), StartedEventId: started,
		}},
	})
	return h
}

func (h *history) cancel() *history {
	h.add(&historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes{WorkflowExecutionCancelRequestedEventAttributes: &historypb.WorkflowExecutionCancelRequestedEventAttributes{}},
	})
	return h
}

func (h *history) completed() *history {
	h.add(&historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{}},
	})
	return h
}

func (h *history) failed() *history {
	h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{
			Failure: &failurepb.Failure{Message: "failed"},
		}},
	})
	return h
}

func (h *history) cancelled() *history {
	h.add(&historypb.HistoryEvent{
		EventType:  enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes{WorkflowExecutionCanceledEventAttributes: &historypb.WorkflowExecutionCanceledEventAttributes{}},
	})
	return h
}

func (h *history) continuedAsNew() *history {
	h.add(&historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{WorkflowExecutionContinuedAsNewEventAttributes: &historypb.WorkflowExecutionContinuedAsNewEventAttributes{
			NewExecutionRunId: laterRun, WorkflowType: &commonpb.WorkflowType{Name: workflowType},
		}},
	})
	return h
}

// process is a worker's process as its spans show it: an interceptor, and what
// it told.
type process struct {
	collector
	interceptor *Interceptor
}

func newProcess(t *testing.T) process {
	c := collect(t, WorkflowService)
	i, err := NewInterceptor(Options{Process: c.provider, Workflow: c.provider, Signals: []string{"go"}})
	require.NoError(t, err)
	return process{c, i}
}

// replay has the process replay a history, as it does after a restart.
func (p process) replay(t *testing.T, h *history, journey func(workflow.Context) error) {
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		Interceptors: []interceptor.WorkerInterceptor{p.interceptor},
	})
	require.NoError(t, err)
	replayer.RegisterWorkflowWithOptions(journey, workflow.RegisterOptions{Name: workflowType})
	copied := proto.Clone(&historypb.History{Events: h.events}).(*historypb.History) // the replayer writes into headers
	require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(silent{}, copied, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: workflowID, RunID: h.run},
	}))
}

// replayed is what a fresh process tells of a history.
func replayed(t *testing.T, h *history, journey func(workflow.Context) error) tracetest.SpanStubs {
	p := newProcess(t)
	p.replay(t, h, journey)
	return p.told(t)
}
