// Package prometheus is configuration.
package prometheus

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrometheusTakesItsConfiguration(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("needs promtool: Debian's package prometheus")
	}
	out, err := exec.CommandContext(t.Context(), promtool, "check", "config", "prometheus.yml").CombinedOutput()
	require.NoError(t, err, string(out))
}
