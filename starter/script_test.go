package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.opentelemetry.io/otel/trace"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/crm"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"starter": main}) }

// The scripts read as the program's manual for what needs no server. Every server
// is at an address where nobody listens.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			nobody, err := closedAddress()
			if err != nil {
				return err
			}
			env.Setenv("TEMPORAL_ADDRESS", nobody)
			env.Setenv("SHOP_URL", "http://"+nobody)
			env.Setenv("CRM_URL", "http://"+nobody)
			env.Setenv("JAEGER_UI_URL", "http://"+nobody)
			env.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+nobody)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "temporal": temporalUp, "crm": crmUp},
	})
}

// exits runs a program that must end with an exit code: exits CODE PROGRAM ARG…
func exits(ts *testscript.TestScript, _ bool, args []string) {
	begun := time.Now()
	err := ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	if !errors.As(err, &ended) || strconv.Itoa(ended.ExitCode()) != args[0] {
		ts.Fatalf("want exit code %s, got %v", args[0], err)
	}
	if took := time.Since(begun); took > flushTimeout+2*time.Second {
		ts.Fatalf("it took %v", took)
	}
}

// temporalUp starts a Temporal whose orders refuse everything.
func temporalUp(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, refusing{})
	go func() { _ = server.Serve(l) }()
	ts.Defer(server.Stop)
	ts.Setenv("TEMPORAL_ADDRESS", l.Addr().String())
}

// refusing knows the orders that refuse, each with a code that is its number.
type refusing struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (refusing) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

func (refusing) UpdateWorkflowExecution(_ context.Context, r *workflowservice.UpdateWorkflowExecutionRequest) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
	order := r.GetWorkflowExecution().GetWorkflowId()
	if order == "unknown" {
		return nil, serviceerror.ToStatus(serviceerror.NewNotFound("no rows in result set")).Err()
	}
	e := &lifecycle.Error{
		Remedy: lifecycle.LookUp, Code: order,
		Detail: r.GetRequest().GetInput().GetName() + " " + string(r.GetRequest().GetInput().GetArgs().GetPayloads()[0].GetData()),
	}
	failure := temporal.GetDefaultFailureConverter().ErrorToFailure(
		temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Remedy), temporal.ApplicationErrorOptions{Details: []any{e}}))
	return &workflowservice.UpdateWorkflowExecutionResponse{
		Stage:     enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED,
		Outcome:   &updatepb.Outcome{Value: &updatepb.Outcome_Failure{Failure: failure}},
		UpdateRef: &updatepb.UpdateRef{WorkflowExecution: r.GetWorkflowExecution(), UpdateId: r.GetRequest().GetMeta().GetUpdateId()},
	}, nil
}

func (refusing) QueryWorkflow(context.Context, *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
	return nil, serviceerror.ToStatus(serviceerror.NewNotFound("no rows in result set")).Err()
}

func (refusing) SignalWorkflowExecution(context.Context, *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	return nil, serviceerror.ToStatus(serviceerror.NewNotFound("no rows in result set")).Err()
}

// crmUp starts a CRM with an empty database, to which one order is known: ord-1.
func crmUp(ts *testscript.TestScript, _ bool, _ []string) {
	s, err := crm.New(context.Background(), crm.Config{DSN: "sqlite:" + ts.MkAbs("crm.db"), JaegerUI: "http://jaeger.example"})
	ts.Check(err)
	mux := http.NewServeMux()
	s.People(mux, api.People{Orders: oneOrder{}})
	server := httptest.NewServer(mux)
	ts.Defer(func() {
		server.Close()
		ts.Check(s.Close())
	})
	ts.Setenv("CRM_URL", server.URL)
}

type oneOrder struct{ api.Orders }

var itsTrace = trace.TraceID{15: 1}

func (oneOrder) Anchor(_ context.Context, order string) (trace.SpanContext, error) {
	if order != "ord-1" {
		return trace.SpanContext{}, &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: itsTrace, SpanID: trace.SpanID{7: 1}}), nil
}

func (oneOrder) OfTrace(_ context.Context, id trace.TraceID) (string, error) {
	if id != itsTrace {
		return "", &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound}
	}
	return "ord-1", nil
}

func (oneOrder) Status(_ context.Context, order string) (lifecycle.Status, error) {
	return lifecycle.Status{OrderID: order, Passing: lifecycle.Packaging}, nil
}

func (oneOrder) URL(order string) string { return "http://temporal.example/" + order }

// closedAddress is one where nobody listens.
func closedAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
