package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"ordertrace/deploy/secrets"
	"ordertrace/lifecycle"
	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
	"ordertrace/workflow"
)

const (
	benchRounds = 9
	benchOrders = 40 // a round
)

// BenchmarkTracing runs the same ten-stage order untraced, on the stock
// interceptor and on ours, each in a worker process of its own, in turns against
// one server. It prints orders per second and CPU per order of the worker
// process, as the medians of the rounds' ratios to the untraced one.
func BenchmarkTracing(b *testing.B) {
	variants := []string{untraced, stock, ours}
	bench := newBench(b, variants...)
	rate, cpu := map[string][]float64{}, map[string][]float64{}
	for range b.N {
		for round := range benchRounds + 1 {
			seconds, used := map[string]float64{}, map[string]float64{}
			for i := range variants {
				v := variants[(i+round)%len(variants)] // nobody is always first
				seconds[v], used[v] = bench.round(b, v)
			}
			if round == 0 {
				continue // warms up
			}
			for _, v := range variants {
				rate[v] = append(rate[v], seconds[untraced]/seconds[v])
				cpu[v] = append(cpu[v], used[v]/used[untraced])
			}
			rate["plain"] = append(rate["plain"], benchOrders/seconds[untraced])
			cpu["plain"] = append(cpu["plain"], 1000*used[untraced]/benchOrders)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(rate["plain"]), "orders/s-untraced")
	b.ReportMetric(median(cpu["plain"]), "ms-cpu/order-untraced")
	for _, v := range []string{stock, ours} {
		b.ReportMetric(median(rate[v]), v+"-rate/untraced")
		b.ReportMetric(median(cpu[v]), v+"-cpu/untraced")
	}
}

// BenchmarkWhole prints what each interceptor leaves of an order's trace, by one
// checker: the table of the trace model.
func BenchmarkWhole(b *testing.B) {
	bench := newBench(b, stock, ours)
	cases := []struct {
		name string
		play func(b *testing.B, variant, id string)
	}{
		{"close from an SDK client", func(b *testing.B, v, id string) {
			bench.order(b, v, id, "b2c")
			require.NoError(b, bench.clients[v].SignalWorkflow(b.Context(), id, "", "close", nil))
			bench.ended(b, v, id)
		}},
		{"close without a header", func(b *testing.B, v, id string) {
			bench.order(b, v, id, "b2c")
			bench.close(b, v, id)
		}},
		{"in flight, waiting for close", func(b *testing.B, v, id string) { bench.order(b, v, id, "b2c") }},
		{"worker killed (kill -9)", func(b *testing.B, v, id string) {
			bench.order(b, v, id, "b2c")
			bench.restart(b, v, syscall.SIGKILL)
			bench.close(b, v, id)
		}},
		{"worker restarted politely", func(b *testing.B, v, id string) {
			bench.order(b, v, id, "b2c")
			bench.restart(b, v, syscall.SIGTERM)
			bench.close(b, v, id)
		}},
		{"retries", func(b *testing.B, v, id string) {
			bench.order(b, v, id, "b2b")
			bench.close(b, v, id)
		}},
		{"terminated", func(b *testing.B, v, id string) {
			bench.order(b, v, id, "b2c")
			require.NoError(b, bench.clients[v].TerminateWorkflow(b.Context(), id, "", "bench"))
		}},
		{"continue-as-new", func(b *testing.B, v, id string) {
			run, err := bench.clients[v].ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflow.TaskQueue}, "Again", 1)
			require.NoError(b, err)
			require.NoError(b, run.Get(b.Context(), nil))
		}},
	}
	for range b.N {
		table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "\ncase\tinterceptor\twhole\ttraces\troots\torphans\tcopies\tattempts told apart\tmarked as errors")
		for _, c := range cases {
			for _, v := range []string{stock, ours} {
				id := fmt.Sprintf("bench-%d", time.Now().UnixNano())
				c.play(b, v, id)
				traces := bench.settled(b, v, id)
				report := jaeger.Examine(traces...)
				fmt.Fprintf(table, "%s\t%s\t%t\t%d\t%d\t%d\t%d\t%d\t%d\n", c.name, v, report.Whole(),
					report.Traces, report.Roots, report.Orphans, report.Copies, attempts(traces), failures(traces))
			}
		}
		require.NoError(b, table.Flush())
	}
	b.ReportMetric(0, "ns/op")
}

// bench is a worker process and a client for each variant, on the shared stack.
type bench struct {
	rig       *rig
	workers   map[string]*benchProcess
	clients   map[string]client.Client
	telemetry tracing.Telemetry
}

func newBench(b *testing.B, variants ...string) *bench {
	b.Helper()
	s := &bench{rig: shared, workers: map[string]*benchProcess{}, clients: map[string]client.Client{}}
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.rig.OTLPEndpoint())
	b.Setenv("OTEL_EXPORTER_OTLP_HEADERS", secrets.OTLPHeaders(s.rig.Sender()))
	for _, v := range variants {
		s.namespace(b, v)
		b.Setenv("TEMPORAL_ADDRESS", s.rig.TemporalAddress())
		b.Setenv("TEMPORAL_NAMESPACE", benchNamespace(v))
		var err error
		s.clients[v], err = benchClient(b.Context(), v, s.rig.TemporalAddress(), &s.telemetry, "bench-client")
		require.NoError(b, err)
		s.workers[v], err = startBench(s.rig, v)
		require.NoError(b, err)
	}
	b.Cleanup(func() {
		for _, v := range variants {
			s.clients[v].Close()
			s.workers[v].end(syscall.SIGTERM)
		}
		_ = s.telemetry.Shutdown(context.Background())
	})
	return s
}

func (s *bench) namespace(b *testing.B, variant string) {
	b.Helper()
	_, err := s.rig.temporal.WorkflowService().RegisterNamespace(b.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: benchNamespace(variant), WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	if err != nil {
		require.ErrorContains(b, err, "already")
	}
	require.Eventually(b, func() bool { // frontends learn of a namespace by and by
		_, err := s.rig.temporal.WorkflowService().GetWorkflowExecutionHistory(b.Context(), &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: benchNamespace(variant)})
		return err != nil && err.Error() != fmt.Sprintf("Namespace %s is not found.", benchNamespace(variant))
	}, patience, 100*time.Millisecond)
}

// round takes a round of orders from start to CLOSED at once, and tells the
// seconds that passed and the CPU seconds that the worker used.
func (s *bench) round(b *testing.B, variant string) (wall, cpu float64) {
	b.Helper()
	before, err := s.workers[variant].cpu()
	require.NoError(b, err)
	began := time.Now()
	var all sync.WaitGroup
	errs := make([]error, benchOrders)
	for i := range benchOrders {
		all.Go(func() {
			id := fmt.Sprintf("bench-%d-%d", began.UnixNano(), i)
			run, err := s.clients[variant].SignalWithStartWorkflow(b.Context(), id, "close", nil,
				client.StartWorkflowOptions{TaskQueue: workflow.TaskQueue}, workflow.Name, benchInput("b2c"))
			if err == nil {
				err = run.Get(b.Context(), nil)
			}
			errs[i] = err
		})
	}
	all.Wait()
	wall = time.Since(began).Seconds()
	for _, err := range errs {
		require.NoError(b, err)
	}
	after, err := s.workers[variant].cpu()
	require.NoError(b, err)
	return wall, (after - before).Seconds()
}

func benchInput(source string) workflow.Input {
	return workflow.Input{Source: source, Material: "silver-925", Model: &lifecycle.Model{Digest: "sha256-bench"}}
}

// order starts an order and waits until it waits for its close.
func (s *bench) order(b *testing.B, variant, id, source string) {
	b.Helper()
	_, err := s.clients[variant].ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: workflow.TaskQueue}, workflow.Name, benchInput(source))
	require.NoError(b, err)
	require.Eventually(b, func() bool {
		answer, err := s.clients[variant].QueryWorkflow(b.Context(), id, "", workflow.QueryStatus)
		var status lifecycle.Status
		return err == nil && answer.Get(&status) == nil && status.Waiting != nil && status.Waiting.Stage == lifecycle.Closed
	}, patience, 50*time.Millisecond)
}

// close sends the close signal as the Temporal UI does, with no header.
func (s *bench) close(b *testing.B, variant, id string) {
	b.Helper()
	_, err := s.rig.temporal.WorkflowService().SignalWorkflowExecution(b.Context(), signalRequest(benchNamespace(variant), id))
	require.NoError(b, err)
	s.ended(b, variant, id)
}

func (s *bench) ended(b *testing.B, variant, id string) {
	b.Helper()
	require.NoError(b, s.clients[variant].GetWorkflow(b.Context(), id, "").Get(b.Context(), nil))
}

func (s *bench) restart(b *testing.B, variant string, how syscall.Signal) {
	b.Helper()
	s.workers[variant].end(how)
	var err error
	s.workers[variant], err = startBench(s.rig, variant)
	require.NoError(b, err)
}

// settled reads an order's traces once nothing is added to them any more.
func (s *bench) settled(b *testing.B, variant, id string) [][]jaeger.Span {
	b.Helper()
	var traces [][]jaeger.Span
	var last jaeger.Report
	same := 0
	require.Eventually(b, func() bool {
		traces = s.rig.tracesAt(b, id, "bench-"+variant, tracing.WorkflowService)
		report := jaeger.Examine(traces...)
		if report == last && report.Spans > 0 {
			same++
		} else {
			same = 0
		}
		last = report
		return same == 8
	}, patience, 250*time.Millisecond)
	return traces
}

// attempts counts the different attempt numbers that spans carry.
func attempts(traces [][]jaeger.Span) int {
	seen := map[string]bool{}
	for _, spans := range traces {
		for _, s := range spans {
			if n := s.Tags["temporalAttempt"]; n != "" {
				seen[n] = true
			}
		}
	}
	return len(seen)
}

func failures(traces [][]jaeger.Span) int {
	n := 0
	for _, spans := range traces {
		for _, s := range spans {
			if s.Failed() {
				n++
			}
		}
	}
	return n
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

func signalRequest(namespace, id string) *workflowservice.SignalWorkflowExecutionRequest {
	return &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: namespace, SignalName: workflow.SignalClose, Identity: "bench",
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
	}
}
