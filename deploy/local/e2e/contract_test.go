package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The conformance test runs against any URL: here, the workers'.
func TestTheWorkersSystemsKeepTheContract(t *testing.T) {
	r := shared
	test := filepath.Join(t.TempDir(), "conformance.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-o", test, "./systems/conformance")
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	run := func(system, url string) (string, error) {
		run := exec.CommandContext(t.Context(), test, "-test.v", "-system", system, "-url", url, "-shop-url", r.ShopURL(), "-token", r.Token("starter"))
		run.Dir = filepath.Join(root, "systems/conformance")
		out, err := run.CombinedOutput()
		return string(out), err
	}
	for system, url := range map[string]string{"shop": r.ShopURL(), "crm": r.CRMURL(), "mes": r.MESURL()} {
		t.Run(system, func(t *testing.T) {
			out, err := run(system, url)
			require.NoError(t, err, out)
			require.Contains(t, out, "--- PASS: TestAnOrderPassesTheStagesOfASystem")
		})
	}
	t.Run("a shop is no CRM", func(t *testing.T) {
		out, err := run("crm", r.ShopURL())
		require.Error(t, err)
		require.Contains(t, out, "--- FAIL: TestAnOrderPassesTheStagesOfASystem")
	})
}
