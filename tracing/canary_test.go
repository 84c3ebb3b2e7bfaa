package tracing

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// canaries are what people and strangers could fill in.
var canaries = map[string]string{
	"name":      "Jane Dö Canary",
	"e-mail":    "jane.canary@example.com",
	"telephone": "+49 170 1234567",
	"address":   "5 Canary Street, 10115 Berlin",
	"file name": "ring for canary.stl",
	"token":     "Bearer eyJhbGciOiJIUzI1NiJ9.canary",
}

// intake is an OTLP collector: it keeps what reaches it, as it came.
type intake struct {
	collectorpb.UnimplementedTraceServiceServer
	mu   sync.Mutex
	came []*collectorpb.ExportTraceServiceRequest
}

func (i *intake) Export(_ context.Context, in *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.came = append(i.came, in)
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

// newIntake starts a collector, and has services send to it.
func newIntake(t *testing.T) *intake {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	i, g := &intake{}, grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(g, i)
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); require.NoError(t, <-served) })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
	return i
}

// send has a service tell spans, and returns all that left the process, as bytes
// and as text.
func (i *intake) send(t *testing.T, service string, tell func(trace.TracerProvider)) (string, string) {
	var telemetry Telemetry
	p, err := telemetry.Service(t.Context(), service)
	require.NoError(t, err)
	tell(p)
	require.NoError(t, telemetry.Shutdown(t.Context()))
	i.mu.Lock()
	defer i.mu.Unlock()
	var raw, text strings.Builder
	for _, request := range i.came {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
		require.NoError(t, err)
		raw.Write(b)
		text.WriteString(prototext.Format(request))
	}
	i.came = nil
	return raw.String(), text.String()
}

func TestNothingOfPeopleLeavesTheProcess(t *testing.T) {
	for _, service := range []string{"shop", WorkflowService} {
		for kind, canary := range canaries {
			t.Run(service+"/"+kind, func(t *testing.T) {
				// OTEL_RESOURCE_ATTRIBUTES is percent-encoded.
				encoded := strings.NewReplacer(" ", "%20", ",", "%2C", "+", "%2B", "ö", "%C3%B6").Replace(canary)
				t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "process.owner="+encoded+",host.name="+encoded+",service.namespace="+encoded)
				raw, text := newIntake(t).send(t, service, func(p trace.TracerProvider) { everywhere(t, p, canary) })
				require.Contains(t, text, `"kept"`, "spans do leave")
				require.NotContains(t, raw, canary)
				require.NotContains(t, strings.ToLower(text), "canary")
				require.NotContains(t, text, "1234567")
			})
		}
	}
}

// everywhere tells spans with a canary in each place that a span has.
func everywhere(t *testing.T, p trace.TracerProvider, canary string) {
	carrier, err := baggage.NewMemberRaw("user", canary)
	require.NoError(t, err)
	bag, err := baggage.New(carrier)
	require.NoError(t, err)
	state, err := trace.ParseTraceState("vendor=canary1234567")
	require.NoError(t, err)
	ctx := trace.ContextWithRemoteSpanContext(baggage.ContextWithBaggage(t.Context(), bag), starter.WithTraceState(state))

	values := []attribute.KeyValue{attribute.String(canary, "x"), attribute.String("user.name", canary)}
	for _, keys := range []map[attribute.Key]rule{spanKeys, resourceKeys, events["exception"]} {
		for key := range keys {
			values = append(values, key.String(canary))
		}
	}
	for key := range withheld {
		values = append(values, key.String(canary))
	}
	lists := make([]attribute.KeyValue, 0, len(values))
	maps := make([]attribute.KeyValue, 0, len(values))
	for _, kv := range values {
		lists = append(lists, kv.Key.StringSlice([]string{canary}))
		maps = append(maps, attribute.KeyValue{Key: kv.Key, Value: attribute.MapValue(attribute.String(canary, canary))})
	}
	scopes := []string{canary, "elsewhere"}
	for scope := range nameRules {
		scopes = append(scopes, scope)
	}
	for _, scope := range scopes {
		tracer := p.Tracer(scope, trace.WithInstrumentationVersion(canary), trace.WithSchemaURL(canary), trace.WithInstrumentationAttributes(values...))
		for _, with := range [][]attribute.KeyValue{values, lists, maps} {
			for _, name := range []string{canary, "signal " + canary, "SignalWorkflow:" + canary, "GET /" + canary, "INSERT " + canary} {
				_, s := tracer.Start(ctx, name, trace.WithAttributes(with...), trace.WithSpanKind(trace.SpanKindClient),
					trace.WithLinks(trace.Link{SpanContext: sender.WithTraceState(state), Attributes: with}))
				s.RecordError(errors.New(canary), trace.WithStackTrace(true), trace.WithAttributes(with...))
				s.AddEvent(canary, trace.WithAttributes(with...))
				s.SetStatus(codes.Error, canary)
				s.End()
			}
		}
	}
	_, s := p.Tracer(ScopeName).Start(ctx, "kept")
	s.End()
}

func TestAFactToldTwiceLeavesAsTheSameBytes(t *testing.T) {
	tell := func(host string) string {
		t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "host.name="+host+",user="+host)
		raw, _ := newIntake(t).send(t, WorkflowService, func(p trace.TracerProvider) {
			Fact{
				ID: outcomeID(firstRun), Name: "Journey closed", Parent: remote(starter.TraceID(), anchorID(firstRun)), From: begin, Link: sender,
				Attributes: own(firstRun, KeyOutcome.String("closed"), attribute.String("user.name", "Jane")),
			}.tell(p.Tracer(ScopeName))
		})
		require.NotEmpty(t, raw)
		return raw
	}
	require.Equal(t, tell("h1"), tell("h2"))
}
