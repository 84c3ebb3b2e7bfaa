// Package audits has Temporal hold orders' traces to their histories, again and
// again: a Schedule starts the workflow AuditTraces, whose one activity looks at
// the orders that have moved since the last one did, and writes what is missing.
package audits

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"ordertrace/tracing/audit"
)

// Config is what a worker takes from its environment.
type Config struct {
	Interval time.Duration `env:"AUDIT_INTERVAL" default:"10m" help:"How often the traces of the orders that have moved are held to their histories, and what is missing is written. 0: never."`
	Settled  time.Duration `env:"AUDIT_SETTLED" default:"2m" help:"How long ago something must have happened to be missed: a worker tries for a minute to send its spans."`
	Rate     float64       `env:"AUDIT_RATE" default:"20" help:"How many orders a second an audit looks at, at most."`
}

// Queue is the task queue of audits, ScheduleID their Schedule, and Workflow its
// workflow's type.
const (
	Queue      = "audit"
	ScheduleID = "audit-traces"
	Workflow   = "AuditTraces"
)

const auditOrders = "audit orders"

// lag is how far audits reach back behind the last one: what had not settled then
// was not missed.
func (c Config) lag() time.Duration { return 2*c.Settled + time.Minute }

// Result is what one audit found. The next one goes on from Until.
type Result struct {
	Until time.Time `json:"until"`
	audit.Summary
}

// Audits look at orders of one type.
type Audits struct {
	Auditor audit.Auditor
	Type    string // of the orders' workflows
	Config  Config
}

// Register registers the workflow and its activity.
func (a Audits) Register(r worker.Registry) {
	r.RegisterWorkflowWithOptions(a.auditTraces, workflow.RegisterOptions{Name: Workflow})
	r.RegisterActivityWithOptions(a.audit, activity.RegisterOptions{Name: auditOrders})
}

// auditTraces audits what has moved since the last audit that came to its end; the
// first one audits everything.
func (Audits) auditTraces(ctx workflow.Context) (Result, error) {
	var last Result
	if workflow.HasLastCompletionResult(ctx) {
		if err := workflow.GetLastCompletionResult(ctx, &last); err != nil {
			return Result{}, err
		}
	}
	r := Result{Until: workflow.Now(ctx)}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 24 * time.Hour, HeartbeatTimeout: time.Minute,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 10 * time.Second, MaximumInterval: 5 * time.Minute},
	})
	err := workflow.ExecuteActivity(ctx, auditOrders, last.Until).Get(ctx, &r.Summary)
	return r, err
}

// progress is how far an attempt has come: the next one goes on from there. A page
// is looked at again from its beginning, which adds nothing.
type progress struct {
	Page    []byte        `json:"page"`
	Summary audit.Summary `json:"summary"` // of the pages before
}

// audit looks at what has moved since the last audit; the zero time: at everything.
func (a Audits) audit(ctx context.Context, since time.Time) (audit.Summary, error) {
	if !since.IsZero() {
		since = since.Add(-a.Config.lag())
	}
	var done progress
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &done); err != nil {
			return audit.Summary{}, err
		}
	}
	sum := done.Summary
	scope := audit.Scope{Type: a.Type, Since: since, Page: done.Page, Rate: a.Config.Rate}
	err := a.Auditor.Each(ctx, scope, func(v audit.Visit) error {
		if string(v.Page) != string(done.Page) {
			done = progress{v.Page, sum}
			done.Summary.Unrepairable = maps.Clone(sum.Unrepairable)
		}
		if audit.OfAll(v.Err) {
			return v.Err
		}
		if why := v.Why(); why != "" {
			slog.WarnContext(ctx, "trace is not whole", "order", v.WorkflowID, "trace", v.TraceID, "why", why)
		}
		sum.Add(v)
		activity.RecordHeartbeat(ctx, done)
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			return errHandedBack
		default:
			return nil
		}
	})
	slog.InfoContext(ctx, "traces audited", "since", since, "looked", sum.Looked, "whole", sum.Whole,
		"repaired", sum.Repaired, "spans_added", sum.Added, "not_whole", sum.NotWhole, "error", err)
	return sum, err
}

// errHandedBack has another worker go on.
var errHandedBack = errors.New("the worker stops")

// Schedule makes the Schedule be as the configuration says; there is one, however
// many workers ask for it.
func (a Audits) Schedule(ctx context.Context, c client.Client) error {
	handle := c.ScheduleClient().GetHandle(ctx, ScheduleID)
	if a.Config.Interval <= 0 {
		err := handle.Delete(ctx)
		var missing *serviceerror.NotFound
		if errors.As(err, &missing) {
			return nil
		}
		return err
	}
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: a.Config.Interval}}}
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: ScheduleID, Spec: spec, Note: "Holds orders' traces to their histories, and writes what is missing.",
		Action: &client.ScheduleWorkflowAction{ID: ScheduleID, Workflow: Workflow, TaskQueue: Queue},
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return err
	}
	return handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		intervals := in.Description.Schedule.Spec.Intervals
		if len(intervals) == 1 && intervals[0].Every == a.Config.Interval {
			return nil, temporal.ErrSkipScheduleUpdate
		}
		in.Description.Schedule.Spec = &spec
		return &client.ScheduleUpdate{Schedule: &in.Description.Schedule}, nil
	}})
}
