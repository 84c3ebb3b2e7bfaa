package tracing

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
)

// A scheduledActivity is what a run's history says of one: it was scheduled, its last
// attempt started, and that one ended. The attempts before left their count and
// the last one's failure.
type scheduledActivity struct {
	*historypb.ActivityTaskScheduledEventAttributes
	at      time.Time
	started *historypb.HistoryEvent
	ended   *historypb.HistoryEvent
}

// attempts are the attempts that this very run has made and that have ended. A
// reset run's history begins with events of the run before it, which has those
// attempts.
func (h History) attempts() (facts []Fact) {
	for _, a := range h.activities() {
		if a.started == nil || a.ended == nil {
			continue
		}
		last := a.started.GetActivityTaskStartedEventAttributes()
		for n := range last.GetAttempt() - 1 {
			f := h.attempt(a, n+1, a.estimated(n+1), time.Time{}, "")
			f.Status, f.Repaired = codes.Error, RepairedTimeEstimated
			if n+2 == last.GetAttempt() {
				f.Attributes = append(f.Attributes, errorTypes(typeOf(last.GetLastFailure()))...)
			}
			facts = append(facts, f)
		}
		f := h.attempt(a, last.GetAttempt(), a.started.GetEventTime().AsTime(), a.ended.GetEventTime().AsTime(), typeOf(failureOf(a.ended)))
		f.Repaired = RepairedFromHistory
		facts = append(facts, f)
	}
	return facts
}

func (h History) attempt(a *scheduledActivity, n int32, from, to time.Time, errorType string) Fact {
	f := Fact{
		ID: attemptID(h.RunID, a.GetActivityId(), n), Name: a.GetActivityType().GetName(),
		Parent: parentOf(a.GetHeader().GetFields(), h.Namespace, h.WorkflowID, h.RunID),
		From:   from, To: to, Kind: trace.SpanKindServer, Service: a.GetTaskQueue().GetName(),
		Attributes: attemptAttributes(h.WorkflowID, h.RunID, a.GetActivityId(), a.GetActivityType().GetName(), n),
	}
	if errorType != "" {
		f.Attributes = append(f.Attributes, errorTypes(errorType)...)
		if errorType != typeCancelled {
			f.Status = codes.Error
		}
	}
	return f
}

func errorTypes(kind string) []attribute.KeyValue {
	if kind == "" {
		return nil
	}
	return []attribute.KeyValue{KeyErrorType.String(kind)}
}

// activities are in the order in which they were scheduled.
func (h History) activities() (all []*scheduledActivity) {
	byEvent := map[int64]*scheduledActivity{}
	ends := func(scheduled int64, e *historypb.HistoryEvent) {
		if a := byEvent[scheduled]; a != nil {
			a.ended = e
		}
	}
	for _, e := range h.Events {
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			a := &scheduledActivity{ActivityTaskScheduledEventAttributes: e.GetActivityTaskScheduledEventAttributes(), at: e.GetEventTime().AsTime()}
			byEvent[e.GetEventId()], all = a, append(all, a)
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			if a := byEvent[e.GetActivityTaskStartedEventAttributes().GetScheduledEventId()]; a != nil {
				a.started = e
			}
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			ends(e.GetActivityTaskCompletedEventAttributes().GetScheduledEventId(), e)
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
			ends(e.GetActivityTaskFailedEventAttributes().GetScheduledEventId(), e)
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
			ends(e.GetActivityTaskTimedOutEventAttributes().GetScheduledEventId(), e)
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
			ends(e.GetActivityTaskCanceledEventAttributes().GetScheduledEventId(), e)
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
			if e.GetWorkflowTaskFailedEventAttributes().GetCause() == enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW {
				forgetStarted(all)
			}
		}
	}
	return all
}

// forgetStarted takes off what ran before a reset.
func forgetStarted(all []*scheduledActivity) {
	for _, a := range all {
		a.started = nil
	}
}

// Unfinished are the IDs of the activities that have not ended, and since when the
// first of them is: what hangs below their attempts may get its parent later. A
// run that was ended from outside leaves them so for good.
func (h History) Unfinished() (ids []string, since time.Time) {
	for _, a := range h.activities() {
		if a.ended == nil {
			ids = append(ids, a.GetActivityId())
			if since.IsZero() {
				since = a.at
			}
		}
	}
	return ids, since
}

// failureOf is why an attempt ended, nil if it went well.
func failureOf(ended *historypb.HistoryEvent) *failurepb.Failure {
	switch ended.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		return ended.GetActivityTaskFailedEventAttributes().GetFailure()
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		return ended.GetActivityTaskTimedOutEventAttributes().GetFailure()
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		return &failurepb.Failure{FailureInfo: &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: &failurepb.CanceledFailureInfo{}}}
	default:
		return nil
	}
}

// estimated is when an attempt before the last one began, as far as history lets
// one say: after the pauses of the retry policy, and before the last attempt.
func (a *scheduledActivity) estimated(attempt int32) time.Time {
	policy := a.GetRetryPolicy()
	at, pause := a.at, policy.GetInitialInterval().AsDuration()
	for range attempt - 1 {
		at = at.Add(pause)
		pause = time.Duration(float64(pause) * max(policy.GetBackoffCoefficient(), 1))
		if most := policy.GetMaximumInterval().AsDuration(); most > 0 {
			pause = min(pause, most)
		}
	}
	left := time.Duration(a.started.GetActivityTaskStartedEventAttributes().GetAttempt()-attempt) * instant
	if latest := a.started.GetEventTime().AsTime().Add(-left); at.After(latest) {
		return latest
	}
	return at
}

func attemptAttributes(workflowID, runID, activityID, name string, attempt int32) []attribute.KeyValue {
	return []attribute.KeyValue{
		KeyWorkflowID.String(workflowID), KeyRunID.String(runID),
		KeyActivityID.String(activityID), KeyAttempt.Int(int(attempt)), KeyStage.String(name),
	}
}

// parentOf is the span that attempts of an activity hang below, by its header.
func parentOf(header map[string]*commonpb.Payload, namespace, workflowID, runID string) trace.SpanContext {
	if sc := contextOf(header); sc.IsValid() {
		return sc
	}
	// Scheduled by a worker that does not trace.
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: TraceOf(nil, namespace, workflowID, runID)})
}
