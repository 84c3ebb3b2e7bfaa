package tracing

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// attempts is what a process tells of one activity STEP, run alone under a
// header.
func attempts(t *testing.T, header map[string]*commonpb.Payload, step func(context.Context) error) tracetest.SpanStubs {
	p := newProcess(t)
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{p.interceptor}})
	env.SetHeader(&commonpb.Header{Fields: header})
	env.RegisterActivityWithOptions(step, activity.RegisterOptions{Name: "STEP"})
	_, _ = env.ExecuteActivity("STEP") // its error is the span's
	return p.told(t)
}

func TestAttemptIsToldAsItEnded(t *testing.T) {
	tests := map[string]struct {
		step      func(context.Context) error
		status    codes.Code
		errorType string
	}{
		"well":                 {func(context.Context) error { return nil }, codes.Unset, ""},
		"an error with a type": {func(context.Context) error { return temporal.NewApplicationError(secret, "retry") }, codes.Error, "retry"},
		"an error without one": {func(context.Context) error { return errors.New(secret) }, codes.Error, "error"},
		"a timeout":            {func(context.Context) error { return temporal.NewHeartbeatTimeoutError(secret) }, codes.Error, "timeout Heartbeat"},
		"cancelled":            {func(context.Context) error { return temporal.NewCanceledError(secret) }, codes.Unset, "cancelled"},
		"a panic":              {func(context.Context) error { panic(secret) }, codes.Error, "panic"},
		"left to be completed": {func(context.Context) error { return activity.ErrResultPending }, codes.Unset, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			spans := attempts(t, headerOf(t, starter), tc.step)
			s := named(t, spans, "STEP")
			require.Equal(t, tc.status, s.Status.Code)
			require.Equal(t, tc.errorType, attributeOf(s, KeyErrorType))
			require.Equal(t, "STEP", attributeOf(s, KeyStage))
			require.Equal(t, starter.TraceID(), s.SpanContext.TraceID())
			require.Equal(t, starter.SpanID(), s.Parent.SpanID())
			requireNoSecret(t, spans)
		})
	}
}

func TestAttemptWithoutAHeaderIsStillInATrace(t *testing.T) {
	var info activity.Info
	spans := attempts(t, nil, func(ctx context.Context) error { info = activity.GetInfo(ctx); return nil })
	s := named(t, spans, "STEP")
	require.Equal(t, TraceOf(nil, info.Namespace, info.WorkflowExecution.ID, info.WorkflowExecution.RunID), s.SpanContext.TraceID())
	require.Equal(t, attemptID(info.WorkflowExecution.RunID, info.ActivityID, info.Attempt), s.SpanContext.SpanID())
	require.False(t, s.Parent.SpanID().IsValid())
}

func TestCallsBelowAnAttemptHaveIDsOfTheirOwn(t *testing.T) {
	below := func(ctx context.Context) error {
		tracer := trace.SpanFromContext(ctx).TracerProvider().Tracer(ScopeName)
		for range 2 {
			_, s := tracer.Start(ctx, "call")
			s.End()
		}
		return nil
	}
	spans := attempts(t, headerOf(t, starter), below)
	step, seen := named(t, spans, "STEP"), map[trace.SpanID]bool{}
	for _, s := range spans {
		seen[s.SpanContext.SpanID()] = true
		require.Equal(t, starter.TraceID(), s.SpanContext.TraceID())
		if s.Name == "call" {
			require.Equal(t, step.SpanContext.SpanID(), s.Parent.SpanID())
		}
	}
	require.Len(t, seen, 3)
}

// live runs a workflow in the SDK's test environment, which has no history but
// runs activities.
func live(t *testing.T, header map[string]*commonpb.Payload, flow func(workflow.Context) error, with func(*testsuite.TestWorkflowEnvironment)) tracetest.SpanStubs {
	p := newProcess(t)
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(silent{})
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(10 * time.Second)
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{p.interceptor}})
	env.SetHeader(&commonpb.Header{Fields: header})
	env.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: workflowType})
	with(env)
	env.ExecuteWorkflow(workflowType)
	require.True(t, env.IsWorkflowCompleted())
	return p.told(t)
}

func TestEachAttemptIsASpanBelowTheAnchor(t *testing.T) {
	flow := func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return workflow.ExecuteActivity(ctx, "STEP").Get(ctx, nil)
	}
	spans := live(t, headerOf(t, starter), flow, func(env *testsuite.TestWorkflowEnvironment) {
		step := func(ctx context.Context) error {
			if activity.GetInfo(ctx).Attempt < 3 {
				return errors.New(secret)
			}
			return nil
		}
		env.RegisterActivityWithOptions(step, activity.RegisterOptions{Name: "STEP"})
	})
	anchor := named(t, spans, "RunWorkflow:Journey")
	ended := map[int64]codes.Code{}
	for _, s := range spans {
		if s.Name != "STEP" {
			continue
		}
		require.Equal(t, anchor.SpanContext.SpanID(), s.Parent.SpanID())
		require.Equal(t, starter.TraceID(), s.SpanContext.TraceID())
		for _, a := range s.Attributes {
			if a.Key == KeyAttempt {
				ended[a.Value.AsInt64()] = s.Status.Code
			}
		}
	}
	require.Equal(t, map[int64]codes.Code{1: codes.Error, 2: codes.Error, 3: codes.Unset}, ended)
	requireNoSecret(t, spans)
}

func TestQueriesAddNothing(t *testing.T) {
	spans := live(t, headerOf(t, starter), journey(well), func(env *testsuite.TestWorkflowEnvironment) {
		ask := func() {
			_, err := env.QueryWorkflow("status")
			require.NoError(t, err)
		}
		env.RegisterDelayedCallback(ask, time.Minute)
		env.RegisterDelayedCallback(ask, 2*time.Minute)
		env.RegisterDelayedCallback(func() { env.SignalWorkflow("go", nil) }, time.Hour)
	})
	require.ElementsMatch(t, []string{"RunWorkflow:Journey", "signal go", "await GATE", "Journey closed"}, names(spans))
}
