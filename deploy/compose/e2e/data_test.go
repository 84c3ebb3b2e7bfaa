//go:build compose

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// Who takes the stack down and brings it up again finds everything as it was: orders in
// the databases and in Temporal, traces in Jaeger, metrics in Prometheus.
func TestDataOutlivesTheContainers(t *testing.T) {
	c := ready(t)
	before := c.kept(t)
	require.NotZero(t, before.orders["shop"])
	c.mustCompose(t, "down")
	c.mustCompose(t, "up", "--detach", "--wait")
	require.Equal(t, before.orders, c.kept(t).orders)
	eventually(t, patience, func() error { return c.whole(t.Context(), c.demoTrace(t)) })
	eventually(t, patience, func() error { return c.counted(t.Context(), "order") })

	// And it works: another order goes through.
	out := c.mustCompose(t, "run", "--rm", "-T", "demo")
	require.Contains(t, out, "Order closed")
}

type kept struct{ orders map[string]int }

// kept counts orders wherever there are some.
func (c *composed) kept(t *testing.T) kept {
	t.Helper()
	k := kept{orders: map[string]int{}}
	for _, system := range []string{"shop", "crm", "mes"} {
		k.orders[system] = len(c.rows(t, system, "SELECT order_id FROM orders"))
	}
	eventually(t, patience, func() error {
		runs, err := c.runs(t.Context())
		k.orders["temporal"] = len(runs)
		return err
	})
	return k
}

// rows asks a system's database.
func (c *composed) rows(t *testing.T, system, query string) []string {
	t.Helper()
	out := c.mustCompose(t, "exec", "-T", "postgres", "psql", "--username=postgres", "--dbname="+system, "--tuples-only", "--no-align", "--command="+query)
	return strings.Fields(out)
}

// runs is the state of each run of each order in Temporal.
func (c *composed) runs(ctx context.Context) (map[string][]string, error) {
	at, err := c.address(ctx, "temporal")
	if err != nil {
		return nil, err
	}
	temporal, err := client.DialContext(ctx, client.Options{HostPort: at + ":7233", Logger: silent{}})
	if err != nil {
		return nil, err
	}
	defer temporal.Close()
	runs := map[string][]string{}
	var page []byte
	for {
		answer, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'Order'", NextPageToken: page})
		if err != nil {
			return nil, fmt.Errorf("temporal: %w", err)
		}
		for _, run := range answer.GetExecutions() {
			id := run.GetExecution().GetWorkflowId()
			runs[id] = append(runs[id], run.GetStatus().String())
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			return runs, nil
		}
	}
}

// silent is a logger for the Temporal SDK.
type silent struct{}

var _ log.Logger = silent{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
