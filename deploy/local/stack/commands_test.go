package stack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../.."

func TestJaegerUILinksFollowTheWebUIsPort(t *testing.T) {
	cfg, err := Config{Root: root, StateDir: t.TempDir(), Ports: Ports{UI: 9233}}.withDefaults()
	require.NoError(t, err)

	name, err := writeJaegerUI(cfg)
	require.NoError(t, err)

	written, err := os.ReadFile(name)
	require.NoError(t, err)
	var settings struct {
		LinkPatterns []struct{ Key, URL string }
	}
	require.NoError(t, json.Unmarshal(written, &settings))
	links := make(map[string]string)
	for _, link := range settings.LinkPatterns {
		links[link.Key] = link.URL
	}
	require.Equal(t, "http://127.0.0.1:9233/namespaces/default/workflows/#{temporalWorkflowID}", links["temporalWorkflowID"])
	require.NotContains(t, string(written), "8233")
}

func TestJaegerServesThePageOfOursOnlyWithoutItsOwnUI(t *testing.T) {
	cfg, err := Config{Root: root, StateDir: t.TempDir()}.withDefaults()
	require.NoError(t, err)
	for assets, program := range map[string]executable{
		"":                                     {onPath: true},
		cfg.path("deploy/local/tracepage", ""): {onPath: false},
	} {
		c, err := jaegerCommand(cfg, nil, program)
		require.NoError(t, err)
		require.Contains(t, c.env, "JAEGER_UI_ASSETS="+assets)
	}
}

func TestWorkersGetTheirOwnSystemsOnly(t *testing.T) {
	t.Setenv("CRM_DSN", "postgres://crm@127.0.0.1/crm")
	cfg, err := Config{StateDir: t.TempDir(), WorkerEnv: map[string][]string{"mes": {"LOG_LEVEL=debug"}}}.withDefaults()
	require.NoError(t, err)
	env := make(map[string][]string)
	for _, c := range (&Stack{cfg: cfg}).workerCommands("carriers-secret") {
		env[c.name] = c.env
	}

	require.Contains(t, env["shop"], "SHOP_ADDR=127.0.0.1:8081")
	require.Contains(t, env["shop"], "SHOP_DSN=sqlite:"+filepath.Join(cfg.StateDir, "shop.db"))
	require.NotContains(t, env["shop"], "SHOP_URL=http://127.0.0.1:8081", "to the shop it would mean another shop")
	require.Contains(t, env["mes"], "SHOP_URL=http://127.0.0.1:8081", "the MES fetches models there")
	for _, variable := range env["crm"] {
		require.NotContains(t, variable, "CRM_DSN=", "the runner's own environment has one")
	}
	for name := range env {
		require.Contains(t, env[name], "TEMPORAL_ADDRESS=127.0.0.1:7233")
	}
	require.Contains(t, env["mes"], "LOG_LEVEL=debug")
	require.NotContains(t, env["shop"], "LOG_LEVEL=debug")
}
