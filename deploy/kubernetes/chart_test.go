package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// kubernetesVersion is the oldest that the chart runs on, and the newest whose schemas
// kubectl-validate has.
const kubernetesVersion = "1.30"

// variants are ways to run the chart, each as values.
var variants = map[string][]string{
	"defaults":            nil,
	"scaled by CPU":       {"autoscaling.kind=hpa"},
	"scaled by backlog":   {"autoscaling.kind=keda", "autoscaling.authenticationRef=temporal"},
	"one version by hand": {"versioning.mode=static", "versioning.buildID=v7", "autoscaling.kind=keda"},
	"worker controller":   {"versioning.mode=controller"},
	"one replica":         {"systems.shop.replicas=1", "systems.crm.replicas=1", "systems.mes.replicas=1", "systems.shop.blobs.accessMode=ReadWriteOnce"},
	"outside systems":     {"systems.shop.url=https://shop.example", "systems.crm.url=https://crm.example", "systems.mes.url=https://mes.example"},
	"nothing optional": {
		"access.secret=", "access.issuer=https://id.example", "access.audience=ordertrace-api",
		"payloads.secret=", "telemetry.headersSecret=", "networkPolicy.enabled=false",
	},
	"everything": {
		"temporal.apiKeySecret=temporal", "temporal.tlsSecret=temporal-tls", "access.issuer=https://id.example", "access.audience=ordertrace-api",
		"ingress.enabled=true", "ingress.className=nginx", "systems.shop.host=shop.example", "systems.shop.env.SHOP_MAX_MODEL_BYTES=1000",
		"imagePullSecrets[0].name=registry", "nodeSelector.pool=orders", "priorityClassName=orders", "podAnnotations.team=orders",
	},
}

func eachVariant(t *testing.T, f func(t *testing.T, objects []object)) {
	for name, values := range variants {
		t.Run(name, func(t *testing.T) { f(t, render(t, values...)) })
	}
}

// Kubernetes and KEDA would take each object of each variant, and know all its fields.
func TestEveryObjectIsValid(t *testing.T) {
	keda := filepath.Join(kedaModule(t), "config", "crd", "bases")
	eachVariant(t, func(t *testing.T, objects []object) {
		folder := t.TempDir()
		for _, o := range objects {
			write(t, filepath.Join(folder, o.Kind+"-"+o.Metadata.Name+".yaml"), asDeployment(o).source)
		}
		out, err := tool(t, "kubectl-validate", "--version", kubernetesVersion, "--local-crds", keda, folder)
		require.NoError(t, err, out)
		require.Equal(t, len(objects), strings.Count(out, "OK"), out)
	})
}

// The validator is worth asking: it finds what is wrong.
func TestInvalidObjectsAreFound(t *testing.T) {
	keda := filepath.Join(kedaModule(t), "config", "crd", "bases")
	tests := map[string]struct{ kind, old, wrong string }{
		"an unknown field":        {"Deployment", "periodSeconds", "everySeconds"},
		"a word for a number":     {"Deployment", "containerPort: 8081", "containerPort: many"},
		"an unknown enumeration":  {"Service", "port: 8081", "port: 8081, protocol: 7"},
		"a custom resource's too": {"ScaledObject", "minReplicaCount: 2", "minReplicaCount: two"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := find(t, render(t, "autoscaling.kind=keda"), tc.kind, "ordertrace-shop")
			require.Contains(t, string(o.source), tc.old)
			file := filepath.Join(t.TempDir(), "wrong.yaml")
			write(t, file, bytes.Replace(o.source, []byte(tc.old), []byte(tc.wrong), 1))
			out, err := tool(t, "kubectl-validate", "--version", kubernetesVersion, "--local-crds", keda, file)
			require.Error(t, err, out)
		})
	}
}

func TestHelmFindsNothingToLint(t *testing.T) {
	for name, values := range variants {
		t.Run(name, func(t *testing.T) {
			out, err := tool(t, "helm", append([]string{"lint", "chart", "--strict", "--kube-version", kubernetesVersion}, set(values)...)...)
			require.NoError(t, err, out)
		})
	}
}

// What would be taken and then not work is refused in words.
func TestWhatCannotWorkIsRefused(t *testing.T) {
	tests := map[string]struct {
		values []string
		says   string
	}{
		"two shops on one node's volume":    {[]string{"systems.shop.blobs.accessMode=ReadWriteOnce"}, "one replica"},
		"a shop that scales on it":          {[]string{"systems.shop.blobs.accessMode=ReadWriteOnce", "systems.shop.replicas=1", "autoscaling.kind=hpa"}, "no autoscaling"},
		"scaling what the controller makes": {[]string{"versioning.mode=controller", "autoscaling.kind=keda"}, "WorkerResourceTemplate"},
		"an unknown autoscaler":             {[]string{"autoscaling.kind=vpa"}, "none, hpa or keda"},
		"an unknown versioning":             {[]string{"versioning.mode=pinned"}, "none, static or controller"},
		"APIs that nobody may call":         {[]string{"access.secret="}, "access.issuer and access.audience"},
		"a secret among the values":         {[]string{"systems.shop.env.API_TOKEN=x"}, "API_TOKEN is a secret"},
		"a password in a database's URL":    {[]string{"systems.crm.env.CRM_DSN=postgres://crm:x@db/crm"}, "CRM_DSN is a secret"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := tool(t, "helm", templateArgs(tc.values)...)
			require.Error(t, err)
			require.Contains(t, out, tc.says)
		})
	}
}

// object is what the tests read of a manifest.
type object struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     spec
	Data     map[string]string
	source   []byte
}

type spec struct {
	Replicas       *int
	Strategy       struct{ Type string }
	Selector       yaml.Node
	Template       template
	ScaleTargetRef struct{ Name string } `yaml:"scaleTargetRef"`
	Triggers       []struct {
		Type     string
		Metadata map[string]string
	}
	MaxUnavailable any `yaml:"maxUnavailable"`
}

func render(t *testing.T, values ...string) []object {
	t.Helper()
	out, err := tool(t, "helm", templateArgs(values)...)
	require.NoError(t, err, out)
	var objects []object
	for decoder := yaml.NewDecoder(strings.NewReader(out)); ; {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return objects
		}
		require.NoError(t, err)
		var o object
		require.NoError(t, node.Decode(&o))
		o.source, err = yaml.Marshal(&node)
		require.NoError(t, err)
		objects = append(objects, o)
	}
}

func templateArgs(values []string) []string {
	return append([]string{"template", "ordertrace", "chart", "--namespace", "orders", "--kube-version", kubernetesVersion}, set(values)...)
}

func set(values []string) (args []string) {
	for _, v := range values {
		args = append(args, "--set", v)
	}
	return args
}

// asDeployment makes of a WorkerDeployment what the worker controller makes of it, but
// for the variables that it adds: its own schema is in no Go module. (It was checked by
// hand against that of v1.8.1.)
func asDeployment(o object) object {
	if o.Kind != "WorkerDeployment" {
		return o
	}
	var doc map[string]any
	if err := yaml.Unmarshal(o.source, &doc); err != nil {
		panic(err) // it was decoded before
	}
	pod := doc["spec"].(map[string]any)["template"]
	labels := pod.(map[string]any)["metadata"].(map[string]any)["labels"]
	o.source, _ = yaml.Marshal(map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": doc["metadata"],
		"spec": map[string]any{"selector": map[string]any{"matchLabels": labels}, "template": pod},
	})
	return o
}

func find(t *testing.T, objects []object, kind, name string) object {
	t.Helper()
	i := slices.IndexFunc(objects, func(o object) bool { return o.Kind == kind && o.Metadata.Name == name })
	require.GreaterOrEqual(t, i, 0, "no %s %s", kind, name)
	return objects[i]
}

// workloads are the objects that make pods, by the system that runs in them.
func workloads(objects []object) map[string]object {
	found := map[string]object{}
	for _, o := range objects {
		if o.Kind == "Deployment" || o.Kind == "WorkerDeployment" {
			found[strings.TrimPrefix(o.Metadata.Name, "ordertrace-")] = o
		}
	}
	return found
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, content, 0o600))
}

// tool runs a program of the module tools, at the version that it says.
func tool(t *testing.T, name string, args ...string) (out string, err error) {
	t.Helper()
	path, err := tools[name]()
	require.NoError(t, err, name)
	b, err := exec.Command(path, args...).CombinedOutput()
	return string(b), err
}

var tools = map[string]func() (string, error){
	"helm":             sync.OnceValues(func() (string, error) { return build("helm") }),
	"kubectl-validate": sync.OnceValues(func() (string, error) { return build("kubectl-validate") }),
}

// build makes a tool, in minutes, unless the go command's cache has it.
func build(name string) (path string, err error) {
	where := exec.Command("go", "tool", "-n", name)
	where.Dir = "tools"
	out, err := where.Output()
	return strings.TrimSpace(string(out)), err
}

// kedaModule is the folder of KEDA's own source.
func kedaModule(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", "github.com/kedacore/keda/v2")
	cmd.Dir = "schemas"
	out, err := cmd.Output()
	require.NoError(t, err)
	var module struct{ Dir string }
	require.NoError(t, json.Unmarshal(out, &module))
	return module.Dir
}

// KEDA's scaler knows every setting that the chart gives it: they are fields of its own
// metadata, of which the custom resource's schema knows nothing.
func TestKEDAKnowsTheSettingsOfItsTrigger(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(kedaModule(t), "pkg", "scalers", "temporal_scaler.go"))
	require.NoError(t, err)
	var known []string
	for _, m := range regexp.MustCompile(`keda:"name=([A-Za-z]+)`).FindAllStringSubmatch(string(source), -1) {
		known = append(known, m[1])
	}
	tests := map[string]struct {
		values []string
		want   map[string]string
	}{
		"unversioned": {nil, map[string]string{"taskQueue": "shop", "queueTypes": "workflow,activity"}},
		"a version": {[]string{"versioning.mode=static", "versioning.buildID=v7"}, map[string]string{
			"taskQueue": "shop", "queueTypes": "workflow,activity", "workerDeploymentName": "orders/ordertrace-shop", "workerDeploymentBuildId": "v7",
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := find(t, render(t, append(tc.values, "autoscaling.kind=keda")...), "ScaledObject", "ordertrace-shop")
			require.Len(t, o.Spec.Triggers, 1)
			got := o.Spec.Triggers[0]
			require.Equal(t, "temporal", got.Type)
			require.Subset(t, known, slices.Collect(maps.Keys(got.Metadata)))
			maps.Copy(tc.want, map[string]string{"endpoint": "temporal-frontend:7233", "namespace": "default", "targetQueueSize": "20"})
			require.Equal(t, tc.want, got.Metadata)
		})
	}
}
