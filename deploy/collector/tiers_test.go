package collector

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"ordertrace/deploy/secrets"
)

// The first tier is the wall, and keeps what the second cannot take yet.
func TestSpansPassTwoTiers(t *testing.T) {
	receiver := startReceiver(t)
	second := newCollector(t, receiver.address)
	host, port, err := net.SplitHostPort(second.otlp)
	require.NoError(t, err)
	first := newCollector(t, "127.0.0.1:1", feature, "--config", "config.yaml", "--config", "balancing.yaml")
	first.env = append(first.env, "COLLECTOR_TIER_HOST="+host, "COLLECTOR_TIER_PORT="+port, "COLLECTOR_TIER_AUTHORIZATION="+secrets.BasicAuth(ownServices))
	first.start(t)
	services := first.sender(t, ownServices)
	sent := map[traceID]*request{}
	for range 20 {
		linked := linking(span("signal close", tracepb.Span_SPAN_KIND_SERVER, order()...))
		r := asked(temporalScope, linked)
		require.NoError(t, services.send(t.Context(), r))
		sent[traceOf(r)] = r
	}
	first.kill(t)
	second.start(t)
	first.start(t)
	for trace, r := range sent {
		require.Empty(t, diff(r, receiver.of(t, trace)))
	}
}
