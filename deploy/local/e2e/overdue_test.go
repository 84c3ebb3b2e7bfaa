package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"ordertrace/deploy/local/stack"
	"ordertrace/lifecycle"
)

// An order that waits for longer than its gate's service level says so wherever
// one may look, and only as long as it waits.
func TestOverdueOrderIsFound(t *testing.T) {
	const gate, level = lifecycle.ManufacturingApproved, 2 * time.Second
	table := filepath.Join(t.TempDir(), "levels.yaml")
	require.NoError(t, os.WriteFile(table, fmt.Appendf(nil, "%s: %v\nSUBMITTED: 1h\n", gate, level), 0o600))
	r := another(t, "SERVICE_LEVELS="+table)
	ctx, everyone := t.Context(), r.everyone()
	inTime, untimed := r.mustStartTo(t, lifecycle.Submitted), r.mustStartTo(t, lifecycle.ManufacturingStarted)
	stuck := r.mustStartTo(t, gate)

	eventually(t, patience, 50*time.Millisecond, func() (bool, string) {
		s := r.status(t, stuck.ID)
		require.True(t, s.WaitsFor(gate))
		require.Equal(t, level, s.Waiting.Due.Sub(s.Waiting.Since))
		return s.Waiting.Overdue, "it is not overdue"
	})
	for _, o := range []order{inTime, untimed} {
		require.False(t, r.status(t, o.ID).Waiting.Overdue)
	}
	r.requireOverdue(t, stuck.ID)
	spans := r.requireFacts(t, stuck.ID, tally{
		"RunWorkflow:Order": 1, "INITIATED": 1, "FILE_UPLOADED": 1, "SUBMITTED": 1, "PRICE_CALCULATED": 1,
		"await FILE_UPLOADED": 1, "update upload": 1, "await SUBMITTED": 1, "update advance": 1, "overdue " + string(gate): 1,
	})
	overdue := one(t, spans, "overdue "+string(gate))
	require.Equal(t, one(t, spans, "RunWorkflow:Order").ID, overdue.Parent)
	require.GreaterOrEqual(t, overdue.Start.Sub(one(t, spans, string(lifecycle.PriceCalculated)).End()), level)

	b := r.operatorsBrowser(t)
	list := "/namespaces/default/workflows?query=" + url.QueryEscape("OrderOverdue = true")
	b.Open(list, "table")
	b.Eventually(fmt.Sprintf(`document.body.innerText.includes(%q)`, stuck.ID))
	require.NotContains(t, b.Text("table"), inTime.ID)
	require.NotContains(t, b.Text("table"), untimed.ID)
	b.Open(r.page(t, stuck.ID)+"/user-metadata", "body")
	b.Eventually(details + `?.body.innerText.includes("overdue since")`)

	for _, step := range everyone.Steps("") {
		if step.Stage == gate {
			require.NoError(t, everyone.Take(ctx, stuck.ID, step))
		}
	}
	require.NoError(t, everyone.Await(ctx, stuck.ID, lifecycle.ManufacturingStarted))
	require.False(t, r.status(t, stuck.ID).Waiting.Overdue)
	r.requireOverdue(t)
	b.Open(list, "body")
	b.Eventually(fmt.Sprintf(`document.body.innerText.includes("No Workflows") && !document.body.innerText.includes(%q)`, stuck.ID))
}

// page is where the Temporal UI shows an order.
func (r *rig) page(t *testing.T, id string) string {
	t.Helper()
	d, err := r.temporal.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	return "/namespaces/" + stack.Namespace + "/workflows/" + id + "/" + d.WorkflowExecutionInfo.Execution.RunId
}

// requireOverdue requires that Temporal's list filter finds these orders, and no
// other.
func (r *rig) requireOverdue(t *testing.T, ids ...string) {
	t.Helper()
	eventually(t, patience, 100*time.Millisecond, func() (bool, string) { // its index lags behind
		page, err := r.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "OrderOverdue = true"})
		require.NoError(t, err)
		var found []string
		for _, x := range page.Executions {
			found = append(found, x.Execution.WorkflowId)
		}
		return slices.Equal(ids, found), fmt.Sprint(found)
	})
}

// A gate's service level is the one that the order met when it came there: a
// worker that died, and read another table since, changes nothing.
func TestOverdueByTheLevelThatItMet(t *testing.T) {
	const gate, level = lifecycle.Submitted, 5 * time.Second
	table := filepath.Join(t.TempDir(), "levels.yaml")
	require.NoError(t, os.WriteFile(table, fmt.Appendf(nil, "%s: %v\n", gate, level), 0o600))
	r := another(t, "SERVICE_LEVELS="+table)
	early := r.mustStartTo(t, gate)
	require.NoError(t, os.WriteFile(table, fmt.Appendf(nil, "%s: 1h\n", gate), 0o600))
	r.settled(t, early.ID)
	r.restart(t, "shop", syscall.SIGKILL)
	late := r.mustStartTo(t, gate)

	r.requireOverdue(t, early.ID)
	s := r.status(t, late.ID)
	require.Equal(t, time.Hour, s.Waiting.Due.Sub(s.Waiting.Since))
	require.NoError(t, r.cancelAt(t.Context(), r.ShopURL(), early.ID, "customer-1"))
	require.Error(t, r.ended(t, early.ID))
	r.requireOverdue(t)
	require.NoError(t, r.wasCancelled(t.Context(), t, early, "customer-1"))
}
