package collector

import (
	"encoding/hex"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"golang.org/x/crypto/bcrypt"

	"ordertrace/deploy/local/stack"
	"ordertrace/tracing/jaeger"
)

var traceViewer = url.UserPassword("trace-viewer", "Qz4LrN8vWs6TyB2d")

// jaegerServer is a real Jaeger, with deploy/jaeger's configuration.
type jaegerServer struct {
	process
	otlp string // address that takes spans
	url  string
}

// newJaeger is one that keeps its spans in a folder of the test, and has not been
// started. The files are configurations beside deploy/jaeger/config.yaml.
func newJaeger(t testing.TB, files ...string) *jaegerServer {
	t.Helper()
	program, err := stack.Jaeger(t.Context(), building(t))
	require.NoError(t, err)
	dir, port := t.TempDir(), ports(t)
	password, _ := traceViewer.Password()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	args := []string{"--config", root + "/deploy/jaeger/config.yaml"}
	for _, file := range files {
		args = append(args, "--config", root+"/deploy/jaeger/"+file)
	}
	return &jaegerServer{
		process: process{
			path: program, args: args, log: filepath.Join(dir, "log"), well: "http://" + address(port[3]) + "/status",
			env: []string{
				"JAEGER_READERS=" + write(t, filepath.Join(dir, "readers.htpasswd"), "%s:%s\n", traceViewer.Username(), hash),
				"JAEGER_SENDERS=" + senders(t, dir),
				"JAEGER_OTLP_PORT=" + port[0],
				"JAEGER_PORT=" + port[1],
				"JAEGER_GRPC_PORT=" + port[2],
				"JAEGER_HEALTH_PORT=" + port[3],
				"JAEGER_STORAGE_DIR=" + filepath.Join(dir, "spans"),
				"JAEGER_UI_CONFIG=" + root + "/deploy/jaeger/ui.json",
			},
		},
		otlp: address(port[0]),
		url:  "http://" + address(port[1]),
	}
}

func (j *jaegerServer) client() *jaeger.Client { return jaeger.NewClient(j.url, traceViewer) }

// One order's trace is whole in the end, though Jaeger is away from its middle on,
// the collector is killed meanwhile, and half of the spans are told twice.
func TestATraceIsWholeAfterJaegerWasAwayAndTheCollectorKilled(t *testing.T) {
	server := newJaeger(t)
	server.start(t)
	c := newCollector(t, server.otlp)
	c.start(t)
	services := c.sender(t, ownServices)
	anchor := span("RunWorkflow:Order", tracepb.Span_SPAN_KIND_INTERNAL, text("temporalWorkflowID", "ord-1"))
	anchor.ParentSpanId = nil
	spans := []*tracepb.Span{anchor}
	for _, stage := range []string{"INITIATED", "FILE_UPLOADED", "SUBMITTED", "PRICE_CALCULATED", "MANUFACTURING_APPROVED", "SHIPPED", "CLOSED"} {
		s := span(stage, tracepb.Span_SPAN_KIND_INTERNAL, text("temporalWorkflowID", "ord-1"))
		s.TraceId, s.ParentSpanId = anchor.TraceId, anchor.SpanId
		spans = append(spans, s)
	}
	tell := func(spans ...*tracepb.Span) {
		for _, s := range spans {
			require.NoError(t, services.send(t.Context(), asked(temporalScope, s)))
		}
	}
	tell(spans[:4]...)
	server.kill(t)
	tell(spans[2:6]...)
	c.kill(t)
	c.start(t)
	tell(spans[5:]...)
	c.kill(t)
	server.start(t)
	c.start(t)

	var got []jaeger.Span
	require.Eventually(t, func() bool {
		got, _ = server.client().Trace(t.Context(), trace.TraceID(anchor.TraceId))
		return len(got) >= len(spans)
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, jaeger.Report{Traces: 1, Roots: 1, Spans: len(spans)}, jaeger.Examine(got))
}

// What this language does not reach is not kept by Jaeger either.
func TestWhatTheCollectorCannotMendJaegerDoesNotKeep(t *testing.T) {
	server := newJaeger(t)
	server.start(t)
	c := newCollector(t, server.otlp)
	c.start(t)
	r := asked(temporalScope, span("SHIPPED", tracepb.Span_SPAN_KIND_INTERNAL))
	first(r).ParentSpanId = nil
	first(r).Links = []*tracepb.Span_Link{{TraceId: random(16), SpanId: random(8), TraceState: "vendor=jane-doe", Attributes: []*commonpb.KeyValue{text("by", "jane-doe")}}}
	r.ResourceSpans[0].Resource.EntityRefs = []*commonpb.EntityRef{{Type: "jane-doe", SchemaUrl: "https://jane-doe", IdKeys: []string{"service.name"}}}
	require.NoError(t, c.sender(t, ownServices).send(t.Context(), r))

	id := trace.TraceID(first(r).TraceId)
	var kept []byte
	require.Eventually(t, func() bool {
		var err error
		kept, err = server.client().JSON(t.Context(), id)
		return err == nil && strings.Contains(string(kept), "SHIPPED")
	}, time.Minute, 50*time.Millisecond)
	require.Contains(t, string(kept), hex.EncodeToString(first(r).Links[0].SpanId), "the link itself is kept")
	require.NotContains(t, string(kept), "jane")
}
