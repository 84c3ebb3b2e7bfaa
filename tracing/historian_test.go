package tracing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"
)

// kept is a history as it is read from the server.
func (h *history) kept() History {
	return History{Namespace: "orders", WorkflowID: workflowID, RunID: h.run, Events: h.events}
}

// historian replays a journey.
func historian(flow func(workflow.Context) error) Historian {
	return Historian{Signals: []string{"go"}, Register: func(r worker.WorkflowRegistry) {
		r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: workflowType})
	}}
}

func factsOf(t *testing.T, h *history, flow func(workflow.Context) error) []Fact {
	t.Helper()
	facts, err := historian(flow).Facts(h.kept())
	require.NoError(t, err)
	return facts
}

func factNames(facts []Fact) (out []string) {
	for _, f := range facts {
		out = append(out, f.Name)
	}
	return out
}

func called(facts []Fact, name string) (found []Fact) {
	for _, f := range facts {
		if f.Name == name {
			found = append(found, f)
		}
	}
	return found
}

// What a historian says is what a worker told, to the byte.
func TestHistorianSaysWhatAWorkerTold(t *testing.T) {
	h := startHistory(t, starter).task().
		at(5*time.Minute).update(requestKey, "upload", sender, nil).
		at(10*time.Minute).signal("go", sender).at(10*time.Minute + time.Second).task().completed()
	told := replayed(t, h, journey(well))

	c := collect(t, WorkflowService)
	for _, f := range factsOf(t, h, journey(well)) {
		require.Empty(t, f.Repaired)
		f.tell(c.provider.Tracer(ScopeName))
	}
	require.ElementsMatch(t, told, c.told(t))
}

func TestHistorianKnowsEachEnd(t *testing.T) {
	ended := func(h *history, kind enumspb.EventType) *history {
		h.add(&historypb.HistoryEvent{EventType: kind})
		return h
	}
	tests := map[string]struct {
		history  *history
		flow     func(workflow.Context) error
		want     []string
		repaired string
		status   codes.Code
	}{
		"terminated": {ended(waited(t, starter, sender).startTimer().at(time.Minute*30), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED),
			journey(func(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Hour) }),
			[]string{"RunWorkflow:Journey", "await GATE", "signal go", "Journey terminated"}, RepairedFromHistory, codes.Error},
		"timed out": {ended(startHistory(t, starter).task().at(time.Hour), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT),
			journey(well), []string{"RunWorkflow:Journey", "Journey timed out"}, RepairedFromHistory, codes.Error},
		"terminated before its code ran": {ended(startHistory(t, starter), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED),
			journey(well), []string{"RunWorkflow:Journey", "Journey terminated"}, RepairedFromHistory, codes.Error},
		"closed": {waited(t, starter, sender).completed(), journey(well),
			[]string{"RunWorkflow:Journey", "await GATE", "signal go", "Journey closed"}, "", codes.Ok},
		"continued as new": {waited(t, starter, sender).continuedAsNew(),
			journey(func(ctx workflow.Context) error { return workflow.NewContinueAsNewError(ctx, workflowType) }),
			[]string{"RunWorkflow:Journey", "await GATE", "signal go"}, "", codes.Unset},
		"still waiting": {startHistory(t, starter).task(), journey(well), []string{"RunWorkflow:Journey"}, "", codes.Unset},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			facts := factsOf(t, tc.history, tc.flow)
			require.ElementsMatch(t, tc.want, factNames(facts))
			last := facts[len(facts)-1]
			require.Equal(t, tc.repaired, last.Repaired)
			require.Equal(t, tc.status, last.Status)
			require.Equal(t, starter.TraceID(), last.Parent.TraceID())
		})
	}
}

// A task that Temporal has not accepted may be done otherwise: it is no fact.
func TestHistorianLeavesOutWhatIsNotAccepted(t *testing.T) {
	h := startHistory(t, starter).task().at(time.Minute).signal("go", sender)
	h.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{
			TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}}}})
	h.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{}}})
	require.Equal(t, []string{"RunWorkflow:Journey"}, factNames(factsOf(t, h, journey(well))))
}

// Code that is not the run's tells nothing; events do.
func TestHistorianWithoutTheRightCode(t *testing.T) {
	h := waited(t, starter, sender).completed()
	other := func(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Hour) }
	facts, err := historian(other).Facts(h.kept())
	require.ErrorIs(t, err, ErrReplay)
	require.Equal(t, []string{"RunWorkflow:Journey", "Journey closed"}, factNames(facts))

	right := factsOf(t, h, journey(well))
	require.Equal(t, called(right, "Journey closed"), called(facts, "Journey closed"), "the same as the code tells")
	require.Equal(t, called(right, "RunWorkflow:Journey"), called(facts, "RunWorkflow:Journey"))
}

// twoSteps runs the activity STEP, which is retried.
func twoSteps(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, TaskQueue: "forge"})
	return workflow.ExecuteActivity(ctx, "STEP").Get(ctx, nil)
}

// step is the activity STEP with what came of its last attempt.
func (h *history) step(attempt int32, before, last *failurepb.Failure) *history {
	scheduled := h.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED,
		Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId: "6", ActivityType: &commonpb.ActivityType{Name: "STEP"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "forge"},
			Header:      h.header(remote(starter.TraceID(), anchorID(firstRun))),
			RetryPolicy: &commonpb.RetryPolicy{InitialInterval: durationpb.New(time.Second), BackoffCoefficient: 2, MaximumInterval: durationpb.New(3 * time.Second)},
		}}})
	h.now += time.Minute
	started := h.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{
			ScheduledEventId: scheduled, Attempt: attempt, LastFailure: before}}})
	h.now += time.Second
	if last == nil {
		h.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
			Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
				ScheduledEventId: scheduled, StartedEventId: started}}})
		return h
	}
	h.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED,
		Attributes: &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{
			ScheduledEventId: scheduled, StartedEventId: started, Failure: last}}})
	return h
}

func appFailure(kind string) *failurepb.Failure {
	return &failurepb.Failure{Message: secret, FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: kind}}}
}

func timeoutFailure(kind enumspb.TimeoutType) *failurepb.Failure {
	return &failurepb.Failure{Message: secret, FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: kind}}}
}

// Each attempt is a fact: the last as history has it, those before by their count.
func TestHistorianCountsAttempts(t *testing.T) {
	h := startHistory(t, starter).task().step(4, timeoutFailure(enumspb.TIMEOUT_TYPE_HEARTBEAT), appFailure("retry"))
	attempts := called(factsOf(t, h.task().failed(), twoSteps), "STEP")
	require.Len(t, attempts, 4)
	want := []struct {
		after     time.Duration
		errorType string
		repaired  string
	}{
		{0, "", RepairedTimeEstimated},
		{time.Second, "", RepairedTimeEstimated},
		{3 * time.Second, "timeout Heartbeat", RepairedTimeEstimated},
		{time.Minute, "retry", RepairedFromHistory},
	}
	for i, f := range attempts {
		require.Equal(t, attemptID(firstRun, "6", int32(i+1)), f.ID)
		require.Equal(t, begin.Add(want[i].after), f.From)
		require.Equal(t, codes.Error, f.Status)
		require.Equal(t, "forge", f.Service)
		require.Equal(t, anchorID(firstRun), f.Parent.SpanID())
		require.Equal(t, want[i].repaired, f.Repaired)
		attributes := attribute.NewSet(f.Attributes...)
		kind, _ := attributes.Value(KeyErrorType)
		require.Equal(t, want[i].errorType, kind.AsString())
		require.NotContains(t, attributes.Encoded(attribute.DefaultEncoder()), secret)
	}
	require.Equal(t, begin.Add(time.Minute+time.Second), attempts[3].To)
}

func TestHistorianEstimatesNoAttemptAfterTheNext(t *testing.T) {
	h := startHistory(t, trace.SpanContext{}).task().step(100, appFailure("retry"), nil)
	attempts := called(factsOf(t, h.task().completed(), twoSteps), "STEP")
	require.Len(t, attempts, 100)
	for i, f := range attempts[1:] {
		require.True(t, f.From.After(attempts[i].From), "attempt %d", i+2)
	}
	require.Equal(t, codes.Unset, attempts[99].Status)
}

// What ran before a reset is the run's before it.
func TestHistorianOfAResetRun(t *testing.T) {
	h := startHistory(t, starter).task().step(1, nil, nil)
	h.add(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW, BaseRunId: firstRun, NewRunId: laterRun}}})
	reset := h.kept()
	reset.RunID = laterRun
	facts, err := historian(twoSteps).Facts(reset)
	require.NoError(t, err)
	require.Empty(t, called(facts, "STEP"))
	require.Equal(t, anchorID(firstRun), facts[0].ID, "the anchor is the same")
}

func TestHistorianRefusesWhatIsNoHistory(t *testing.T) {
	_, err := historian(journey(well)).Facts(History{})
	require.ErrorContains(t, err, "does not begin with a start")
}
