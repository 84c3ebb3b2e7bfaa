package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"ordertrace/deploy/local/stack"
	"ordertrace/tracing/jaeger"
)

const (
	deployment = "default/ordertrace-shop" // as the worker controller names it: NAMESPACE/NAME
	patience   = 60 * time.Second
)

// An order that is open while the shop is rolled out moves on to each new version,
// and its trace stays one and whole: from workers that have no version, to v1, to
// v2. A version gets nothing before it is current.
func TestAnOpenOrderIsTakenOverByTheCurrentVersion(t *testing.T) {
	r := newRollout(t)
	id := r.order(t)
	require.Equal(t, []string{"unversioned"}, r.versions(t, id))

	r.startShop(t, "v1")
	r.setCurrent(t, "v1")
	r.starter(t, "show", id, "--until", "CLOSED") // a query: it moves nothing
	begunByV1 := r.order(t)
	require.Equal(t, []string{"v1"}, r.versions(t, begunByV1))

	r.startShop(t, "v2")
	r.polls(t, "v2")
	second := r.order(t)
	require.Equal(t, []string{"v1"}, r.versions(t, second), "v2 is not current yet")
	r.setCurrent(t, "v2")
	for order, by := range map[string][]string{
		id:        {"unversioned", "v2"},
		begunByV1: {"v1", "v2"},
		second:    {"v1", "v2"},
	} {
		r.starter(t, "close", order, "--by", "carrier")
		require.NoError(t, r.temporal.GetWorkflow(t.Context(), order, "").Get(t.Context(), nil))
		require.Equal(t, by, r.versions(t, order))
		r.requireWhole(t, order)
	}
}

// A version that turns out bad is left by naming the one before.
func TestAnOpenOrderGoesBackToTheVersionBefore(t *testing.T) {
	r := newRollout(t)
	r.startShop(t, "v1")
	r.setCurrent(t, "v1")
	r.startShop(t, "v2")
	r.setCurrent(t, "v2")
	id := r.order(t)
	r.setCurrent(t, "v1")
	r.starter(t, "close", id, "--by", "carrier")
	require.NoError(t, r.temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	require.Equal(t, []string{"v2", "v1"}, r.versions(t, id))
	r.requireWhole(t, id)
}

// rollout is the embedded stack, whose own shop is the worker that has no version.
type rollout struct {
	*stack.Stack
	temporal client.Client
	jaeger   *jaeger.Client
}

func newRollout(t *testing.T) *rollout {
	t.Helper()
	ports, err := stack.FreePorts()
	require.NoError(t, err)
	s, err := stack.Start(t.Context(), stack.Config{Root: root, StateDir: t.TempDir(), BinDir: bin, Ports: ports, Progress: os.Stderr})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	c, err := client.Dial(client.Options{HostPort: s.TemporalAddress()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return &rollout{Stack: s, temporal: c, jaeger: jaeger.NewClient(s.JaegerURL(), s.TraceViewer())}
}

// startShop runs a versioned worker of the queue shop, with the variables that the
// worker controller gives it.
func (r *rollout) startShop(t *testing.T, version string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), version+".log"))
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(bin, "shop"), "--addr", "127.0.0.1:0")
	cmd.Env = append(append(os.Environ(), r.Env()...),
		"TEMPORAL_DEPLOYMENT_NAME="+deployment, "TEMPORAL_WORKER_BUILD_ID="+version,
		"CODEC_ADDR=127.0.0.1:0", "API_TOKENS_FILE="+filepath.Join(r.StateDir(), "access", "callers"))
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		err := cmd.Wait()
		words, _ := os.ReadFile(log.Name())
		require.NoError(t, err, "%s", words)
		require.NoError(t, log.Close())
	})
}

// polls waits until Temporal knows the version: a worker of it has asked for work.
func (r *rollout) polls(t *testing.T, version string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := r.handle().DescribeVersion(t.Context(), client.WorkerDeploymentDescribeVersionOptions{BuildID: version})
		return err == nil
	}, patience, 100*time.Millisecond, "no worker of %s came", version)
}

// setCurrent makes the version the one that orders go to, as the worker controller
// and `temporal worker deployment set-current-version` do.
func (r *rollout) setCurrent(t *testing.T, version string) {
	t.Helper()
	r.polls(t, version)
	var err error
	require.Eventually(t, func() bool {
		_, err = r.handle().SetCurrentVersion(t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: version})
		return err == nil
	}, patience, 100*time.Millisecond, "%v", &err)
	require.Eventually(t, func() bool { // the queues learn of it one after another
		d, err := r.temporal.WorkflowService().DescribeWorkerDeployment(t.Context(), &workflowservice.DescribeWorkerDeploymentRequest{
			Namespace: stack.Namespace, DeploymentName: deployment,
		})
		return err == nil && d.GetWorkerDeploymentInfo().GetRoutingConfigUpdateState() != enumspb.ROUTING_CONFIG_UPDATE_STATE_IN_PROGRESS
	}, patience, 50*time.Millisecond)
}

func (r *rollout) handle() client.WorkerDeploymentHandle {
	return r.temporal.WorkerDeploymentClient().GetHandle(deployment)
}

// order starts an order that waits for its close.
func (r *rollout) order(t *testing.T) string {
	t.Helper()
	var o struct {
		ID string `json:"order_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.starter(t, "order", "--model", "deploy/local/samples/ring.stl", "--json")), &o))
	r.starter(t, "show", o.ID, "--until", "CLOSED")
	return o.ID
}

// starter runs bin/starter as at a terminal, in the repository's root.
func (r *rollout) starter(t *testing.T, args ...string) (stdout string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "starter"), args...)
	var out, errOut bytes.Buffer
	cmd.Env, cmd.Dir = append(os.Environ(), r.Env()...), root
	cmd.Stdout, cmd.Stderr = &out, &errOut
	require.NoError(t, cmd.Run(), "starter %v\n%s%s", args, &out, &errOut)
	return out.String()
}

// versions are those that have decided something in the order, in their order.
func (r *rollout) versions(t *testing.T, order string) []string {
	t.Helper()
	var versions []string
	events := r.temporal.GetWorkflowHistory(t.Context(), order, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		if task := event.GetWorkflowTaskCompletedEventAttributes(); task != nil {
			versions = append(versions, versionOf(task))
		}
	}
	return slices.Compact(versions)
}

func versionOf(task *historypb.WorkflowTaskCompletedEventAttributes) string {
	if v := task.GetDeploymentVersion(); v != nil {
		return v.GetBuildId()
	}
	return "unversioned"
}

// requireWhole requires that the order's trace comes in full, as one.
func (r *rollout) requireWhole(t *testing.T, order string) {
	t.Helper()
	var report jaeger.Report
	require.Eventually(t, func() bool {
		traces := map[string][]jaeger.Span{}
		closed := false
		for _, service := range []string{"order", "shop", "crm", "mes", "starter"} {
			found, err := r.jaeger.Find(t.Context(), service, "temporalWorkflowID", order)
			require.NoError(t, err)
			for _, spans := range found {
				traces[spans[0].Trace] = spans
				closed = closed || slices.ContainsFunc(spans, func(s jaeger.Span) bool { return s.Name == "Order closed" })
			}
		}
		var all [][]jaeger.Span
		for _, spans := range traces {
			all = append(all, spans)
		}
		report = jaeger.Examine(all...)
		return closed && report.Whole()
	}, patience, 250*time.Millisecond, "order %s: %v", order, &report)
}
