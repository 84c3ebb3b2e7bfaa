package tracing

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
)

// What a teller says of a workflow is what a worker says, but for nothing; what
// only a teller knows says so.
func TestTellerSaysWhatAWorkerSays(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=one,deployment.environment.name=test")
	live := tracetest.NewInMemoryExporter()
	telemetry := &Telemetry{}
	provider, err := telemetry.serve(t.Context(), WorkflowService, live)
	require.NoError(t, err)
	h := waited(t, starter, sender).completed()
	facts := factsOf(t, h, journey(well))
	for _, f := range facts {
		f.tell(provider.Tracer(ScopeName))
	}
	require.NoError(t, telemetry.Flush(t.Context()))
	told := live.GetSpans()
	require.NoError(t, telemetry.Shutdown(t.Context()))

	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=two,deployment.environment.name=test")
	late := tracetest.NewInMemoryExporter()
	require.NoError(t, newTeller(late).Tell(t.Context(), facts))
	require.ElementsMatch(t, told, late.GetSpans())
}

func TestTellerMarksWhatOnlyItKnows(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	h := startHistory(t, starter).task().step(2, appFailure("retry"), nil)
	attempts := called(factsOf(t, h.task().completed(), twoSteps), "STEP")
	require.NoError(t, newTeller(spans).Tell(t.Context(), attempts))
	require.Len(t, spans.GetSpans(), 2)
	for i, want := range []string{RepairedTimeEstimated, RepairedFromHistory} {
		s := spans.GetSpans()[i]
		require.Equal(t, want, attributeOf(s, KeyRepaired))
		service, _ := s.Resource.Set().Value(semconv.ServiceNameKey)
		require.Equal(t, "forge", service.AsString())
		require.Empty(t, attempts[i].Attribute(KeyRepaired), "the fact itself stays as it was")
	}
	require.Equal(t, "2", attempts[1].Attribute(KeyAttempt))
}

// unwilling takes no spans.
type unwilling struct{ err error }

func (u unwilling) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return u.err }
func (unwilling) Shutdown(context.Context) error                               { return nil }

func TestTellerSaysWhatCouldNotLeave(t *testing.T) {
	down := errors.New("down")
	teller := newTeller(unwilling{down})
	f := Fact{ID: anchorID("r"), Name: "x", Parent: starter, From: begin, To: begin.Add(time.Second), Attributes: []attribute.KeyValue{}}
	require.ErrorIs(t, teller.Tell(t.Context(), []Fact{f}), down)
	spans := tracetest.NewInMemoryExporter()
	teller.desks[WorkflowService].out = spans
	require.NoError(t, teller.Tell(t.Context(), nil))
	require.Empty(t, spans.GetSpans(), "what failed once is the caller's to tell again")
}
