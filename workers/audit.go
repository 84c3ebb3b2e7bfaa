package workers

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/worker"

	"ordertrace/tracing"
	"ordertrace/tracing/audit"
	"ordertrace/tracing/jaeger"
	"ordertrace/workers/audits"
	"ordertrace/workers/encryption"
	"ordertrace/workers/orders"
	"ordertrace/workflow"
)

// serveAudits runs the audits of orders' traces beside the workflow, whose code
// they replay. They are no orders, so nobody traces them.
func serveAudits(ctx context.Context, kind Kind, cfg Config, keys encryption.Keys, stack *closers) error {
	if kind.System != workflow.TaskQueue || tracing.Disabled() {
		return nil
	}
	// Plain: an audit tells of numbers, and hands its result to the next one, for
	// which an encrypted one would not be meant.
	c, err := dial(ctx, tracing.Options{Process: noop.NewTracerProvider()}, stack)
	if err != nil {
		return err
	}
	teller, err := tracing.NewTeller(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	stack.add("late spans", func() error { return teller.Shutdown(context.WithoutCancel(ctx)) })
	a := audits.Audits{Config: cfg.Audits, Type: workflow.Name, Auditor: audit.Auditor{
		Temporal: c, Historian: orders.Historian(keys), Teller: teller, Settled: cfg.Audits.Settled,
		Jaeger: jaeger.NewClient(cmp.Or(cfg.JaegerQuery, cfg.JaegerUI), jaeger.User()),
	}}
	w := worker.New(c.Client, audits.Queue, worker.Options{WorkerStopTimeout: cfg.DrainTimeout, MaxConcurrentActivityExecutionSize: 1})
	a.Register(w)
	if err := w.Start(); err != nil {
		return fmt.Errorf("worker of queue %s: %w", audits.Queue, err)
	}
	stack.add("audits", func() error { w.Stop(); return nil })
	if err := a.Schedule(ctx, c.Client); err != nil { // an order can do without
		slog.WarnContext(ctx, "traces are not audited by themselves", "error", err)
	}
	return nil
}
