package audits

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ordertrace/tracing"
	"ordertrace/tracing/audit"
	"ordertrace/tracing/jaeger"
)

// shelf is as much of a Temporal as an audit needs: three pages of two closed
// orders each, whose histories are gone.
type shelf struct {
	workflowservice.UnimplementedWorkflowServiceServer
	asked   []string // the pages
	queries []string
}

func (s *shelf) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (s *shelf) ListWorkflowExecutions(_ context.Context, in *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	page := string(in.NextPageToken)
	s.asked, s.queries = append(s.asked, page), append(s.queries, in.Query)
	next := map[string]string{"": "second", "second": "third"}[page]
	out := &workflowservice.ListWorkflowExecutionsResponse{NextPageToken: []byte(next)}
	for i := range 2 {
		out.Executions = append(out.Executions, &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: fmt.Sprintf("%s-%d", page, i), RunId: "r"}, CloseTime: timestamppb.Now(),
		})
	}
	return out, nil
}

func (s *shelf) DescribeWorkflowExecution(context.Context, *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return nil, serviceerror.ToStatus(serviceerror.NewNotFound("gone")).Err()
}

func (s *shelf) audits(t *testing.T) Audits {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(g, s)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	t.Setenv("TEMPORAL_ADDRESS", l.Addr().String())
	c, err := tracing.Dial(t.Context(), tracing.Options{Process: noop.NewTracerProvider()})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close(); g.Stop(); require.NoError(t, <-served) })
	return Audits{Type: "Order", Auditor: audit.Auditor{Temporal: c, Jaeger: nobody{}}, Config: Config{Settled: time.Minute}}
}

type nobody struct{}

func (nobody) Trace(context.Context, trace.TraceID) ([]jaeger.Span, error) {
	return nil, jaeger.ErrNotFound
}

// An attempt goes on at the page where the one before it stood.
func TestAnAuditIsResumed(t *testing.T) {
	tests := map[string]struct {
		before *progress
		pages  []string
		looked int
	}{
		"the first attempt":            {nil, []string{"", "second", "third"}, 6},
		"after one that stood in page": {&progress{Page: []byte("second"), Summary: audit.Summary{Looked: 2, NotWhole: 2}}, []string{"second", "third"}, 6},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := &shelf{}
			a := s.audits(t)
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.RegisterActivity(a.audit)
			if tc.before != nil {
				env.SetHeartbeatDetails(*tc.before)
			}
			out, err := env.ExecuteActivity(a.audit, time.Time{})
			require.NoError(t, err)
			var sum audit.Summary
			require.NoError(t, out.Get(&sum))
			require.Equal(t, tc.pages, s.asked)
			require.Equal(t, tc.looked, sum.Looked)
			require.Equal(t, tc.looked, sum.NotWhole, "whose history is gone")
			require.Contains(t, sum.Unrepairable["third-1"], audit.ErrNoHistory.Error())
		})
	}
}

// An audit looks at what has moved since the last one that came to its end, and a
// little before.
func TestAnAuditGoesOnFromTheLastOne(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	a := Audits{Config: Config{Settled: time.Minute}}
	env.RegisterWorkflow(a.auditTraces)
	until := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	env.SetLastCompletionResult(Result{Until: until})
	env.RegisterActivityWithOptions(func(_ context.Context, since time.Time) (audit.Summary, error) {
		if !since.Equal(until) {
			return audit.Summary{}, errors.New("since another time")
		}
		return audit.Summary{Looked: 3, Whole: 3}, nil
	}, activity.RegisterOptions{Name: auditOrders})
	now := until.Add(10 * time.Minute)
	env.SetStartTime(now)
	env.ExecuteWorkflow(a.auditTraces)
	var r Result
	require.NoError(t, env.GetWorkflowResult(&r))
	require.Equal(t, Result{Until: now, Summary: audit.Summary{Looked: 3, Whole: 3}}, r)

	s := &shelf{}
	b := s.audits(t)
	activities := suite.NewTestActivityEnvironment()
	activities.RegisterActivity(b.audit)
	_, err := activities.ExecuteActivity(b.audit, until)
	require.NoError(t, err)
	require.Contains(t, s.queries[0], "CloseTime >= \"2026-11-23T11:57:00Z\"")
}
