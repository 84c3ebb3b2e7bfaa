package tracing

import (
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// run traces one run of a workflow. What it tells are facts: a replay tells the
// same again, and so heals what a killed worker did not get out.
type run struct {
	interceptor.WorkflowInboundInterceptorBase
	root *Interceptor

	trace    trace.TraceID
	starter  trace.SpanContext // invalid where nobody gave the start a context
	signals  int
	notes    int
	received []signal // not told yet
}

// signal is one that was received. Its time is that of the task that takes it,
// which is not known yet when it is handed over.
type signal struct {
	name    string
	ordinal int
	sender  trace.SpanContext
}

type runKey struct{}

// Init implements interceptor.WorkflowInboundInterceptor.
func (r *run) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &outbound{run: r}
	out.Next = next
	return r.Next.Init(out)
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (r *run) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	r.begin(ctx)
	ctx = workflow.WithValue(ctx, runKey{}, r)
	r.index(ctx)
	out, err := r.Next.ExecuteWorkflow(ctx, in)
	// Not in a defer: that would run on eviction too.
	r.end(ctx, err)
	return out, err
}

// begin learns the order's trace and tells the anchor: an instant, so that it
// stands in Jaeger before anything that hangs below it.
func (r *run) begin(ctx workflow.Context) {
	info, header := workflow.GetInfo(ctx), interceptor.WorkflowHeader(ctx)
	r.starter = contextOf(header)
	r.trace = TraceOf(header, r.root.namespaceOf(info), info.WorkflowExecution.ID, info.FirstRunID)
	if info.OriginalRunID == info.FirstRunID { // later runs of the chain hang below the same anchor
		f := anchorFact(info.FirstRunID, info.WorkflowType.Name, info.WorkflowStartTime, r.trace, r.starter, nil)
		f.urgent = !workflow.IsReplaying(ctx) // a replayed one has been out for long
		r.tellNow(ctx, f)
	}
	apart, _ := workflow.NewDisconnectedContext(ctx) // a cancelled workflow still takes signals
	workflow.Go(apart, func(ctx workflow.Context) {
		for workflow.Await(ctx, func() bool { return len(r.received) > 0 }) == nil {
			r.tellSignals(ctx)
		}
	})
}

// exported is the span's ID if somebody exports the span: one that was not
// sampled would leave its child an orphan.
func exported(sc trace.SpanContext) trace.SpanID {
	if !sc.IsSampled() {
		return trace.SpanID{}
	}
	return sc.SpanID()
}

// index makes the run findable by its trace ID. Whether this worker does so is
// itself recorded: another may have another mind when it replays the run.
func (r *run) index(ctx workflow.Context) {
	var indexed bool
	err := workflow.SideEffect(ctx, func(workflow.Context) any { return r.root.searchAttribute }).Get(&indexed)
	if err != nil || !indexed {
		return
	}
	key := temporal.NewSearchAttributeKeyKeyword(TraceIDAttribute)
	if err := workflow.UpsertTypedSearchAttributes(ctx, key.ValueSet(r.trace.String())); err != nil {
		workflow.GetLogger(ctx).Warn("trace ID is not searchable", "error", err)
	}
}

// end tells the outcome.
func (r *run) end(ctx workflow.Context, err error) {
	r.tellSignals(ctx)
	var again *workflow.ContinueAsNewError
	if errors.As(err, &again) {
		return
	}
	info := workflow.GetInfo(ctx)
	how, status := endClosed, codes.Ok
	var more []attribute.KeyValue
	switch {
	case temporal.IsCanceledError(err):
		how, status = endCancelled, codes.Unset
	case err != nil:
		how, status = endFailed, codes.Error
		more = append(more, KeyErrorType.String(errorType(err)))
	}
	f := outcomeFact(info.WorkflowExecution.RunID, info.WorkflowType.Name, how, status, r.anchor(ctx), workflow.Now(ctx),
		append(more, KeyOutcome.String(string(how)))...)
	f.urgent = !workflow.IsReplaying(ctx)
	r.tell(ctx, f)
}

// anchorFact is what all of a workflow hangs below: an instant.
func anchorFact(firstRun, workflowType string, at time.Time, t trace.TraceID, starter trace.SpanContext, attributes []attribute.KeyValue) Fact {
	return Fact{
		ID: anchorID(firstRun), Name: anchorName(workflowType), Kind: trace.SpanKindServer,
		Parent: remote(t, exported(starter)), From: at, To: at.Add(anchorLength), Attributes: attributes,
	}
}

// outcomeFact is how a run ended. Its ID is that of the run itself, not of the one
// before a reset, which has an outcome of its own.
func outcomeFact(run, workflowType string, how ending, status codes.Code, anchor trace.SpanContext, at time.Time, attributes ...attribute.KeyValue) Fact {
	return Fact{
		ID: outcomeID(run), Name: outcomeName(workflowType, how), Parent: anchor, From: at, Status: status, Attributes: attributes,
	}
}

// HandleSignal implements interceptor.WorkflowInboundInterceptor. It may be
// called before ExecuteWorkflow, and the header is the signal's.
func (r *run) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	r.signals++
	r.received = append(r.received, signal{in.SignalName, r.signals, contextOf(interceptor.WorkflowHeader(ctx))})
	return r.Next.HandleSignal(ctx, in)
}

func (r *run) tellSignals(ctx workflow.Context) {
	at := workflow.Now(ctx)
	for _, s := range r.received {
		r.tell(ctx, Fact{
			ID:   signalID(workflow.GetInfo(ctx).OriginalRunID, s.name, s.ordinal, at),
			Name: signalName(r.known(s.name)), Kind: trace.SpanKindConsumer,
			Parent: r.anchor(ctx), From: at, Link: s.sender,
		})
	}
	r.received = nil
}

// known is a signal's name if it may be told: any other is what a stranger wrote.
// Which ones may is not asked of the workflow, since a signal can be told before
// the workflow says that it listens.
func (r *run) known(signal string) string {
	if s := r.root.signals; s == nil || slices.Contains(s, signal) {
		return signal
	}
	return otherSignal
}

// ExecuteUpdate implements interceptor.WorkflowInboundInterceptor.
func (r *run) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	id, sender, from := workflow.GetCurrentUpdateInfo(ctx).ID, contextOf(interceptor.WorkflowHeader(ctx)), workflow.Now(ctx)
	out, err := r.Next.ExecuteUpdate(ctx, in)
	f := Fact{
		ID:   updateID(workflow.GetInfo(ctx).OriginalRunID, in.Name, id, from),
		Name: updateName(in.Name), Kind: trace.SpanKindServer,
		Parent: r.anchor(ctx), From: from, To: workflow.Now(ctx), Link: sender,
		Attributes: []attribute.KeyValue{KeyUpdateID.String(id)},
	}
	if err != nil {
		f.Status = codes.Error
		f.Attributes = append(f.Attributes, KeyErrorType.String(errorType(err)))
	}
	r.tell(ctx, f)
	return out, err
}

// anchor is the parent of all that the workflow itself tells, and of every
// attempt.
func (r *run) anchor(ctx workflow.Context) trace.SpanContext {
	return remote(r.trace, anchorID(workflow.GetInfo(ctx).FirstRunID))
}

// tell exports a fact of this run, once a process, as soon as Temporal's history
// has it.
func (r *run) tell(ctx workflow.Context, f Fact) {
	if r.root.held == nil || workflow.IsReplaying(ctx) {
		r.tellNow(ctx, f)
		return
	}
	r.root.held.add(workflow.GetInfo(ctx).WorkflowExecution.ID, r, r.sign(ctx, f))
}

// tellNow exports a fact that no later task can change.
func (r *run) tellNow(ctx workflow.Context, f Fact) { r.root.export(r.sign(ctx, f)) }

func (r *run) sign(ctx workflow.Context, f Fact) Fact {
	info := workflow.GetInfo(ctx)
	f.Attributes = append(f.Attributes, KeyWorkflowID.String(info.WorkflowExecution.ID), KeyRunID.String(info.OriginalRunID))
	return f
}

// Wait marks the beginning of a wait for something by someone. The returned
// function marks its end, and must be called right after the wait, not in a
// defer. Outside a traced workflow it does nothing.
func Wait(ctx workflow.Context, what, whom string) (end func()) {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		return func() {}
	}
	from := workflow.Now(ctx)
	return func() {
		to := workflow.Now(ctx)
		r.tell(ctx, Fact{
			ID:   waitID(workflow.GetInfo(ctx).OriginalRunID, what, from, to),
			Name: waitName(what), Parent: r.anchor(ctx), From: from, To: to,
			Attributes: []attribute.KeyValue{KeyStage.String(what), KeyAwaited.String(whom)},
		})
	}
}

// Note tells that something happened to a workflow, at this moment: a span named
// by its kind and by what it is about, such as "overdue SHIPPED". Both must be of
// few. Outside a traced workflow it does nothing.
func Note(ctx workflow.Context, kind, what string) {
	r, ok := ctx.Value(runKey{}).(*run)
	if !ok {
		return
	}
	r.notes++
	at := workflow.Now(ctx)
	r.tell(ctx, Fact{
		ID:   noteID(workflow.GetInfo(ctx).OriginalRunID, kind, what, r.notes, at),
		Name: noteName(kind, what), Parent: r.anchor(ctx), From: at,
		Attributes: []attribute.KeyValue{KeyNote.String(what)},
	})
}

// TraceID is the trace of the workflow that ctx runs in; not valid outside a
// traced workflow.
func TraceID(ctx workflow.Context) trace.TraceID {
	if r, ok := ctx.Value(runKey{}).(*run); ok {
		return r.trace
	}
	return trace.TraceID{}
}
