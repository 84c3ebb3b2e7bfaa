package collector

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordertrace/deploy/secrets"
)

// What the collector has answered is on disk.
func TestSpansOutlastTheirReceiverAndAKilledCollector(t *testing.T) {
	stalled := make(chan struct{})
	for name, begin := range map[string]func(testing.TB, *receiver){
		"a receiver that is down": func(testing.TB, *receiver) {},
		"a receiver that refuses": func(t testing.TB, r *receiver) {
			r.refuseAll(func(context.Context) error { return status.Error(codes.Unavailable, "not now") })
			r.start(t)
		},
		"a receiver that stalls": func(t testing.TB, r *receiver) {
			r.refuseAll(func(ctx context.Context) error {
				select {
				case <-ctx.Done():
				case <-stalled:
				}
				return status.Error(codes.Unavailable, "never")
			})
			r.start(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			receiver := newReceiver(t)
			begin(t, receiver)
			c := newCollector(t, receiver.address)
			c.start(t)
			sender := c.sender(t, ownServices)
			sent := map[spanID]bool{}
			for range 50 {
				r := asked(temporalScope, span("SHIPPED", tracepb.Span_SPAN_KIND_INTERNAL), span("CLOSED", tracepb.Span_SPAN_KIND_INTERNAL))
				require.NoError(t, sender.send(t.Context(), r))
				for id := range ids(r) {
					sent[id] = true
				}
			}
			for range 2 { // dead twice: what was under way is taken up again
				c.kill(t)
				c.start(t)
			}
			receiver.mu.Lock()
			require.Empty(t, receiver.got)
			running := receiver.asked > 0
			receiver.mu.Unlock()
			receiver.refuseAll(nil)
			if !running {
				receiver.start(t)
			}
			receiver.until(t, "every span", func() bool {
				got := receiver.ids()
				for id := range sent {
					if got[id] == 0 {
						return false
					}
				}
				return len(got) == len(sent)
			})
		})
	}
	close(stalled)
}

// A full queue refuses, so that senders keep what they have, rather than take and
// forget.
func TestAFullQueueRefuses(t *testing.T) {
	c := newCollector(t, newReceiver(t).address)
	c.env = append(c.env, "COLLECTOR_QUEUE_BYTES=20000")
	c.start(t)
	sender := c.sender(t, ownServices)
	var refused error
	for range 1000 {
		if refused = sender.send(t.Context(), asked(temporalScope, span("SHIPPED", tracepb.Span_SPAN_KIND_INTERNAL))); refused != nil {
			break
		}
	}
	require.Contains(t, []codes.Code{codes.Unavailable, codes.ResourceExhausted}, status.Code(refused), refused)
}

// A wrong password is no passing fault to the collector: it drops what it was to
// send, and says so in its own metrics, which are to be watched.
func TestAReceiverThatRefusesThePasswordCostsTheSpans(t *testing.T) {
	c := newCollector(t, startReceiver(t).address)
	c.env = append(c.env, "COLLECTOR_JAEGER_AUTHORIZATION="+secrets.BasicAuth(url.UserPassword("ordertrace", "old")))
	c.start(t)
	require.NoError(t, c.sender(t, ownServices).send(t.Context(), asked(temporalScope, span("SHIPPED", tracepb.Span_SPAN_KIND_INTERNAL))))
	lost := regexp.MustCompile(`(?m)^otelcol_exporter_send_failed_spans(_total)?\{.*\} 1$`)
	require.Eventually(t, func() bool { return lost.MatchString(get(t, c.own, "")) }, time.Minute, 50*time.Millisecond)
}

func TestItsLogIsJSONAndTellsNoSecret(t *testing.T) {
	c := newCollector(t, startReceiver(t).address)
	c.start(t)
	require.Error(t, c.sender(t, nil).send(t.Context(), asked(temporalScope, span("SHIPPED", tracepb.Span_SPAN_KIND_INTERNAL))))
	c.kill(t)
	log, err := os.ReadFile(c.log)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	for _, line := range lines {
		require.True(t, json.Valid([]byte(line)), line)
	}
	require.Greater(t, len(lines), 5)
	for _, user := range []*url.Userinfo{ownServices, vendorMES} {
		password, _ := user.Password()
		require.NotContains(t, string(log), password)
	}
}
