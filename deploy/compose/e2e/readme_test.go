//go:build compose

package e2e

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

// A reader of the README with Docker and no Go gets a traced order with two commands:
// the first makes passwords, the second brings everything up and takes an order to CLOSED.
func TestTwoCommandsGiveATracedOrder(t *testing.T) {
	c := ready(t)
	require.Contains(t, c.setup, "docker compose run --rm demo", "the first command names the second")
	require.Contains(t, c.setup, "viewer@example.org")

	for _, stage := range lifecycle.StageNames() {
		require.Contains(t, c.demo, string(stage), "the demo shows the order's trace:\n%s", c.demo)
	}
	require.Contains(t, c.demo, "Order closed", "which ends with its outcome")
	require.Regexp(t, regexp.QuoteMeta(c.publicURL())+`/jaeger/trace/[0-9a-f]{32}`, c.demo)
	require.NoError(t, c.whole(t.Context(), c.demoTrace(t)))
}

// demoTrace is the trace ID that the demo printed.
func (c *composed) demoTrace(t *testing.T) string {
	t.Helper()
	found := regexp.MustCompile(`/jaeger/trace/([0-9a-f]{32})`).FindStringSubmatch(c.demo)
	require.NotNil(t, found, c.demo)
	return found[1]
}
