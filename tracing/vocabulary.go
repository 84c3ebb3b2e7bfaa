package tracing

// The vocabulary of a trace: every name, key and rule of identity that is ours.
// The live side, whoever reads traces, and the tests use this file alone.

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
)

// WorkflowService is the service of the spans that the workflow itself has: they
// are the same whichever process tells them.
const WorkflowService = "order"

// ScopeName is the instrumentation scope of our spans.
const ScopeName = "ordertrace/tracing"

// Names. They are few and fixed; what varies is an attribute.
func anchorName(workflowType string) string            { return "RunWorkflow:" + workflowType }
func waitName(what string) string                      { return "await " + what }
func noteName(kind, what string) string                { return kind + " " + what }
func signalName(signal string) string                  { return "signal " + signal }
func updateName(update string) string                  { return "update " + update }
func outcomeName(workflowType string, o ending) string { return workflowType + " " + string(o) }

// otherSignal stands for the name of a signal that is not to be told.
const otherSignal = "other"

// An ending is how a run ended, as its outcome span is named.
type ending string

const (
	endClosed    ending = "closed"
	endCancelled ending = "cancelled"
	endFailed    ending = "failed"

	// No code is left to tell these.
	endTerminated ending = "terminated"
	endTimedOut   ending = "timed out"
)

// Attribute keys. The first five are every Temporal SDK's.
const (
	KeyWorkflowID = attribute.Key("temporalWorkflowID")
	KeyRunID      = attribute.Key("temporalRunID")
	KeyActivityID = attribute.Key("temporalActivityID")
	KeyUpdateID   = attribute.Key("temporalUpdateID")
	KeyAttempt    = attribute.Key("temporalAttempt")
	KeyStage      = attribute.Key("order.stage")   // the activity's type, or what a wait is for
	KeyAwaited    = attribute.Key("order.awaited") // who is waited for
	KeyNote       = attribute.Key("order.note")    // what a note is about, such as a parcel's status
	KeyOutcome    = attribute.Key("order.outcome")
	KeyErrorType  = attribute.Key("error.type") // an error's type; its words stay in the history
	// KeyRepaired says that a span was written afterwards, and how much of it is
	// known. What a replay tells again has none: it is the same span.
	KeyRepaired = attribute.Key("order.repaired")
)

// What is known of a span that was written afterwards.
const (
	RepairedFromHistory   = "from history"   // but an attempt's end is when Temporal heard of it
	RepairedTimeEstimated = "time estimated" // history keeps that it was, and not when
	RepairedFromChild     = "from a child"   // known by the spans below it alone
)

// TraceIDAttribute is the search attribute, of type Keyword, that holds a
// workflow's trace ID.
const TraceIDAttribute = "OrderTraceID"

// instant is how long a span lasts that marks a moment. Zero would not do:
// Jaeger mends a span that does not end after its start, and says so in it.
const instant = time.Millisecond

// anchorLength is shorter than any span below the anchor: a child that lasts no
// longer than its parent, and is not inside it, is to Jaeger one of a wrong clock,
// and it says so in it.
const anchorLength = time.Microsecond

// Identity. A span ID is a hash of durable facts, so that a span told twice, by
// anyone, is the same span. The facts of what may come again after a reset hold
// its times.

func anchorID(firstRun string) trace.SpanID { return spanID("anchor", firstRun) }

func attemptID(run, activityID string, attempt int32) trace.SpanID {
	return spanID("attempt", run, activityID, strconv.Itoa(int(attempt)))
}

func waitID(run, what string, from, to time.Time) trace.SpanID {
	return spanID("wait", run, what, stamp(from), stamp(to))
}

func noteID(run, kind, what string, ordinal int, at time.Time) trace.SpanID {
	return spanID("note", run, kind, what, strconv.Itoa(ordinal), stamp(at))
}

func signalID(run, signal string, ordinal int, at time.Time) trace.SpanID {
	return spanID("signal", run, signal, strconv.Itoa(ordinal), stamp(at))
}

func updateID(run, update, id string, at time.Time) trace.SpanID {
	return spanID("update", run, update, id, stamp(at))
}

func outcomeID(run string) trace.SpanID { return spanID("outcome", run) }

func stamp(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

func spanID(facts ...string) trace.SpanID {
	var id trace.SpanID
	copy(id[:], hash(facts...))
	if !id.IsValid() {
		id[7] = 1 // all zeros is no ID
	}
	return id
}

// TraceOf is the trace of a workflow: its starter's, if the start carried one,
// else derived, so that anyone with the facts arrives at the same.
func TraceOf(header map[string]*commonpb.Payload, namespace, workflowID, firstRunID string) trace.TraceID {
	if sc := contextOf(header); sc.IsValid() {
		return sc.TraceID()
	}
	var id trace.TraceID
	copy(id[:], hash("trace", namespace, workflowID, firstRunID))
	return id
}

// hash keeps the lengths of facts apart, so that distinct facts never run
// together.
func hash(facts ...string) []byte {
	h := sha256.New()
	for _, f := range facts {
		h.Write(binary.AppendUvarint(nil, uint64(len(f))))
		h.Write([]byte(f))
	}
	return h.Sum(nil)
}

// headerKey is where every Temporal SDK keeps trace context.
const headerKey = "_tracer-data"

// contextOf reads the trace context of a Temporal header; invalid where there is
// none, or none that can be read.
func contextOf(header map[string]*commonpb.Payload) trace.SpanContext {
	payload := header[headerKey]
	carrier := propagation.MapCarrier{}
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &carrier) != nil {
		return trace.SpanContext{}
	}
	return trace.SpanContextFromContext(Propagator.Extract(context.Background(), carrier))
}

// setContext writes trace context into a Temporal header.
func setContext(header map[string]*commonpb.Payload, sc trace.SpanContext) {
	carrier := propagation.MapCarrier{}
	Propagator.Inject(trace.ContextWithSpanContext(context.Background(), sc), carrier)
	if payload, err := converter.GetDefaultDataConverter().ToPayload(carrier); err == nil && header != nil {
		header[headerKey] = payload
	}
}

// remote is a span of an order's trace as others may refer to it. Orders are
// always sampled: half an order tells nobody where it is stuck.
func remote(t trace.TraceID, s trace.SpanID) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s, TraceFlags: trace.FlagsSampled, Remote: true})
}
