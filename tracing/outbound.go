package tracing

import (
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// outbound hands the order's anchor to all that the workflow starts.
type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	run *run
}

func (o *outbound) hand(ctx workflow.Context) {
	setContext(interceptor.WorkflowHeader(ctx), o.run.anchor(ctx))
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	o.hand(ctx)
	return o.Next.ExecuteActivity(ctx, activityType, args...)
}

// ExecuteLocalActivity implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) ExecuteLocalActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	o.hand(ctx)
	return o.Next.ExecuteLocalActivity(ctx, activityType, args...)
}

// ExecuteChildWorkflow implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) ExecuteChildWorkflow(ctx workflow.Context, childType string, args ...any) workflow.ChildWorkflowFuture {
	o.hand(ctx)
	return o.Next.ExecuteChildWorkflow(ctx, childType, args...)
}

// SignalExternalWorkflow implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) SignalExternalWorkflow(ctx workflow.Context, workflowID, runID, signal string, arg any) workflow.Future {
	o.hand(ctx)
	return o.Next.SignalExternalWorkflow(ctx, workflowID, runID, signal, arg)
}

// SignalChildWorkflow implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) SignalChildWorkflow(ctx workflow.Context, workflowID, signal string, arg any) workflow.Future {
	o.hand(ctx)
	return o.Next.SignalChildWorkflow(ctx, workflowID, signal, arg)
}

// NewContinueAsNewError implements interceptor.WorkflowOutboundInterceptor. The
// next run gets the start's own context, so that it finds the same trace.
func (o *outbound) NewContinueAsNewError(ctx workflow.Context, wfn any, args ...any) error {
	err := o.Next.NewContinueAsNewError(ctx, wfn, args...)
	if o.run.starter.IsValid() {
		setContext(interceptor.WorkflowHeader(ctx), o.run.starter)
	}
	return err
}
