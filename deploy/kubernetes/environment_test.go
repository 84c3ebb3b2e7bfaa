package kubernetes

import (
	"bufio"
	"bytes"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/contrib/envconfig"
)

// secretVariables are those whose value nobody but the worker may know.
var secretVariables = regexp.MustCompile(`(TOKEN|_DSN|SECRET|PAYLOAD_KEYS|_HEADERS|API_KEY|PASSWORD)$`)

// foreign are variables of Temporal's and OpenTelemetry's own, which --help leaves to
// their documentation, and Jaeger's user and password, which are no flags.
var foreign = regexp.MustCompile(`^(TEMPORAL_(ADDRESS|NAMESPACE|API_KEY|TLS_(CLIENT_CERT_PATH|CLIENT_KEY_PATH|SERVER_CA_CERT_PATH))|OTEL_EXPORTER_OTLP_(ENDPOINT|HEADERS)|JAEGER_(USER|PASSWORD))$`)

// Each variable that the chart sets is one that the program knows.
func TestProgramsKnowTheirVariables(t *testing.T) {
	known := map[string]string{"shop": usage(t, "shop"), "crm": usage(t, "crm"), "mes": usage(t, "mes")}
	eachVariant(t, func(t *testing.T, objects []object) {
		for name, o := range workloads(objects) {
			for variable := range environment(t, objects, o) {
				require.True(t, foreign.MatchString(variable) || strings.Contains(known[name], "($"+variable+")"), "%s knows no %s", name, variable)
			}
		}
	})
}

// Temporal's SDK reads what the chart sets of its variables.
func TestTemporalReadsItsVariables(t *testing.T) {
	objects := render(t, variants["everything"]...)
	variables := environment(t, objects, workloads(objects)["shop"])
	profile, err := envconfig.LoadClientConfigProfile(envconfig.LoadClientConfigProfileOptions{
		DisableFile: true, EnvLookup: lookup(variables),
	})
	require.NoError(t, err)
	require.Equal(t, "temporal-frontend:7233", profile.Address)
	require.Equal(t, "default", profile.Namespace)
	require.Equal(t, variables["TEMPORAL_API_KEY"], profile.APIKey)
	require.NotNil(t, profile.TLS)
	require.Equal(t, "/etc/ordertrace/temporal/tls.crt", profile.TLS.ClientCertPath)
	require.Equal(t, "/etc/ordertrace/temporal/tls.key", profile.TLS.ClientKeyPath)
	require.Equal(t, "/etc/ordertrace/temporal/ca.crt", profile.TLS.ServerCACertPath)
}

// lookup is an environment, as envconfig asks it.
type lookup map[string]string

func (l lookup) Environ() (all []string) {
	for name, value := range l {
		all = append(all, name+"="+value)
	}
	return all
}

func (l lookup) LookupEnv(name string) (string, bool) { v, ok := l[name]; return v, ok }

// No secret is in what the chart renders: each comes from a Secret that is there.
func TestNoSecretIsRendered(t *testing.T) {
	eachVariant(t, func(t *testing.T, objects []object) {
		for _, o := range objects {
			require.NotEqual(t, "Secret", o.Kind)
			for name := range o.Data {
				require.NotRegexp(t, secretVariables, name)
			}
		}
		for name, o := range workloads(objects) {
			referred := map[string]bool{}
			for _, v := range o.Spec.Template.Spec.Containers[0].Env {
				require.Empty(t, v.Value, v.Name)
				require.NotEmpty(t, v.ValueFrom.SecretKeyRef.Name, v.Name)
				require.NotEmpty(t, v.ValueFrom.SecretKeyRef.Key, v.Name)
				referred[v.Name] = true
			}
			require.True(t, referred["API_TOKEN"], name)
		}
	})
}

// A worker is versioned by the chart, by the controller, or not at all; and of the
// three systems only the one that runs the workflow.
func TestWhoIsToldItsVersion(t *testing.T) {
	version := []string{"TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"}
	connection := []string{"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
	tests := map[string]struct {
		values []string
		kind   string
		has    map[string]string
		hasNot []string
	}{
		"none":       {nil, "Deployment", map[string]string{"TEMPORAL_ADDRESS": "temporal-frontend:7233"}, version},
		"by hand":    {[]string{"versioning.mode=static", "versioning.buildID=v7"}, "Deployment", map[string]string{"TEMPORAL_DEPLOYMENT_NAME": "orders/ordertrace-shop", "TEMPORAL_WORKER_BUILD_ID": "v7"}, nil},
		"controller": {[]string{"versioning.mode=controller"}, "WorkerDeployment", nil, append(version, connection...)}, // which sets all four
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			objects := render(t, tc.values...)
			shop := workloads(objects)["shop"]
			require.Equal(t, tc.kind, shop.Kind)
			variables := environment(t, objects, shop)
			for name, value := range tc.has {
				require.Equal(t, value, variables[name])
			}
			for _, name := range tc.hasNot {
				require.NotContains(t, variables, name)
			}
			for _, other := range []string{"crm", "mes"} {
				require.Equal(t, "Deployment", workloads(objects)[other].Kind)
				require.NotContains(t, environment(t, objects, workloads(objects)[other]), "TEMPORAL_DEPLOYMENT_NAME")
			}
		})
	}
}

// A changed configuration is a changed pod, so that it is rolled out.
func TestPodsFollowTheirConfiguration(t *testing.T) {
	before, after := render(t), render(t, "log.level=debug")
	for name, o := range workloads(before) {
		require.NotEqual(t, o.source, workloads(after)[name].source)
	}
}

// environment is what a workload's only container finds; a secret's value is its key.
func environment(t *testing.T, objects []object, o object) map[string]string {
	t.Helper()
	variables := map[string]string{}
	c := o.Spec.Template.Spec.Containers[0]
	for _, from := range c.EnvFrom {
		maps.Copy(variables, find(t, objects, "ConfigMap", from.ConfigMapRef.Name).Data)
	}
	for _, v := range c.Env {
		require.NotContains(t, variables, v.Name, "set twice")
		variables[v.Name] = v.ValueFrom.SecretKeyRef.Key
	}
	return variables
}

func prefix(system string) string { return strings.ToUpper(system) + "_" }

// usage is a program's --help, each option on one line.
func usage(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(bin, name), "--help").Output()
	require.NoError(t, err)
	var words []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		words = append(words, strings.Fields(lines.Text())...)
	}
	return strings.Join(words, " ")
}
