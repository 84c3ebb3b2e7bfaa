package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
	"ordertrace/tracing"
	"ordertrace/workflow"
)

// How an order is traced, in what is measured side by side.
const (
	untraced = "untraced"
	stock    = "stock" // contrib/opentelemetry as it comes
	ours     = "ours"
)

// workerEnv makes this test binary a worker process of the bench: all three
// queues, the real workflow, and stages that do nothing, so that what differs
// between two of them is the tracing alone.
const workerEnv = "ORDERTRACE_BENCH_WORKER"

// benchNamespace keeps the bench's orders from the stack's own workers.
func benchNamespace(variant string) string { return "bench-" + variant }

// benchClient is a client of a variant, with its interceptor. Ours reads
// Temporal's own variables.
func benchClient(ctx context.Context, variant, address string, t *tracing.Telemetry, service string) (client.Client, error) {
	options := client.Options{HostPort: address, Namespace: benchNamespace(variant), Logger: quiet{}}
	var process, own trace.TracerProvider = noop.NewTracerProvider(), noop.NewTracerProvider()
	if variant != untraced {
		var err error
		if process, err = t.Service(ctx, service); err != nil {
			return nil, err
		}
		if own, err = t.Service(ctx, tracing.WorkflowService); err != nil {
			return nil, err
		}
	}
	switch variant {
	case stock:
		traced, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
			Tracer:              process.Tracer("stock"),
			DisableQueryTracing: true, // each of the bench's own queries would be a trace
		})
		if err != nil {
			return nil, err
		}
		options.Interceptors = []interceptor.ClientInterceptor{traced}
	case ours:
		c, err := tracing.Dial(ctx, tracing.Options{Process: process, Workflow: own})
		return c.Client, err
	}
	return client.DialContext(ctx, options)
}

// serveBench is the worker process.
func serveBench(variant string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	slog.SetDefault(slog.New(slog.DiscardHandler)) // the others log nothing either
	var telemetry tracing.Telemetry
	c, err := benchClient(ctx, variant, os.Getenv("TEMPORAL_ADDRESS"), &telemetry, "bench-"+variant)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, system := range lifecycle.Systems() {
		w := worker.New(c, string(system), worker.Options{WorkerStopTimeout: time.Second})
		registerBench(w)
		if err := w.Start(); err != nil {
			return err
		}
		defer w.Stop()
	}
	fmt.Println("ready")
	<-ctx.Done()
	flush, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return telemetry.Shutdown(flush)
}

func registerBench(w worker.Worker) {
	w.RegisterWorkflowWithOptions(workflow.Workflow{Wait: tracing.Wait}.Order, sdk.RegisterOptions{Name: workflow.Name})
	w.RegisterWorkflowWithOptions(again, sdk.RegisterOptions{Name: "Again"})
	for _, stage := range lifecycle.StageNames() {
		w.RegisterActivityWithOptions(doNothing, activity.RegisterOptions{Name: string(stage)})
	}
	w.RegisterActivityWithOptions(func(context.Context, lifecycle.Ending) error { return nil }, activity.RegisterOptions{Name: lifecycle.Settle})
}

// doNothing fails the stage SUBMITTED of an order from "b2b" twice.
func doNothing(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	if a.Stage == lifecycle.Submitted && a.Facts.Source == "b2b" && activity.GetInfo(ctx).Attempt < 3 {
		return lifecycle.Facts{}, errors.New("not yet")
	}
	return lifecycle.Facts{}, nil
}

// again continues as new once.
func again(ctx sdk.Context, more int) error {
	if more > 0 {
		return sdk.NewContinueAsNewError(ctx, "Again", more-1)
	}
	return nil
}

// benchProcess is a running worker process.
type benchProcess struct {
	cmd *exec.Cmd
}

func startBench(r *rig, variant string) (*benchProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), workerEnv+"="+variant,
		"TEMPORAL_ADDRESS="+r.TemporalAddress(), "TEMPORAL_NAMESPACE="+benchNamespace(variant), "OTEL_EXPORTER_OTLP_ENDPOINT="+r.OTLPEndpoint())
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != "ready" {
		return nil, fmt.Errorf("worker of %s: %q, %w", variant, line, errors.Join(err, cmd.Wait()))
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return &benchProcess{cmd}, nil
}

// end signals the process and waits until it is gone.
func (p *benchProcess) end(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s)
	_ = p.cmd.Wait()
}

// cpu is the processor time that the process has used.
func (p *benchProcess) cpu() (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	// After the name in brackets: state is field 3, utime 14, stime 15 (proc(5)).
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return time.Duration(user+system) * tick, nil
}

type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
