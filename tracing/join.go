package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"
	enumspb "go.temporal.io/api/enums/v1"
)

// Anchor reads which span all that happens to a workflow hangs below, and so its
// trace, from the first event of its history.
func (c Connection) Anchor(ctx context.Context, workflowID string) (trace.SpanContext, error) {
	event, err := c.GetWorkflowHistory(ctx, workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
	if err != nil {
		return trace.SpanContext{}, err
	}
	start := event.GetWorkflowExecutionStartedEventAttributes()
	first := start.GetFirstExecutionRunId()
	return remote(TraceOf(start.GetHeader().GetFields(), c.Namespace, workflowID, first), anchorID(first)), nil
}

// joinTimeout is how long Join may hold its caller up.
const joinTimeout = 2 * time.Second

// Join makes what is done under ctx a part of a workflow's trace, below its
// anchor. If the workflow cannot be read in two seconds, ctx comes back as it is.
func (c Connection) Join(ctx context.Context, workflowID string) context.Context {
	reading, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	anchor, err := c.Anchor(reading, workflowID)
	if err != nil {
		return ctx
	}
	return trace.ContextWithRemoteSpanContext(ctx, anchor)
}
