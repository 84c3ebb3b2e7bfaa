// Package e2e plays orders through the real thing: the programs as users run
// them, a real Temporal with its web UI, a real Jaeger, and a real browser.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"

	"ordertrace/deploy/local/stack"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/tracing/jaeger"
	"ordertrace/workflow"
)

const (
	root = "../../.."
	ring = "deploy/local/samples/ring.stl" // from the root
)

// rig is the stack that all tests of this package share, and what they need
// to use it.
type rig struct {
	*stack.Stack
	bin      string
	temporal client.Client
	jaeger   *jaeger.Client
	models   *gate // between the MES and the shop's models
}

var shared *rig

func TestMain(m *testing.M) {
	if variant := os.Getenv(workerEnv); variant != "" {
		if err := serveBench(variant); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "ordertrace-e2e")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "bin")
	if err := build(bin); err != nil {
		return 1, err
	}
	r, err := newRig(context.Background(), bin, filepath.Join(dir, "state"), nil)
	if err != nil {
		return 1, err
	}
	shared = r
	code = m.Run()
	if code != 0 {
		printLogs(r)
	}
	return code, errors.Join(err, r.close())
}

func build(bin string) error {
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	programs := exec.Command("go", "build", "-o", bin, "./workers/shop", "./workers/crm", "./workers/mes", "./starter", "./deploy/local")
	programs.Dir = root
	if out, err := programs.CombinedOutput(); err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	return nil
}

// newRig starts everything on free ports. env is added to every worker's
// environment.
func newRig(ctx context.Context, bin, state string, env []string) (*rig, error) {
	r := &rig{bin: bin}
	ports, err := stack.FreePorts()
	if err != nil {
		return nil, err
	}
	if r.models, err = newGate(fmt.Sprintf("http://127.0.0.1:%d", ports.Shop)); err != nil {
		return nil, err
	}
	r.Stack, err = stack.Start(ctx, stack.Config{
		Root: root, StateDir: state, BinDir: r.bin, Ports: ports, Progress: os.Stderr,
		WorkerEnv: map[string][]string{"shop": append([]string{"AUDIT_INTERVAL=0"}, env...), "crm": env, "mes": append([]string{"SHOP_URL=" + r.models.URL()}, env...)},
	})
	if err != nil {
		return nil, err
	}
	r.sign()
	r.jaeger = jaeger.NewClient(r.JaegerURL(), r.TraceViewer())
	return r, r.connect()
}

// connect makes a Temporal client with the keys that there are now.
func (r *rig) connect() error {
	keys, err := r.PayloadKeys()
	if err != nil {
		return err
	}
	convert := keys.ForClient()
	r.temporal, err = client.Dial(client.Options{
		HostPort: r.TemporalAddress(), DataConverter: convert.Data, FailureConverter: convert.Failure,
	})
	return err
}

// another starts a stack beside the shared one, for tests that need other
// settings of the workers.
func another(t testing.TB, env ...string) *rig {
	t.Helper()
	r, err := newRig(context.Background(), shared.bin, t.TempDir(), env)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			printLogs(r)
		}
		require.NoError(t, r.close())
	})
	return r
}

func (r *rig) close() error {
	r.temporal.Close()
	r.models.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return r.Stop(ctx)
}

// printLogs shows the ends of the processes' logs after a failure.
func printLogs(r *rig) {
	for _, name := range []string{"shop", "crm", "mes", "temporal", "jaeger"} {
		log, _ := os.ReadFile(r.LogFile(name))
		fmt.Fprintf(os.Stderr, "--- %s\n%s\n", name, log[max(0, len(log)-3000):])
	}
}

// starter runs bin/starter as at a terminal.
func (r *rig) starter(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out, errOut bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(r.bin, "starter"), args...)
	cmd.Env, cmd.Dir = append(os.Environ(), r.Env()...), root
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("starter %v: %w:\n%s%s", args, err, out.String(), errOut.String())
	}
	return out.String(), err
}

func (r *rig) mustStarter(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.starter(t, args...)
	require.NoError(t, err)
	return out
}

// order is what `starter order --json` answers.
type order struct {
	ID          string `json:"order_id"`
	Run         string `json:"run_id"`
	Trace       string `json:"trace_id"`
	JaegerURL   string `json:"jaeger_url"`
	TemporalURL string `json:"temporal_url"`
}

func (r *rig) start(t *testing.T, more ...string) order {
	t.Helper()
	var o order
	out := r.mustStarter(t, append([]string{"order", "--model", ring, "--json"}, more...)...)
	require.NoError(t, json.Unmarshal([]byte(out), &o))
	return o
}

// until waits until the order waits for a stage, has passed it, or, with "end",
// has ended.
func (r *rig) until(t *testing.T, id, stage string) lifecycle.Status {
	t.Helper()
	var s lifecycle.Status
	require.NoError(t, json.Unmarshal([]byte(r.mustStarter(t, "show", id, "--until", stage, "--json")), &s))
	return s
}

// waits waits until the order stands at a stage's gate.
func (r *rig) waits(t *testing.T, id string, stage lifecycle.Stage) lifecycle.Status {
	t.Helper()
	var s lifecycle.Status
	require.Eventually(t, func() bool {
		answer, err := r.temporal.QueryWorkflow(t.Context(), id, "", workflow.QueryStatus)
		return err == nil && answer.Get(&s) == nil && s.Waiting != nil && s.Waiting.Stage == stage
	}, patience, 50*time.Millisecond, "order %s never waited for %s", id, stage)
	return s
}

func (r *rig) spans(t *testing.T, o order) []jaeger.Span {
	t.Helper()
	id, err := trace.TraceIDFromHex(o.Trace)
	require.NoError(t, err)
	spans, err := r.jaeger.Trace(t.Context(), id)
	if !errors.Is(err, jaeger.ErrNotFound) {
		require.NoError(t, err)
	}
	return spans
}

// tracesOf finds every trace with a span of ours that names the order.
func (r *rig) tracesOf(t testing.TB, id string) [][]jaeger.Span {
	t.Helper()
	return r.tracesAt(t, id, "order", "shop", "crm", "mes", "starter")
}

// tracesAt finds every trace with a span of some services that names the order.
func (r *rig) tracesAt(t testing.TB, id string, services ...string) [][]jaeger.Span {
	t.Helper()
	byID := map[string][]jaeger.Span{}
	for _, service := range services {
		found, err := r.jaeger.Find(t.Context(), service, "temporalWorkflowID", id)
		require.NoError(t, err)
		for _, spans := range found {
			byID[spans[0].Trace] = spans
		}
	}
	var out [][]jaeger.Span
	for _, spans := range byID {
		out = append(out, spans)
	}
	return out
}

// requireClosedEverywhere requires that the order is CLOSED once, in Temporal
// and in all three databases, with each stage recorded once.
func (r *rig) requireClosedEverywhere(t *testing.T, id string) {
	t.Helper()
	require.NoError(t, r.temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
	for system, o := range r.requireOutcome(t, id, lifecycle.OutcomeClosed) {
		var stages []lifecycle.Stage
		for _, s := range o.Stages {
			stages = append(stages, s.Stage)
		}
		require.Equal(t, lifecycle.Owned(system), stages, system)
	}
}

// requireOutcome requires that all three databases say how the order ended.
func (r *rig) requireOutcome(t *testing.T, id string, outcome lifecycle.Outcome) map[lifecycle.System]api.Order {
	t.Helper()
	orders := map[lifecycle.System]api.Order{}
	for system, url := range map[lifecycle.System]string{
		lifecycle.Shop: r.ShopURL(), lifecycle.CRM: r.CRMURL(), lifecycle.MES: r.MESURL(),
	} {
		o, err := api.NewClient(url).Order(t.Context(), id)
		require.NoError(t, err, system)
		require.Equal(t, outcome, o.Outcome, system)
		orders[system] = o
	}
	return orders
}

const patience = 60 * time.Second

// requireWhole waits until the order's trace has all ten stages and its outcome,
// and requires that it is one, whole, and once.
func (r *rig) requireWhole(t *testing.T, o order) []jaeger.Span {
	t.Helper()
	require.Eventually(t, func() bool {
		names := count(r.spans(t, o))
		for _, stage := range lifecycle.StageNames() {
			if names[string(stage)] == 0 {
				return false
			}
		}
		return names["Order closed"] > 0
	}, patience, 100*time.Millisecond, "the trace of %s never came in full", o.ID)
	var report jaeger.Report
	require.Eventually(t, func() bool {
		report = jaeger.Examine(r.tracesOf(t, o.ID)...)
		return report.Whole()
	}, 10*time.Second, 200*time.Millisecond, "order %s: %v", o.ID, &report)
	return r.spans(t, o)
}

func count(spans []jaeger.Span) map[string]int {
	names := map[string]int{}
	for _, s := range spans {
		names[s.Name]++
	}
	return names
}
