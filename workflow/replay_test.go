package workflow_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
	"ordertrace/tracing"
	"ordertrace/workflow"
)

// Orders live for weeks and outlive many versions of this code: each must still
// replay the histories of orders that earlier versions began. They were saved
// from a real server (go test ./deploy/local/e2e -save); add to them, and change
// one only if no such order can still be open.
func TestSavedHistoriesReplay(t *testing.T) {
	files, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	levels, err := lifecycle.LoadLevels("")
	require.NoError(t, err)
	workers := map[string]workflow.Workflow{
		"traced": {Wait: tracing.Wait},
		"traced, with service levels": {
			Wait: tracing.Wait, Levels: levels, Searchable: true,
			Note: func(_ sdk.Context, kind, what string) {
				if kind == "overdue" {
					t.Errorf("%s is overdue, of which nothing was known then", what)
				}
			},
		},
	}
	for _, file := range files {
		for name, w := range workers {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+" "+name, func(t *testing.T) {
				require.NoError(t, replayer(t, w.Order).ReplayWorkflowHistoryFromJSONFile(nil, file))
			})
		}
	}
}

// A change that would harm open orders is found.
func TestReplayFindsAChangedWorkflow(t *testing.T) {
	changed := func(ctx sdk.Context, in workflow.Input) (workflow.Result, error) {
		if err := sdk.Sleep(ctx, 1); err != nil {
			return workflow.Result{}, err
		}
		return workflow.Workflow{}.Order(ctx, in)
	}
	require.Error(t, replayer(t, changed).ReplayWorkflowHistoryFromJSONFile(nil, "testdata/histories/closed.json"))
}

// replayer replays as a worker would: with the tracing interceptor.
func replayer(t *testing.T, order any) worker.WorkflowReplayer {
	t.Helper()
	traced, err := tracing.NewInterceptor(tracing.Options{Process: noop.NewTracerProvider()})
	require.NoError(t, err)
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{Interceptors: []interceptor.WorkerInterceptor{traced}})
	require.NoError(t, err)
	r.RegisterWorkflowWithOptions(order, sdk.RegisterOptions{Name: workflow.Name})
	return r
}
