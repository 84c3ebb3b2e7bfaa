package kubernetes

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// The charts are not to be had here; what `install` gives to Helm is. Helm's place is
// taken by a script that writes down its arguments, and the values behind -f.
const recorder = `#!/bin/bash
echo "call $*" >> "$RECORD/calls"
n=$(wc -l < "$RECORD/calls")
while (($#)); do
  [[ $1 == -f ]] && { (cat "$2"; echo; echo ---) >> "$RECORD/$n"; shift; }
  shift
done
`

// install runs the script and returns Helm's and kubectl's calls, and the values of each.
func install(t *testing.T) (calls []string, values []map[string]any) {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"helm", "kubectl"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(recorder), 0o700))
	}
	cmd := exec.Command("./install")
	cmd.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "RECORD="+folder)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	written, err := os.ReadFile(filepath.Join(folder, "calls"))
	require.NoError(t, err)
	calls = strings.Split(strings.TrimSpace(string(written)), "\n")
	for i := range calls {
		merged := map[string]any{}
		given, _ := os.ReadFile(filepath.Join(folder, string(rune('1'+i))))
		for doc := range strings.SplitSeq(string(given), "\n---\n") {
			require.NoError(t, yaml.Unmarshal([]byte(doc), &merged), "%s:\n%s", calls[i], doc)
		}
		values = append(values, merged)
	}
	return calls, values
}

func TestInstallPinsEachChart(t *testing.T) {
	calls, _ := install(t)
	want := []string{
		`call upgrade --install temporal temporal --version \d+\.\d+\.\d+ --repo https://`,
		`call apply -f deploy/kubernetes/jaeger-spans.yaml`,
		`call upgrade --install jaeger jaeger --version \d+\.\d+\.\d+ --repo https://`,
		`call upgrade --install collector opentelemetry-collector --version \d+\.\d+\.\d+ --repo https://`,
		`call upgrade --install ordertrace deploy/kubernetes/chart`,
	}
	require.Len(t, calls, len(want))
	for i, call := range calls {
		require.Regexp(t, "^"+want[i], call)
	}
}

// The servers' configuration stands once, in deploy/, and reaches the charts unchanged.
func TestServersAreConfiguredByTheFilesOfDeploy(t *testing.T) {
	_, values := install(t)
	tests := map[string]struct {
		got  any
		file string
	}{
		"Temporal":      {values[0]["server"].(map[string]any)["dynamicConfig"], "../temporal/dynamicconfig.yaml"},
		"Jaeger":        {values[2]["userconfig"], "../jaeger/config.yaml"},
		"Jaeger's UI":   {values[2]["uiconfig"], "../jaeger/ui.json"},
		"the collector": {values[3]["alternateConfig"], "../collector/config.yaml"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(tc.file)
			require.NoError(t, err)
			var want any
			require.NoError(t, yaml.Unmarshal(b, &want))
			require.Equal(t, want, tc.got)
		})
	}
}

// What a configuration reads of its environment is set: none is left to a default for
// one's own machine, or to a variable that Kubernetes makes of a service's name.
func TestServersFindTheirEnvironment(t *testing.T) {
	type variables []struct{ Name string }
	var jaeger struct {
		Jaeger struct {
			Env variables `yaml:"extraEnv"`
		}
	}
	var collector struct {
		Env variables `yaml:"extraEnvs"`
	}
	read(t, "values/jaeger.yaml", &jaeger)
	read(t, "values/opentelemetry-collector.yaml", &collector)
	for file, set := range map[string]variables{"../jaeger/config.yaml": jaeger.Jaeger.Env, "../collector/config.yaml": collector.Env} {
		config, err := os.ReadFile(file)
		require.NoError(t, err)
		read := regexp.MustCompile(`\$\{env:([A-Z_0-9]+)`).FindAllStringSubmatch(string(config), -1)
		require.NotEmpty(t, read)
		for _, m := range read {
			require.Contains(t, set, struct{ Name string }{m[1]}, "which %s reads", file)
		}
	}
}

// The images are those of docker-compose.yml.
func TestServersAreTheComposeStacks(t *testing.T) {
	compose, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	type image struct {
		Image struct{ Repository, Tag string }
	}
	var temporal struct{ Server, Admintools, Web image }
	var jaeger struct{ Jaeger image }
	var collector image
	read(t, "values/temporal.yaml", &temporal)
	read(t, "values/jaeger.yaml", &jaeger)
	read(t, "values/opentelemetry-collector.yaml", &collector)
	for _, name := range []string{
		"temporalio/server:" + temporal.Server.Image.Tag,
		"temporalio/admin-tools:" + temporal.Admintools.Image.Tag,
		"temporalio/ui:" + temporal.Web.Image.Tag,
		"jaegertracing/jaeger:" + jaeger.Jaeger.Image.Tag,
		collector.Image.Repository + ":" + collector.Image.Tag,
	} {
		require.Contains(t, string(compose), "image: "+name+"\n")
	}
}

func read(t *testing.T, file string, values any) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(b, values))
}

func TestJaegersVolumeIsValid(t *testing.T) {
	out, err := tool(t, "kubectl-validate", "--version", kubernetesVersion, "jaeger-spans.yaml")
	require.NoError(t, err, out)
}
