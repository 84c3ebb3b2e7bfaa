//go:build compose

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Only the proxy and the three APIs can be reached from outside their networks, and
// these from this machine alone.
func TestNothingElseIsPublished(t *testing.T) {
	c := ready(t)
	out, err := c.engine.Docker(t.Context(), "ps", "--filter", "label=com.docker.compose.project="+project, "--quiet")
	require.NoError(t, err)
	containers := strings.Fields(out)
	require.Greater(t, len(containers), 10)
	out, err = c.engine.Docker(t.Context(), append([]string{"inspect", "--format",
		`{{$s := index .Config.Labels "com.docker.compose.service"}}{{range $port, $to := .NetworkSettings.Ports}}{{range $to}}{{$s}} {{.HostIp}}:{{.HostPort}}{{println}}{{end}}{{end}}`}, containers...)...)
	require.NoError(t, err)
	published := slices.DeleteFunc(strings.Split(strings.TrimSpace(out), "\n"), func(line string) bool { return line == "" })
	require.ElementsMatch(t, []string{
		fmt.Sprintf("proxy 127.0.0.1:%d", c.ports.UI),
		fmt.Sprintf("shop 127.0.0.1:%d", c.ports.Shop),
		fmt.Sprintf("crm 127.0.0.1:%d", c.ports.CRM),
		fmt.Sprintf("mes 127.0.0.1:%d", c.ports.MES),
	}, published)
}

// Every program runs as somebody who is not root, but for two that step down
// themselves: PostgreSQL's entry point and httpd.
func TestNobodyIsRoot(t *testing.T) {
	c := ready(t)
	for _, service := range []string{"temporal", "temporal-ui", "temporal-ui-operators", "collector", "jaeger", "prometheus", "dex", "shop", "crm", "mes"} {
		user, err := c.inspect(t.Context(), service, "{{.Config.User}}")
		require.NoError(t, err)
		require.NotContains(t, []string{"", "0", "root", "0:0"}, user, service)
	}
}
