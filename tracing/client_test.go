package tracing

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"google.golang.org/grpc"
)

// server is as much of a Temporal as a client's calls need: it keeps the header
// of a start, and answers signals with an error.
type server struct {
	workflowservice.UnimplementedWorkflowServiceServer
	err     error
	started trace.SpanContext
}

func (s *server) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (s *server) StartWorkflowExecution(_ context.Context, in *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
	s.started = contextOf(in.GetHeader().GetFields())
	return &workflowservice.StartWorkflowExecutionResponse{RunId: firstRun, Started: true}, nil
}

func (s *server) SignalWorkflowExecution(context.Context, *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	return nil, serviceerror.ToStatus(s.err).Err()
}

// serve starts the server, and returns its address.
func (s *server) serve(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(g, s)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); require.NoError(t, <-served) })
	return l.Addr().String()
}

// dial is a process's client of a server.
func (p process) dial(t *testing.T, s *server) client.Client {
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort: s.serve(t), Logger: silent{}, Interceptors: []interceptor.ClientInterceptor{p.interceptor},
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestClientsCallIsASpanThatTravels(t *testing.T) {
	p := newProcess(t)
	var temporal server
	_, err := p.dial(t, &temporal).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflowID, TaskQueue: "q"}, workflowType)
	require.NoError(t, err)
	s := named(t, p.told(t), "StartWorkflow:"+workflowType)
	require.True(t, s.SpanContext.WithRemote(true).Equal(temporal.started), "the order gets the span as its parent")
}

func TestClientsErrorsKeepTheirWordsOutOfSpans(t *testing.T) {
	tests := map[string]struct {
		err       error
		errorType string
	}{
		"no such order": {serviceerror.NewNotFound(secret), "NotFound"},
		"a wrong call":  {serviceerror.NewInvalidArgument(secret), "InvalidArgument"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t)
			err := p.dial(t, &server{err: tc.err}).SignalWorkflow(t.Context(), workflowID, "", "go", nil)
			require.ErrorContains(t, err, secret, "the caller is told")
			spans := p.told(t)
			s := named(t, spans, "SignalWorkflow:go")
			require.Equal(t, codes.Error, s.Status.Code)
			require.Equal(t, tc.errorType, attributeOf(s, KeyErrorType))
			requireNoSecret(t, spans)
		})
	}
}

func TestDialFollowsTheEnvironment(t *testing.T) {
	p := newProcess(t)
	var temporal server
	t.Setenv("TEMPORAL_ADDRESS", temporal.serve(t))
	c, err := Dial(t.Context(), Options{Process: p.provider, SearchAttribute: true}) // which this server cannot have: no harm
	require.NoError(t, err)
	defer c.Close()
	_, err = c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflowID, TaskQueue: "q"}, workflowType)
	require.NoError(t, err)
	require.True(t, temporal.started.IsValid(), "its calls are traced")
}

func TestDialSaysWhereItLooked(t *testing.T) {
	absent := closedPort(t)
	t.Setenv("TEMPORAL_ADDRESS", absent)
	_, err := Dial(t.Context(), Options{Process: newProcess(t).provider})
	require.ErrorContains(t, err, "temporal at "+absent)
	require.ErrorContains(t, err, "connection refused")
}
