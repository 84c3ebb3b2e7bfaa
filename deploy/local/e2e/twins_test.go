package e2e

import (
	"context"
	"encoding/hex"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"

	"ordertrace/tracing"
)

// Two workers, on two processes, say the same of an order, to the byte: so any
// store keeps it once.
func TestTwoWorkersTellTheSameSpans(t *testing.T) {
	r := shared
	o := atTheLastGate(t, r)
	r.closeUntraced(t, o.ID)
	require.NoError(t, r.ended(t, o.ID))
	want := map[string]bool{}
	for _, s := range r.requireFacts(t, o.ID, closedOrder()) {
		if s.Service == tracing.WorkflowService {
			want[s.ID] = true
		}
	}

	twins := [2]*recorder{newRecorder(t), newRecorder(t)}
	for i, twin := range twins {
		r.startShop(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+twin.endpoint, "OTEL_RESOURCE_ATTRIBUTES=service.instance.id="+string(rune('a'+i)))
	}
	eventually(t, patience, 50*time.Millisecond, func() (bool, string) {
		r.status(t, o.ID) // some worker replays the order
		return len(twins[0].of(o.ID)) >= len(want) && len(twins[1].of(o.ID)) >= len(want), "a twin has not replayed it"
	})
	require.Equal(t, twins[0].of(o.ID), twins[1].of(o.ID))
	for id := range twins[0].of(o.ID) {
		require.True(t, want[id], "the shop's own worker told other spans")
	}
	require.Len(t, twins[0].of(o.ID), len(want))
}

// startShop runs another worker of the queue shop, without a shop of its own.
func (r *rig) startShop(t *testing.T, env ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "shop.log"))
	require.NoError(t, err)
	cmd := exec.Command(filepath.Join(r.bin, "shop"), "--addr", "127.0.0.1:0")
	cmd.Env = append(append(os.Environ(), r.Env()...), env...)
	cmd.Env = append(cmd.Env, "CODEC_ADDR=127.0.0.1:0", "API_TOKENS_FILE="+filepath.Join(r.StateDir(), "access", "callers"))
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		err := cmd.Wait()
		words, _ := os.ReadFile(log.Name())
		require.NoError(t, err, "%s", words)
		require.NoError(t, log.Close())
	})
}

// recorder takes spans as Jaeger does, and keeps those of the workflow as they
// came.
type recorder struct {
	collector.UnimplementedTraceServiceServer
	endpoint string

	mu    sync.Mutex
	spans map[string]map[string]string // by order and span ID: the span, its scope and its resource
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &recorder{endpoint: "http://" + listener.Addr().String(), spans: map[string]map[string]string{}}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, r)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); require.NoError(t, <-served) })
	return r
}

// Export implements collector.TraceServiceServer.
func (r *recorder) Export(_ context.Context, in *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, resource := range in.ResourceSpans {
		if attribute(resource.GetResource().GetAttributes(), "service.name") != tracing.WorkflowService {
			continue
		}
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				r.keep(resource, scope, span)
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func (r *recorder) keep(resource *tracepb.ResourceSpans, scope *tracepb.ScopeSpans, span *tracepb.Span) {
	order := attribute(span.Attributes, "temporalWorkflowID")
	if r.spans[order] == nil {
		r.spans[order] = map[string]string{}
	}
	whole := &tracepb.ResourceSpans{
		Resource: resource.Resource, SchemaUrl: resource.SchemaUrl,
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: scope.Scope, SchemaUrl: scope.SchemaUrl, Spans: []*tracepb.Span{span}}},
	}
	r.spans[order][hex.EncodeToString(span.SpanId)] = prototext.Format(whole)
}

// of is what is known of an order, by span ID.
func (r *recorder) of(order string) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.spans[order])
}

func attribute(attributes []*commonpb.KeyValue, key string) string {
	for _, a := range attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}
