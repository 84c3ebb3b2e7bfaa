package tracing

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"pgregory.net/rapid"
)

// knowledge is what one span's ID is made of, and how.
type knowledge struct {
	kind     string
	run      string
	what     string
	more     string
	ordinal  int
	from, to int64 // ns since 1970
}

func (k knowledge) id() trace.SpanID {
	from, to := time.Unix(0, k.from), time.Unix(0, k.to)
	switch k.kind {
	case "anchor":
		return anchorID(k.run)
	case "attempt":
		return attemptID(k.run, k.what, int32(k.ordinal))
	case "wait":
		return waitID(k.run, k.what, from, to)
	case "signal":
		return signalID(k.run, k.what, k.ordinal, from)
	case "update":
		return updateID(k.run, k.what, k.more, from)
	default:
		return outcomeID(k.run)
	}
}

// essence leaves out what the kind does not use, so that two pieces of knowledge
// are the same fact exactly if their essences are equal.
func (k knowledge) essence() knowledge {
	e := knowledge{kind: k.kind, run: k.run}
	switch k.kind {
	case "attempt":
		e.what, e.ordinal = k.what, k.ordinal
	case "wait":
		e.what, e.from, e.to = k.what, k.from, k.to
	case "signal":
		e.what, e.ordinal, e.from = k.what, k.ordinal, k.from
	case "update":
		e.what, e.more, e.from = k.what, k.more, k.from
	}
	return e
}

// knowledges draws facts from so small a world that they often differ in one
// thing only, or only in where one string ends and the next begins.
func knowledges(t *rapid.T, label string) knowledge {
	tricky := rapid.SampledFrom([]string{"", "a", "b", "ab", "aa", "anchor", "wait", "1", "11", "\x00", "\x01a", "a\x00", "0", "é"})
	small := rapid.Int64Range(0, 11)
	return knowledge{
		kind: rapid.SampledFrom([]string{"anchor", "attempt", "wait", "signal", "update", "outcome"}).Draw(t, label+" kind"),
		run:  tricky.Draw(t, label+" run"), what: tricky.Draw(t, label+" what"), more: tricky.Draw(t, label+" more"),
		ordinal: int(small.Draw(t, label+" ordinal")),
		from:    small.Draw(t, label+" from"), to: small.Draw(t, label+" to"),
	}
}

func TestSpanIDsAreEqualExactlyForTheSameFact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := knowledges(t, "a"), knowledges(t, "b")
		require.True(t, a.id().IsValid())
		require.Equal(t, a.id(), a.essence().id(), "what a kind does not use changes nothing")
		if a.essence() == b.essence() {
			require.Equal(t, a.id(), b.id())
		} else {
			require.NotEqual(t, a.id(), b.id(), "%+v and %+v", a, b)
		}
	})
}

// A small world, whole: every fact in it has an ID of its own.
func TestSpanIDsNeverMeet(t *testing.T) {
	seen := map[trace.SpanID]knowledge{}
	words := []string{"", "a", "aa", "1", "11", "wait"}
	for _, kind := range []string{"anchor", "attempt", "wait", "signal", "update", "outcome"} {
		for _, run := range words {
			for _, what := range words {
				for _, more := range words {
					for n := range 12 {
						k := knowledge{kind: kind, run: run, what: what, more: more, ordinal: n, from: int64(n % 3), to: int64(n)}.essence()
						other, met := seen[k.id()]
						require.True(t, !met || other == k, "%+v and %+v", k, other)
						seen[k.id()] = k
					}
				}
			}
		}
	}
	require.Greater(t, len(seen), 1000)
}

func TestHashKeepsFactsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lists := rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune("ab\x00\x01\x02"))), 0, 4)
		a, b := lists.Draw(t, "a"), lists.Draw(t, "b")
		same := fmt.Sprintf("%q", a) == fmt.Sprintf("%q", b)
		require.Equal(t, same, string(hash(a...)) == string(hash(b...)))
	})
}

func TestTimesKeepTheirZoneOutOfIDs(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 1, time.UTC)
	there := at.In(time.FixedZone("there", 3*3600))
	require.Equal(t, waitID("run", "GATE", at, at), waitID("run", "GATE", there, there))
}

func TestTraceOf(t *testing.T) {
	derived := TraceOf(nil, "default", "ord-1", "run-1")
	starter := span("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", trace.FlagsSampled)
	tests := map[string]struct {
		header map[string]*commonpb.Payload
		want   trace.TraceID
	}{
		"the starter's":                   {headerOf(t, starter), starter.TraceID()},
		"the starter's, though unsampled": {headerOf(t, starter.WithTraceFlags(0)), starter.TraceID()},
		"no header":                       {nil, derived},
		"an empty header":                 {map[string]*commonpb.Payload{}, derived},
		"another header":                  {map[string]*commonpb.Payload{"tenant": payload(t, "x")}, derived},
		"a payload that is nil":           {map[string]*commonpb.Payload{headerKey: nil}, derived},
		"a payload that is empty":         {map[string]*commonpb.Payload{headerKey: {}}, derived},
		"a payload of another shape":      {map[string]*commonpb.Payload{headerKey: payload(t, []int{1})}, derived},
		"an encrypted payload": {map[string]*commonpb.Payload{headerKey: {
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte("binary/encrypted")}, Data: []byte("\x00\xff")}}, derived},
		"no traceparent in it":          {carried(t, map[string]string{"tracestate": "a=b"}), derived},
		"a traceparent that is garbage": {carried(t, map[string]string{"traceparent": "00-xyz"}), derived},
		"a traceparent of zeros":        {carried(t, map[string]string{"traceparent": "00-00000000000000000000000000000000-0000000000000000-01"}), derived},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, TraceOf(tc.header, "default", "ord-1", "run-1"))
			require.True(t, tc.want.IsValid())
		})
	}
}

func TestDerivedTraceIsEachOrdersOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"", "a", "b", "ab", "a\x00", "default"})
		type order struct{ namespace, id, run string }
		a := order{word.Draw(t, "namespace"), word.Draw(t, "id"), word.Draw(t, "run")}
		b := order{word.Draw(t, "namespace'"), word.Draw(t, "id'"), word.Draw(t, "run'")}
		same := TraceOf(nil, a.namespace, a.id, a.run) == TraceOf(nil, b.namespace, b.id, b.run)
		require.Equal(t, a == b, same)
	})
}

// The IDs are a contract with every trace that is stored already, and with
// whoever computes them elsewhere: they must not change. (These were computed
// apart, in Python: SHA-256 over the facts, each after its length.)
func TestIdentityStaysAsItIs(t *testing.T) {
	at := time.Unix(1_700_000_000, 123_456_789)
	require.Equal(t, map[string]string{
		"anchor":  "818a4c1a14a300fe",
		"attempt": "eb1d6e7adce8c1d4",
		"wait":    "15e59dfa33666757",
		"signal":  "ad68d881d193f062",
		"update":  "8126d453c7449ef6",
		"outcome": "9ec25ac90a56442e",
		"trace":   "b4fcf99c2089d3e0bf30e828abaeddde",
	}, map[string]string{
		"anchor":  anchorID("run-1").String(),
		"attempt": attemptID("run-1", "5", 2).String(),
		"wait":    waitID("run-1", "CLOSED", at, at.Add(time.Hour)).String(),
		"signal":  signalID("run-1", "close", 1, at).String(),
		"update":  updateID("run-1", "upload", "u-1", at).String(),
		"outcome": outcomeID("run-1").String(),
		"trace":   TraceOf(nil, "default", "ord-1", "run-1").String(),
	})
}

func TestContextSurvivesAHeader(t *testing.T) {
	for name, flags := range map[string]trace.TraceFlags{"sampled": trace.FlagsSampled, "unsampled": 0} {
		t.Run(name, func(t *testing.T) {
			sc := span("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", flags)
			require.True(t, sc.WithRemote(true).Equal(contextOf(headerOf(t, sc))))
		})
	}
	setContext(nil, span("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 0)) // no header to write to: no harm
}

// span is a span's context from its IDs in hex.
func span(traceID, spanID string, flags trace.TraceFlags) trace.SpanContext {
	t, _ := trace.TraceIDFromHex(traceID)
	s, _ := trace.SpanIDFromHex(spanID)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: t, SpanID: s, TraceFlags: flags})
}

func headerOf(t require.TestingT, sc trace.SpanContext) map[string]*commonpb.Payload {
	header := map[string]*commonpb.Payload{}
	setContext(header, sc)
	require.Contains(t, header, headerKey)
	return header
}

func carried(t require.TestingT, carrier map[string]string) map[string]*commonpb.Payload {
	return map[string]*commonpb.Payload{headerKey: payload(t, propagation.MapCarrier(carrier))}
}

func payload(t require.TestingT, v any) *commonpb.Payload {
	p, err := converter.GetDefaultDataConverter().ToPayload(v)
	require.NoError(t, err)
	return p
}
