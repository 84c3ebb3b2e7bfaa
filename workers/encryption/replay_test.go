package encryption_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace/noop"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	"ordertrace/tracing"
	"ordertrace/workers/encryption"
	"ordertrace/workflow"
)

// Orders that were begun before there were keys go on, and so do encrypted ones,
// under a worker that has the key. Under one that has not, nothing of an order is
// read, so nothing of it is decided.
func TestOrdersReplayUnderTheirKeys(t *testing.T) {
	line := encryption.NewKey("a")
	ours, err := encryption.ParseKeys(line)
	require.NoError(t, err)
	rotated, err := encryption.ParseKeys(encryption.NewKey("b") + "\n" + line)
	require.NoError(t, err)
	others, err := encryption.ParseKeys(encryption.NewKey("c"))
	require.NoError(t, err)
	files, err := filepath.Glob("../../workflow/testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			require.NoError(t, replay(t, ours, load(t, file)), "plain")
			secret := load(t, file)
			require.Positive(t, encrypt(t, ours, secret))
			require.NoError(t, replay(t, ours, secret))
			require.NoError(t, replay(t, rotated, secret))
			for name, without := range map[string]encryption.Keys{"another key": others, "no key": {}} {
				require.ErrorContains(t, replay(t, without, secret), `encrypted with the key "a", which is not here`, name)
			}
		})
	}
}

func load(t *testing.T, file string) *historypb.History {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var h historypb.History
	require.NoError(t, temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}.Unmarshal(b, &h))
	return &h
}

// encrypt encrypts a history as if its order had been encrypted all along, and
// tells how many payloads it has. Headers are never encrypted.
func encrypt(t *testing.T, keys encryption.Keys, h *historypb.History) (payloads int) {
	t.Helper()
	require.NoError(t, proxy.VisitPayloads(t.Context(), h, proxy.VisitPayloadsOptions{
		SkipSearchAttributes: true,
		Visitor: func(ctx *proxy.VisitPayloadsContext, p []*commonpb.Payload) ([]*commonpb.Payload, error) {
			if _, header := ctx.Parent.(*commonpb.Header); header {
				return p, nil
			}
			payloads += len(p)
			return keys.Codec().Encode(p)
		},
	}))
	return payloads
}

// replay replays an order as a worker with these keys would.
func replay(t *testing.T, keys encryption.Keys, h *historypb.History) error {
	t.Helper()
	traced, err := tracing.NewInterceptor(tracing.Options{Process: noop.NewTracerProvider()})
	require.NoError(t, err)
	convert := keys.ForWorker()
	r, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: convert.Data, FailureConverter: convert.Failure, Interceptors: []interceptor.WorkerInterceptor{traced},
	})
	require.NoError(t, err)
	r.RegisterWorkflowWithOptions(workflow.Workflow{Wait: tracing.Wait}.Order, sdk.RegisterOptions{Name: workflow.Name})
	return r.ReplayWorkflowHistory(nil, h)
}
