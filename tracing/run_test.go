package tracing

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

var (
	starter = span("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", trace.FlagsSampled)
	sender  = span("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", trace.FlagsSampled)
)

// requestKey is the ID of an update, as the SDK draws one.
const requestKey = "7f1d5cf0-5a4e-4c1a-9c57-0d9a5b5f6c11"

const secret = "Jane Doe, 5 Main Street"

// journey waits at a gate for the signal go, and ends as end says. It knows the
// updates upload and refuse, and the query status.
func journey(end func(workflow.Context) error) func(workflow.Context) error {
	return func(ctx workflow.Context) error {
		err := errors.Join(
			workflow.SetUpdateHandler(ctx, "upload", func(workflow.Context) error { return nil }),
			workflow.SetUpdateHandler(ctx, "refuse", func(workflow.Context) error {
				return temporal.NewNonRetryableApplicationError(secret, "fix_input", nil)
			}),
			workflow.SetQueryHandler(ctx, "status", func() (string, error) { return "well", nil }),
		)
		if err != nil {
			return err
		}
		arrived := Wait(ctx, "GATE", "carrier")
		if err := workflow.Await(ctx, func() bool { return workflow.GetSignalChannel(ctx, "go").ReceiveAsync(nil) }); err != nil {
			return end(ctx)
		}
		arrived()
		return end(ctx)
	}
}

func well(workflow.Context) error { return nil }

// waited is the history of a journey that got its signal after ten minutes.
func waited(t *testing.T, starter, sender trace.SpanContext) *history {
	return startHistory(t, starter).task().at(10*time.Minute).signal("go", sender).at(10*time.Minute + time.Second).task()
}

// named finds the one span of a name.
func named(t *testing.T, spans tracetest.SpanStubs, name string) tracetest.SpanStub {
	t.Helper()
	var found tracetest.SpanStubs
	for _, s := range spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	require.Len(t, found, 1, "spans named %s", name)
	return found[0]
}

func names(spans tracetest.SpanStubs) []string {
	out := []string{}
	for _, s := range spans {
		out = append(out, s.Name)
	}
	return out
}

// own are the attributes that every span of a run has, and those given.
func own(run string, more ...attribute.KeyValue) []attribute.KeyValue {
	return append(more, KeyWorkflowID.String(workflowID), KeyRunID.String(run))
}

func TestJourneyIsToldAsItsHistoryHasIt(t *testing.T) {
	h := startHistory(t, starter).task().
		at(5*time.Minute).update(requestKey, "upload", sender, nil).
		at(10*time.Minute).signal("go", sender).at(10*time.Minute + time.Second).task().completed()
	spans := replayed(t, h, journey(well))

	anchor := anchorID(firstRun)
	at := func(d time.Duration) time.Time { return begin.Add(d) }
	arrived := at(10*time.Minute + time.Second)
	tests := map[string]struct {
		id         trace.SpanID
		parent     trace.SpanID
		kind       trace.SpanKind
		from, to   time.Time
		status     codes.Code
		link       bool
		attributes []attribute.KeyValue
	}{
		"RunWorkflow:Journey": {id: anchor, parent: starter.SpanID(), kind: trace.SpanKindServer,
			from: begin, to: begin.Add(anchorLength), attributes: own(firstRun)},
		"update upload": {id: updateID(firstRun, "upload", requestKey, at(5*time.Minute)), parent: anchor, kind: trace.SpanKindServer,
			from: at(5 * time.Minute), to: at(5 * time.Minute).Add(instant), link: true, attributes: own(firstRun, KeyUpdateID.String(requestKey))},
		"signal go": {id: signalID(firstRun, "go", 1, arrived), parent: anchor, kind: trace.SpanKindConsumer,
			from: arrived, to: arrived.Add(instant), link: true, attributes: own(firstRun)},
		"await GATE": {id: waitID(firstRun, "GATE", begin, arrived), parent: anchor, kind: trace.SpanKindInternal,
			from: begin, to: arrived, attributes: own(firstRun, KeyStage.String("GATE"), KeyAwaited.String("carrier"))},
		"Journey closed": {id: outcomeID(firstRun), parent: anchor, kind: trace.SpanKindInternal,
			from: arrived, to: arrived.Add(instant), status: codes.Ok, attributes: own(firstRun, KeyOutcome.String("closed"))},
	}
	require.Len(t, spans, len(tests), "%v", names(spans))
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			s := named(t, spans, name)
			require.Equal(t, starter.TraceID(), s.SpanContext.TraceID())
			require.True(t, s.SpanContext.IsSampled())
			require.Equal(t, want.id, s.SpanContext.SpanID())
			require.Equal(t, want.parent, s.Parent.SpanID())
			require.Equal(t, want.kind, s.SpanKind)
			require.Equal(t, [2]time.Time{want.from, want.to}, [2]time.Time{s.StartTime.UTC(), s.EndTime.UTC()})
			require.Equal(t, want.status, s.Status.Code)
			require.ElementsMatch(t, want.attributes, s.Attributes)
			require.Equal(t, ScopeName, s.InstrumentationScope.Name)
			if !want.link {
				require.Empty(t, s.Links)
				return
			}
			require.Len(t, s.Links, 1)
			require.True(t, s.Links[0].SpanContext.Equal(sender.WithRemote(true)), "a sender's own span is a link")
		})
	}
}

func TestEveryProcessTellsTheSame(t *testing.T) {
	h := waited(t, starter, sender).completed()
	first, second := replayed(t, h, journey(well)), replayed(t, h, journey(well))
	require.ElementsMatch(t, first, second)
}

func TestAProcessTellsAFactOnce(t *testing.T) {
	h := waited(t, starter, sender).completed()
	p := newProcess(t)
	p.replay(t, h, journey(well))
	once := p.told(t)
	p.replay(t, h, journey(well))
	require.Equal(t, once, p.told(t))
}

func TestMemoryForgetsTheOldestHalf(t *testing.T) {
	var m memory
	nth := func(n int) trace.SpanID { return attemptID("run", fmt.Sprint(n), 1) }
	for n := range 2 * memorySize {
		require.True(t, m.first(nth(n)))
	}
	require.False(t, m.first(nth(0)), "two halves are kept")
	require.True(t, m.first(nth(2*memorySize)))
	require.False(t, m.first(nth(2*memorySize-1)))
	require.True(t, m.first(nth(0)), "and no more than that")
}

func TestTraceIsTheOrdersWhoeverStartsIt(t *testing.T) {
	derived := TraceOf(nil, "ReplayNamespace", workflowID, firstRun)
	tests := map[string]struct {
		starter trace.SpanContext
		trace   trace.TraceID
		parent  trace.SpanID
	}{
		"a starter with a span":                   {starter, starter.TraceID(), starter.SpanID()},
		"nobody: Temporal's UI":                   {trace.SpanContext{}, derived, trace.SpanID{}},
		"a starter whose own span nobody exports": {starter.WithTraceFlags(0), starter.TraceID(), trace.SpanID{}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			spans := replayed(t, waited(t, tc.starter, trace.SpanContext{}).completed(), journey(well))
			require.ElementsMatch(t, []string{"RunWorkflow:Journey", "await GATE", "signal go", "Journey closed"}, names(spans))
			for _, s := range spans {
				require.Equal(t, tc.trace, s.SpanContext.TraceID(), s.Name)
				if s.Name != "RunWorkflow:Journey" {
					require.Equal(t, anchorID(firstRun), s.Parent.SpanID(), s.Name)
				}
			}
			require.Equal(t, tc.parent, named(t, spans, "RunWorkflow:Journey").Parent.SpanID(), "a parent that nobody exports would leave an orphan")
		})
	}
}

func TestEveryEndIsTold(t *testing.T) {
	tests := map[string]struct {
		err       error
		end       func(*history) *history
		name      string
		status    codes.Code
		errorType string
	}{
		"well":                {nil, (*history).completed, "Journey closed", codes.Ok, ""},
		"failed, with a type": {temporal.NewApplicationError(secret, "look_up"), (*history).failed, "Journey failed", codes.Error, "look_up"},
		"failed, without one": {errors.New(secret), (*history).failed, "Journey failed", codes.Error, "error"},
		"cancelled":           {temporal.NewCanceledError(secret), (*history).cancelled, "Journey cancelled", codes.Unset, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			spans := replayed(t, tc.end(waited(t, starter, sender)), journey(func(workflow.Context) error { return tc.err }))
			s := named(t, spans, tc.name)
			require.Equal(t, outcomeID(firstRun), s.SpanContext.SpanID())
			require.Equal(t, tc.status, s.Status.Code)
			require.Equal(t, tc.errorType, attributeOf(s, KeyErrorType))
			requireNoSecret(t, spans)
		})
	}
}

func attributeOf(s tracetest.SpanStub, key attribute.Key) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.AsString()
		}
	}
	return ""
}

// requireNoSecret looks for an error's words everywhere in spans.
func requireNoSecret(t *testing.T, spans tracetest.SpanStubs) {
	t.Helper()
	require.NotEmpty(t, spans)
	for _, s := range spans {
		require.NotContains(t, fmt.Sprintf("%+v %+v %+v %+v %s", s.Status, s.Attributes, s.Events, s.Links, s.Name), secret)
	}
}

func TestARefusedUpdateIsToldWithoutItsWords(t *testing.T) {
	h := startHistory(t, starter).task().at(time.Minute).update(requestKey, "refuse", sender, &failurepb.Failure{Message: "refused"})
	spans := replayed(t, h, journey(well))
	s := named(t, spans, "update refuse")
	require.Equal(t, codes.Error, s.Status.Code)
	require.Equal(t, "fix_input", attributeOf(s, KeyErrorType))
	requireNoSecret(t, spans)
}

func TestAnOpenOrderHasNoOutcomeYet(t *testing.T) {
	spans := replayed(t, startHistory(t, starter).task(), journey(well))
	require.Equal(t, []string{"RunWorkflow:Journey"}, names(spans))
}

func TestSignalsAreToldOneByOne(t *testing.T) {
	h := startHistory(t, starter).signal("go", sender).task().
		at(time.Minute).signal(secret, trace.SpanContext{}).signal(secret, trace.SpanContext{}).signal("go", sender).task().completed()
	spans := replayed(t, h, journey(well))
	ids := map[trace.SpanID]string{}
	for _, s := range spans {
		ids[s.SpanContext.SpanID()] = s.Name
	}
	require.Len(t, ids, len(spans), "each has an ID of its own")
	at := begin.Add(time.Minute)
	require.Equal(t, "signal go", ids[signalID(firstRun, "go", 1, begin)], "it came before the first task")
	require.Equal(t, "signal other", ids[signalID(firstRun, secret, 2, at)], "anybody may send one of any name")
	require.Equal(t, "signal other", ids[signalID(firstRun, secret, 3, at)])
	require.Equal(t, "signal go", ids[signalID(firstRun, "go", 4, at)])
	requireNoSecret(t, spans)
}

// An order that was cancelled may take long to settle. What it is sent meanwhile
// is told when it comes.
func TestSignalsToACancelledOrderAreToldWhenTheyCome(t *testing.T) {
	settle := func(ctx workflow.Context) error {
		apart, _ := workflow.NewDisconnectedContext(ctx)
		if err := workflow.Sleep(apart, time.Hour); err != nil {
			return err
		}
		return ctx.Err()
	}
	h := startHistory(t, starter).task().at(time.Minute).cancel().task()
	timer := int64(len(h.events) + 1)
	h.startTimer().at(2*time.Minute).signal("go", sender).task().at(time.Hour + time.Minute).fireTimer(timer).task().cancelled()
	spans := replayed(t, h, journey(settle))
	require.Equal(t, begin.Add(2*time.Minute), named(t, spans, "signal go").StartTime.UTC())
	require.Equal(t, begin.Add(time.Hour+time.Minute), named(t, spans, "Journey cancelled").StartTime.UTC())
}

func TestNextRunGoesOnInTheSameTrace(t *testing.T) {
	again := func(ctx workflow.Context) error { return workflow.NewContinueAsNewError(ctx, workflowType) }
	for name, starter := range map[string]trace.SpanContext{
		"a starter with a span":                  starter,
		"a starter whose span nobody exports":    starter.WithTraceFlags(0),
		"nobody: the trace is derived each time": {},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProcess(t)
			var handed trace.SpanContext // to the next run, which finds it in its header
			p.replay(t, waited(t, starter, sender).continuedAsNew(), journey(func(ctx workflow.Context) error {
				err := again(ctx)
				var next *workflow.ContinueAsNewError
				require.ErrorAs(t, err, &next)
				handed = contextOf(next.Header.GetFields())
				return err
			}))
			require.ElementsMatch(t, []string{"RunWorkflow:Journey", "await GATE", "signal go"}, names(p.told(t)), "a run that goes on has no outcome")
			p.replay(t, startRun(t, laterRun, handed).task().at(time.Hour).signal("go", sender).task().completed(), journey(well))
			all := p.told(t)
			trace := named(t, all, "RunWorkflow:Journey").SpanContext.TraceID()
			for _, s := range all {
				require.Equal(t, trace, s.SpanContext.TraceID(), s.Name)
				if s.Name != "RunWorkflow:Journey" {
					require.Equal(t, anchorID(firstRun), s.Parent.SpanID(), s.Name)
				}
			}
			require.Equal(t, outcomeID(laterRun), named(t, all, "Journey closed").SpanContext.SpanID())
		})
	}
}
