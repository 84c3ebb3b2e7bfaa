// Package temporal is configuration of Temporal's server for docker-compose.yml, whose
// test deploy/compose/e2e runs its jobs.
package temporal

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"ordertrace/tracing"
	"ordertrace/workflow"
)

// The job makes exactly the search attributes that the workflow and the tracing set.
func TestSearchAttributesAreOurs(t *testing.T) {
	script, err := os.ReadFile("namespace.sh")
	require.NoError(t, err)
	made := map[string]string{}
	for _, found := range regexp.MustCompile(`(?m)^attribute (\S+) (\S+)$`).FindAllStringSubmatch(string(script), -1) {
		made[found[1]] = found[2]
	}
	require.Equal(t, map[string]string{
		tracing.TraceIDAttribute:  "Keyword",
		workflow.AttributeWaiting: "Keyword",
		workflow.AttributeOverdue: "Bool",
	}, made)
}

func TestScriptsAreShell(t *testing.T) {
	for _, name := range []string{"schema.sh", "namespace.sh"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-n", name).CombinedOutput()
		require.NoError(t, err, string(out))
	}
}

// Each dynamic setting is a list of values, as the server wants it.
func TestDynamicConfig(t *testing.T) {
	content, err := os.ReadFile("dynamicconfig.yaml")
	require.NoError(t, err)
	var settings map[string][]struct{ Value any }
	require.NoError(t, yaml.Unmarshal(content, &settings))
	require.NotEmpty(t, settings)
	for name, values := range settings {
		require.Len(t, values, 1, name)
		require.NotNil(t, values[0].Value, name)
	}
}
