package collector

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"ordertrace/deploy/secrets"
)

// receiver takes spans over OTLP, as Jaeger does: from ownServices alone.
type receiver struct {
	collectorpb.UnimplementedTraceServiceServer
	address string

	mu      sync.Mutex
	changed chan struct{} // closed and replaced with every request
	got     []*collectorpb.ExportTraceServiceRequest
	refuse  func(context.Context) error // nil: it takes what it gets
	asked   int                         // how many requests came, refused ones too
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{changed: make(chan struct{}), address: address(ports(t)[0])}
	return r
}

func startReceiver(t testing.TB) *receiver {
	t.Helper()
	r := newReceiver(t)
	r.start(t)
	return r
}

func (r *receiver) start(t testing.TB) {
	t.Helper()
	listener, err := net.Listen("tcp", r.address)
	require.NoError(t, err)
	server := grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, r)
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-done)
	})
}

// Export implements collectorpb.TraceServiceServer.
func (r *receiver) Export(ctx context.Context, request *collectorpb.ExportTraceServiceRequest) (*collectorpb.ExportTraceServiceResponse, error) {
	if header := metadata.ValueFromIncomingContext(ctx, "authorization"); len(header) != 1 || header[0] != secrets.BasicAuth(ownServices) {
		return nil, status.Error(codes.Unauthenticated, "not a sender")
	}
	refuse := r.note(request)
	if refuse != nil {
		return nil, refuse(ctx)
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

func (r *receiver) note(request *collectorpb.ExportTraceServiceRequest) (refuse func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.refuse == nil {
		r.got = append(r.got, request)
	}
	close(r.changed)
	r.changed = make(chan struct{})
	return r.refuse
}

// refuseAll lets it refuse every request, nil for none.
func (r *receiver) refuseAll(refuse func(context.Context) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refuse
}

// until waits for a request that makes fits true.
func (r *receiver) until(t testing.TB, what string, fits func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		r.mu.Lock()
		there, changed := fits(), r.changed
		r.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			require.FailNow(t, "not within a minute: "+what)
		}
	}
}

// of waits for the request with the trace's spans.
func (r *receiver) of(t testing.TB, trace traceID) *collectorpb.ExportTraceServiceRequest {
	t.Helper()
	var found *collectorpb.ExportTraceServiceRequest
	r.until(t, "the spans of a trace", func() bool {
		for _, request := range r.got {
			for id := range ids(request) {
				if id.trace == trace {
					found = request
				}
			}
		}
		return found != nil
	})
	return found
}

// ids are those of all spans that came, with how often each did.
func (r *receiver) ids() map[spanID]int {
	count := map[spanID]int{}
	for _, request := range r.got {
		for id := range ids(request) {
			count[id]++
		}
	}
	return count
}

func (r *receiver) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = nil
}
