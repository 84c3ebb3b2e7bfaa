package stack

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// configWithWorkers is a configuration that could start, as far as files go.
func configWithWorkers(t *testing.T) Config {
	bin := t.TempDir()
	for _, name := range workerNames {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), nil, 0o755))
	}
	ports, err := FreePorts()
	require.NoError(t, err)
	return Config{StateDir: t.TempDir(), BinDir: bin, Ports: ports}
}

func take(t *testing.T, port int) {
	listener, err := net.Listen("tcp", address(port))
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
}

func TestTakenPortsAreListedTogether(t *testing.T) {
	cfg := configWithWorkers(t)
	take(t, cfg.Ports.UI)
	take(t, cfg.Ports.MES)

	_, err := Start(t.Context(), cfg)

	var taken *PortsTakenError
	require.ErrorAs(t, err, &taken)
	require.Len(t, taken.Taken, 2)
	require.Equal(t, cfg.Ports.UI, taken.Taken[0].Port)
	require.Equal(t, cfg.Ports.MES, taken.Taken[1].Port)
	require.ErrorContains(t, err, "for the Temporal web UI: choose another with --ui-port, UI_PORT or `make up UI_PORT=…`")
	require.ErrorContains(t, err, "for the MES: choose another with --mes-port, MES_PORT or `make up MES_PORT=…`")
}

func TestOneNumberForTwoPortsIsRefused(t *testing.T) {
	cfg := configWithWorkers(t)
	cfg.Ports.CRM = cfg.Ports.Shop

	_, err := Start(t.Context(), cfg)

	var taken *PortsTakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, "--crm-port", taken.Taken[0].Flag)
}

func TestMissingWorkersAreNamed(t *testing.T) {
	cfg := configWithWorkers(t)
	require.NoError(t, os.Remove(filepath.Join(cfg.BinDir, "crm")))

	_, err := Start(t.Context(), cfg)

	require.ErrorContains(t, err, "the worker crm is not built (`make build` builds it)")
}

func TestFreePortsAreDistinctAndFree(t *testing.T) {
	ports, err := FreePorts()
	require.NoError(t, err)
	require.NoError(t, ports.check())
	for _, use := range ports.uses() {
		require.Less(t, *use.port, 32768, "Linux gives the ports from there on to outgoing connections")
	}
}
