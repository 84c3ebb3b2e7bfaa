package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The program simulate takes orders to CLOSED while every worker is killed under it.
func TestSimulateWhileWorkersAreKilled(t *testing.T) {
	r := shared
	program := filepath.Join(t.TempDir(), "simulate")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "ordertrace/deploy/simulate").CombinedOutput()
	require.NoError(t, err, string(out))
	secret, err := r.CarrierSecret()
	require.NoError(t, err)

	var ends, progress bytes.Buffer
	simulate := exec.CommandContext(t.Context(), program, "--orders=12", "--parallel=4", "--json", "--model="+filepath.Join(root, ring))
	simulate.Env = append(os.Environ(),
		"SHOP_URL="+r.ShopURL(), "CRM_URL="+r.CRMURL(), "MES_URL="+r.MESURL(), "CARRIER_SECRET="+secret,
		"CUSTOMER_TOKEN="+r.Token("customer-1"), "MANAGER_TOKEN="+r.Token("manager-3"), "OPERATOR_TOKEN="+r.Token("operator-7"))
	simulate.Stdout, simulate.Stderr = &ends, &progress
	require.NoError(t, simulate.Start())
	for _, worker := range workerNames {
		require.NoError(t, r.WaitHealthy(t.Context(), worker))
		require.NoError(t, r.Kill(worker, syscall.SIGKILL))
	}
	require.NoError(t, simulate.Wait(), ends.String()+progress.String())

	lines := strings.Split(strings.TrimSpace(ends.String()), "\n")
	require.Len(t, lines, 12)
	for _, line := range lines {
		var end struct {
			OrderID string `json:"order_id"`
			State   string
		}
		require.NoError(t, json.Unmarshal([]byte(line), &end))
		require.Equal(t, "CLOSED", end.State)
		require.NoError(t, r.ended(t, end.OrderID))
		r.requireClosedEverywhere(t, end.OrderID)
	}
}
