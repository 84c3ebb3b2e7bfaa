package audit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
)

var begin = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return begin.Add(time.Duration(seconds * float64(time.Second))) }

// anOrder is a run that began at 0 and did something at 100 s.
func anOrder(facts ...tracing.Fact) run {
	event := func(kind enumspb.EventType, seconds float64) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{EventType: kind, EventTime: timestamppb.New(at(seconds))}
	}
	start := event(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, 0)
	start.Attributes = &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
		WorkflowType: &commonpb.WorkflowType{Name: "Journey"}, FirstExecutionRunId: "run-1", OriginalExecutionRunId: "run-1",
	}}
	return run{
		history: tracing.History{Namespace: "n", WorkflowID: "ord-1", RunID: "run-1", Events: []*historypb.HistoryEvent{
			start, event(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, 100),
		}},
		facts: facts,
	}
}

var anchor = anOrder().history.Anchor()

func anAttempt(id byte, n int, from, to float64) tracing.Fact {
	return tracing.Fact{
		ID: trace.SpanID{id}, Name: "STEP", Parent: anchor, From: at(from), To: at(to), Service: "forge", Repaired: tracing.RepairedFromHistory,
		Attributes: []attribute.KeyValue{tracing.KeyAttempt.Int(n), tracing.KeyRunID.String("run-1"), tracing.KeyActivityID.String("5")},
	}
}

func aWait(id byte, from, to float64) tracing.Fact {
	return tracing.Fact{
		ID: trace.SpanID{id}, Name: "await GATE", Parent: anchor, From: at(from), To: at(to),
		Attributes: []attribute.KeyValue{tracing.KeyStage.String("GATE")},
	}
}

// spanOf is a fact as Jaeger has it.
func spanOf(f tracing.Fact) jaeger.Span {
	s := jaeger.Span{
		ID: f.ID.String(), Parent: parentOf(f), Service: f.Service, Name: f.Name,
		Start: f.From, Duration: f.End().Sub(f.From), Tags: map[string]string{},
	}
	if s.Service == "" {
		s.Service = tracing.WorkflowService
	}
	if f.Status == codes.Error {
		s.Tags["error"] = "true"
	}
	for _, a := range f.Attributes {
		s.Tags[string(a.Key)] = a.Value.String()
	}
	return s
}

func TestASpanIsHeldToItsFact(t *testing.T) {
	failed := anAttempt(1, 2, 5, 6)
	failed.Status, failed.Attributes = codes.Error, append(failed.Attributes, tracing.KeyErrorType.String("retry"))
	lost := anAttempt(1, 1, 5, 5.001)
	lost.Status, lost.Repaired = codes.Error, tracing.RepairedTimeEstimated
	timedOut := anAttempt(1, 1, 5, 65)
	timedOut.Status, timedOut.Attributes = codes.Error, append(timedOut.Attributes, tracing.KeyErrorType.String("timeout Heartbeat"))
	tests := map[string]struct {
		fact tracing.Fact
		how  func(*jaeger.Span)
		want []string // what differs
	}{
		"a wait as it was":                   {aWait(1, 5, 6), func(*jaeger.Span) {}, nil},
		"a wait that ended otherwise":        {aWait(1, 5, 6), func(s *jaeger.Span) { s.Duration++; s.Duration += time.Millisecond }, []string{"duration"}},
		"a wait that began otherwise":        {aWait(1, 5, 6), func(s *jaeger.Span) { s.Start = at(4) }, []string{"start"}},
		"a wait for something else":          {aWait(1, 5, 6), func(s *jaeger.Span) { s.Name = "await X"; s.Tags["order.stage"] = "X" }, []string{"name", "order.stage"}},
		"below something else":               {aWait(1, 5, 6), func(s *jaeger.Span) { s.Parent = "0000000000000009" }, []string{"parent"}},
		"told by somebody else":              {aWait(1, 5, 6), func(s *jaeger.Span) { s.Service = "shop" }, []string{"service"}},
		"an attempt that ended sooner":       {anAttempt(1, 1, 5, 6), func(s *jaeger.Span) { s.Duration /= 2 }, nil},
		"an attempt with another number":     {anAttempt(1, 2, 5, 6), func(s *jaeger.Span) { s.Tags["temporalAttempt"] = "1" }, []string{"temporalAttempt"}},
		"a failed attempt that says it did":  {failed, func(*jaeger.Span) {}, nil},
		"a failed attempt that says it well": {failed, func(s *jaeger.Span) { delete(s.Tags, "error"); delete(s.Tags, "error.type") }, []string{"failed", "error.type"}},
		"an attempt of unknown times":        {lost, func(s *jaeger.Span) { s.Start = at(50) }, nil},
		"one that timed out and ended itself": {timedOut, func(s *jaeger.Span) {
			s.Tags = map[string]string{"temporalAttempt": "1", "temporalRunID": "run-1", "temporalActivityID": "5"}
		}, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := spanOf(tc.fact)
			tc.how(&s)
			var got []string
			for _, d := range indexOf([]jaeger.Span{s}).differences([]tracing.Fact{tc.fact}) {
				got = append(got, d.What)
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func TestAFactIsToldOnce(t *testing.T) {
	f := aWait(1, 5, 6)
	found := indexOf([]jaeger.Span{spanOf(f), spanOf(f)}).differences([]tracing.Fact{f})
	require.Equal(t, []Difference{{SpanID: f.ID.String(), Span: f.Name, What: "copies", History: "1", Jaeger: "2"}}, found)
}

func TestASpanThatHistoryDoesNotKnow(t *testing.T) {
	stranger := spanOf(aWait(9, 5, 6))
	tests := map[string]struct {
		span  jaeger.Span
		known bool
	}{
		"a wait that was not":              {stranger, false},
		"an attempt that was not":          {spanOf(anAttempt(9, 3, 5, 6)), false},
		"what happened after the reading":  {spanOf(aWait(9, 5, 101)), true},
		"a parent that its children named": {spanOf(anOrder().history.LostCall(trace.SpanID{9}, anchor, "", at(5), at(6))), false},
		"a call below an attempt":          {jaeger.Span{ID: "9", Service: "forge-api", Name: "PUT /x", Start: at(5)}, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			if name == "a parent that its children named" {
				tc.span.Tags[string(tracing.KeyRepaired)], tc.known = tracing.RepairedFromChild, true
			}
			require.Equal(t, tc.known, len(indexOf([]jaeger.Span{tc.span}).strangers([]run{anOrder(aWait(1, 5, 6))})) == 0)
		})
	}
}

func TestALostParentIsNamedByItsChildren(t *testing.T) {
	below := func(parent string, from, to float64) jaeger.Span {
		return jaeger.Span{ID: "00000000000000aa", Parent: parent, Service: "forge-api", Name: "PUT /x", Start: at(from), Duration: at(to).Sub(at(from))}
	}
	first, second := anAttempt(1, 1, 10, 10.001), anAttempt(2, 2, 30, 40)
	first.Repaired = tracing.RepairedTimeEstimated
	root := jaeger.Span{ID: "00000000000000ee", Service: "starter", Name: "order"}
	orphanAnchor := tracing.Fact{ID: anchor.SpanID(), Name: "RunWorkflow:Journey", Parent: anchor.WithSpanID(trace.SpanID{0xff}), From: at(0)}
	tests := map[string]struct {
		spans   []jaeger.Span
		facts   []tracing.Fact
		running time.Time
		want    string // name of the lost span; "" if there is none
		parent  trace.SpanID
	}{
		"below the attempt that ran then":            {spans: []jaeger.Span{below("00000000000000bb", 31, 32)}, want: "lost call", parent: second.ID},
		"below an attempt whose times are unknown":   {spans: []jaeger.Span{below("00000000000000bb", 25, 26)}, want: "lost call", parent: first.ID},
		"below the anchor if no attempt ran":         {spans: []jaeger.Span{below("00000000000000bb", 60, 61)}, want: "lost call", parent: anchor.SpanID()},
		"one parent for two children":                {spans: []jaeger.Span{below("00000000000000bb", 31, 32), below("00000000000000bb", 33, 34)}, want: "lost call", parent: second.ID},
		"none if the parent is there":                {spans: []jaeger.Span{below(second.ID.String(), 31, 32)}},
		"none for what a running attempt may do":     {spans: []jaeger.Span{below("00000000000000bb", 31, 32)}, running: at(30)},
		"what started the order, without a trace":    {facts: []tracing.Fact{orphanAnchor}, want: "lost start"},
		"what started the order, below what is left": {facts: []tracing.Fact{orphanAnchor}, spans: []jaeger.Span{root}, want: "lost start", parent: trace.SpanID{7: 0xee}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := anOrder(append([]tracing.Fact{first, second}, tc.facts...)...)
			if tc.facts == nil {
				r.facts = append(r.facts, tracing.Fact{ID: anchor.SpanID(), Name: "RunWorkflow:Journey", From: at(0)})
			}
			found := lostParents([]run{r}, tc.spans, tc.running)
			if tc.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, tc.want, found[0].Name)
			require.Equal(t, tc.parent, found[0].Parent.SpanID())
			require.Equal(t, anchor.TraceID(), found[0].Parent.TraceID())
			require.Equal(t, tracing.RepairedFromChild, found[0].Repaired)
			require.Empty(t, lostParents([]run{r}, append(tc.spans, spanOf(found[0])), tc.running), "once")
		})
	}
}
