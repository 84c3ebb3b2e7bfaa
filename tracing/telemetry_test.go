package tracing

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// collector takes what a service exports.
type collector struct {
	provider *sdktrace.TracerProvider
	spans    *tracetest.InMemoryExporter
}

func collect(t *testing.T, service string) collector {
	var telemetry Telemetry
	spans := tracetest.NewInMemoryExporter()
	p, err := telemetry.serve(t.Context(), service, spans)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, telemetry.Shutdown(context.WithoutCancel(t.Context()))) })
	return collector{p, spans}
}

// told is every span so far, in the order of its end.
func (c collector) told(t *testing.T) tracetest.SpanStubs {
	require.NoError(t, c.provider.ForceFlush(t.Context()))
	return c.spans.GetSpans()
}

const everyProcess = "host.name=h1,host.id=1,service.instance.id=i1,process.pid=42,container.id=c1,k8s.pod.name=p1," +
	"k8s.container.restart_count=3,faas.instance=f1,os.type=linux,service.version=9,cloud.resource_id=r1," +
	"service.namespace=jewels,deployment.environment.name=prod"

func TestResourceOfTheWorkflowsOwnSpansNamesNoProcess(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", everyProcess)
	t.Setenv("OTEL_SERVICE_NAME", "shop")
	c := collect(t, WorkflowService)
	_, s := c.provider.Tracer(ScopeName).Start(t.Context(), "x")
	s.End()

	kept := map[string]string{}
	for _, a := range c.told(t)[0].Resource.Attributes() {
		kept[string(a.Key)] = a.Value.String()
	}
	require.Equal(t, map[string]string{
		"service.name": WorkflowService, "service.namespace": "jewels", "deployment.environment.name": "prod",
		"telemetry.sdk.language": "go",
	}, kept)
}

func TestResourceOfAProcessKeepsWhatTheEnvironmentSays(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", everyProcess)
	t.Setenv("OTEL_SERVICE_NAME", "other") // the caller read it already
	c := collect(t, "shop")
	_, s := c.provider.Tracer(ScopeName).Start(t.Context(), "x")
	s.End()
	set := c.told(t)[0].Resource.Set()
	for key, want := range map[attribute.Key]string{"service.name": "shop", "host.name": "h1", "service.instance.id": "i1"} {
		got, _ := set.Value(key)
		require.Equal(t, want, got.String(), key)
	}
}

func TestOrdersAreToldWhateverIsSampled(t *testing.T) {
	for _, sampler := range []string{"always_off", "traceidratio", "parentbased_traceidratio"} {
		t.Run(sampler, func(t *testing.T) {
			t.Setenv("OTEL_TRACES_SAMPLER", sampler)
			t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0")
			c := collect(t, WorkflowService)
			Fact{ID: anchorID("run-1"), Name: "x", Parent: remote(TraceOf(nil, "", "", ""), trace.SpanID{})}.tell(c.provider.Tracer(ScopeName))
			require.Len(t, c.told(t), 1)
		})
	}
}

func TestDisabledTracingTellsNothing(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", "true")
	var telemetry Telemetry
	p, err := telemetry.Service(t.Context(), "shop")
	require.NoError(t, err)
	_, s := p.Tracer(ScopeName).Start(t.Context(), "x")
	require.False(t, s.IsRecording())
	require.NoError(t, telemetry.Flush(t.Context()))
	require.NoError(t, telemetry.Shutdown(t.Context()))
}

// An exporter that cannot get rid of its spans costs spans, never time.
func TestCollectorThatDoesNotTakeSpans(t *testing.T) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	tests := map[string]func(*testing.T) string{
		"nobody listens":         closedPort,
		"accepts, never answers": silentPort,
	}
	for name, address := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+address(t))
			var telemetry Telemetry
			p, err := telemetry.Service(t.Context(), "shop")
			require.NoError(t, err)
			begun := time.Now()
			for range 10 * sdktrace.DefaultMaxQueueSize { // what the queue cannot hold is dropped
				_, s := p.Tracer(ScopeName).Start(t.Context(), "x")
				s.End()
			}
			require.Less(t, time.Since(begun), 5*time.Second, "a span's end must not wait for the collector")

			const limit = 300 * time.Millisecond
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			begun = time.Now()
			require.Error(t, telemetry.Shutdown(ctx), "spans are lost, and somebody should know")
			require.Less(t, time.Since(begun), limit+2*time.Second)
		})
	}
}

// closedPort is an address where nobody listens.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// silentPort is an address where calls are taken and never answered.
func silentPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var taken []net.Conn
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			taken = append(taken, conn)
		}
		for _, conn := range taken {
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	return l.Addr().String()
}

func TestDroppedSpansAreBounded(t *testing.T) {
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
	var telemetry Telemetry
	stuck := &stuckExporter{entered: make(chan struct{}, 1), leave: make(chan struct{})}
	p, err := telemetry.serve(t.Context(), "shop", stuck)
	require.NoError(t, err)
	tracer := p.Tracer(ScopeName)
	for range 8 {
		_, s := tracer.Start(t.Context(), "first batch")
		s.End()
	}
	<-stuck.entered
	for range 1000 {
		_, s := tracer.Start(t.Context(), "while it is stuck")
		s.End()
	}
	close(stuck.leave)
	require.NoError(t, telemetry.Shutdown(t.Context()))
	require.LessOrEqual(t, stuck.spans, 8+16+8, "one batch out, one in hand, and the queue")
	require.GreaterOrEqual(t, stuck.spans, 8+16)
}

// stuckExporter does not come back from its first export until it may leave.
type stuckExporter struct {
	entered, leave chan struct{}
	spans          int // exports never overlap
}

func (e *stuckExporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	select {
	case e.entered <- struct{}{}:
	default:
	}
	<-e.leave
	e.spans += len(spans)
	return nil
}

func (e *stuckExporter) Shutdown(context.Context) error { return nil }

func TestLogsNameTheirSpan(t *testing.T) {
	within := trace.ContextWithSpanContext(t.Context(), span("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", 0))
	tests := map[string]struct {
		ctx  context.Context
		log  func(*slog.Logger) *slog.Logger
		want map[string]any
	}{
		"within a span":   {within, nil, map[string]any{"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331"}},
		"outside a span":  {t.Context(), nil, map[string]any{}},
		"with attributes": {within, func(l *slog.Logger) *slog.Logger { return l.With("queue", "shop") }, map[string]any{"trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331", "queue": "shop"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			logger := slog.New(LogHandler(slog.NewJSONHandler(io.Writer(&out), nil)))
			if tc.log != nil {
				logger = tc.log(logger)
			}
			logger.InfoContext(tc.ctx, "hello")
			var line map[string]any
			require.NoError(t, json.Unmarshal(out.Bytes(), &line))
			for _, usual := range []string{"time", "level", "msg"} {
				delete(line, usual)
			}
			require.Equal(t, tc.want, line)
		})
	}
}
