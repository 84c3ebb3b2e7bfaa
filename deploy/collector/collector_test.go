package collector

import (
	"context"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"golang.org/x/crypto/bcrypt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/secrets"
)

// Who may send spans to the collectors of these tests. The vendor's MES has a
// password as it stands, which its htpasswd file may have too.
var (
	ownServices = url.UserPassword("ordertrace", "8fDb7Yc2qLs0VnTz")
	vendorMES   = url.UserPassword("vendor-mes", "x5RkW1mUe9HpGj3A")
)

// collector is a real one, with deploy/collector/config.yaml.
type collector struct {
	process
	otlp    string // address that takes spans
	metrics string // URL of calls and durations
	own     string // URL of its own metrics
}

const feature = "--feature-gates=ottl.set.allowNil"

// newCollector is one that sends to a receiver of spans at an address, and has not
// been started. Its queue is in a folder of the test.
func newCollector(t testing.TB, receiver string, args ...string) *collector {
	t.Helper()
	program, err := stack.Collector(t.Context(), building(t))
	require.NoError(t, err)
	dir, port := t.TempDir(), ports(t)
	if args == nil {
		args = []string{feature, "--config", "config.yaml"}
	}
	return &collector{
		process: process{
			path: program, args: args, log: filepath.Join(dir, "log"), well: "http://" + address(port[1]),
			env: []string{
				"COLLECTOR_SENDERS=" + senders(t, dir),
				"COLLECTOR_OTLP_PORT=" + port[0],
				"COLLECTOR_HEALTH_PORT=" + port[1],
				"COLLECTOR_SPAN_METRICS_PORT=" + port[2],
				"COLLECTOR_METRICS_PORT=" + port[3],
				"COLLECTOR_QUEUE_DIR=" + filepath.Join(dir, "queue"),
				"COLLECTOR_JAEGER_ENDPOINT=" + receiver,
				"COLLECTOR_JAEGER_AUTHORIZATION=" + secrets.BasicAuth(ownServices),
				"COLLECTOR_METRICS_INTERVAL=100ms",
			},
		},
		otlp:    address(port[0]),
		metrics: "http://" + address(port[2]) + "/metrics",
		own:     "http://" + address(port[3]) + "/metrics",
	}
}

// senders is an htpasswd file as the stack has one: a hash of bcrypt's least cost.
func senders(t testing.TB, dir string) string {
	password, _ := ownServices.Password()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	plain, _ := vendorMES.Password()
	return write(t, filepath.Join(dir, "senders.htpasswd"), "%s:%s\n%s:%s\n", ownServices.Username(), hash, vendorMES.Username(), plain)
}

// sender is someone who sends spans, nil for nobody.
func (c *collector) sender(t testing.TB, user *url.Userinfo) *sender {
	return newSender(t, c.otlp, user)
}

type sender struct {
	collectorpb.TraceServiceClient
	authorization string
}

func newSender(t testing.TB, address string, user *url.Userinfo) *sender {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	s := &sender{TraceServiceClient: collectorpb.NewTraceServiceClient(conn)}
	if user != nil {
		s.authorization = secrets.BasicAuth(user)
	}
	return s
}

func (s *sender) send(ctx context.Context, request *collectorpb.ExportTraceServiceRequest) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if s.authorization != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", s.authorization)
	}
	_, err := s.Export(ctx, request, grpc.WaitForReady(true))
	return err
}
