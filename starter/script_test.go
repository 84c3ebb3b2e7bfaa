package main

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
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
			env.Setenv("JAEGER_UI_URL", "http://"+nobody)
			env.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+nobody)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "temporal": temporalUp},
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

// temporalUp starts a Temporal that says that it is there, and nothing else.
func temporalUp(ts *testscript.TestScript, _ bool, _ []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(server, there{})
	go func() { _ = server.Serve(l) }()
	ts.Defer(server.Stop)
	ts.Setenv("TEMPORAL_ADDRESS", l.Addr().String())
}

type there struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (there) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

// closedAddress is one where nobody listens.
func closedAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
