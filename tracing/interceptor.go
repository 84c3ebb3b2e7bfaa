package tracing

import (
	"cmp"
	"context"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// Options name where an interceptor's spans go.
type Options struct {
	// Process takes the spans of clients and activities: the process's own service.
	Process trace.TracerProvider
	// Workflow takes the spans that workflows themselves have; its service is
	// WorkflowService, and its resource names no process. Only workers that run
	// workflows need it. Default: Process.
	Workflow trace.TracerProvider
	// SearchAttribute makes every workflow carry its trace ID in the search
	// attribute TraceIDAttribute. Dial adds it to the namespace; where it may not,
	// workflows do without. Default: false.
	SearchAttribute bool
	// Signals are those whose names may be told. nil: any; but anybody who reaches
	// Temporal can send a signal with a name of their own.
	Signals []string
	// Lazy makes Dial return at once: the first call connects, and fails while
	// Temporal cannot be reached. Default: Dial connects.
	Lazy bool
	// Data and Failure convert what Dial's client sends and gets. Trace context
	// does not pass through them. Default: Temporal's own.
	Data    converter.DataConverter
	Failure converter.FailureConverter
}

// Interceptor makes one trace of a workflow's whole life, for a Temporal client
// and its workers. The client side is contrib/opentelemetry as it is; so is the
// header, which all SDKs share.
type Interceptor struct {
	interceptor.WorkerInterceptorBase
	interceptor.ClientInterceptor

	process, workflow trace.Tracer
	searchAttribute   bool
	signals           []string
	told              memory
	urgent            flusher
	held              *held // nil: nobody tells when a task is accepted

	// Of a replay by a Historian:
	tell      func(Fact) // takes facts in the place of the workflow's provider
	namespace string     // the replayer knows only one of its own
}

func (i *Interceptor) namespaceOf(info *workflow.Info) string {
	return cmp.Or(i.namespace, info.Namespace)
}

var _ interceptor.Interceptor = (*Interceptor)(nil)

// NewInterceptor returns an interceptor. The providers must come from
// Telemetry.Service, which knows how to give a span a derived ID.
func NewInterceptor(o Options) (*Interceptor, error) {
	if o.Workflow == nil {
		o.Workflow = o.Process
	}
	base, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer:                  o.Process.Tracer(ScopeName),
		SpanStarter:             startDiscreet,
		TextMapPropagator:       Propagator,
		DisableBaggage:          true,
		DisableQueryTracing:     true,
		AllowInvalidParentSpans: true,
	})
	if err != nil {
		return nil, err
	}
	return &Interceptor{
		ClientInterceptor: base,
		process:           o.Process.Tracer(ScopeName),
		workflow:          o.Workflow.Tracer(ScopeName),
		searchAttribute:   o.SearchAttribute,
		signals:           o.Signals,
		urgent:            flusher{provider: o.Workflow},
	}, nil
}

// export tells a fact, unless this process has told it already.
func (i *Interceptor) export(f Fact) {
	if i.tell != nil {
		i.tell(f)
		return
	}
	if i.told.first(f.ID) {
		f.tell(i.workflow)
		if f.urgent {
			i.urgent.ask()
		}
	}
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (i *Interceptor) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	run := &run{root: i}
	run.Next = next
	return run
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (i *Interceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	a := &attempt{root: i}
	a.Next = next
	return a
}

// attempt traces one attempt of an activity.
type attempt struct {
	interceptor.ActivityInboundInterceptorBase
	root *Interceptor
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (a *attempt) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	run := info.WorkflowExecution
	ctx, span := startAs(ctx, a.root.process, attemptID(run.RunID, info.ActivityID, info.Attempt),
		parentOf(interceptor.Header(ctx), info.Namespace, run.ID, run.RunID), info.ActivityType.Name,
		trace.WithTimestamp(info.StartedTime), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attemptAttributes(run.ID, run.RunID, info.ActivityID, info.ActivityType.Name, info.Attempt)...))
	ended := errPanicked
	defer func() { conclude(span, ended) }()
	out, err := a.Next.ExecuteActivity(ctx, in)
	ended = err
	return out, err
}
