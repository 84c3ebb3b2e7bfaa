package kubernetes

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"ordertrace/systems/access"
)

// template is what the tests read of a pod's.
type template struct {
	Metadata struct{ Labels map[string]string }
	Spec     pod
}

type pod struct {
	AutomountServiceAccountToken  *bool `yaml:"automountServiceAccountToken"`
	EnableServiceLinks            *bool `yaml:"enableServiceLinks"`
	TerminationGracePeriodSeconds int   `yaml:"terminationGracePeriodSeconds"`
	SecurityContext               struct {
		RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
		RunAsUser      int                   `yaml:"runAsUser"`
		SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	Containers []container
	Volumes    []struct{ Name string }
}

type container struct {
	Name    string
	Command []string
	EnvFrom []struct {
		ConfigMapRef struct{ Name string } `yaml:"configMapRef"`
	} `yaml:"envFrom"`
	Env []struct {
		Name, Value string
		ValueFrom   struct {
			SecretKeyRef struct{ Name, Key string } `yaml:"secretKeyRef"`
		} `yaml:"valueFrom"`
	}
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	StartupProbe, ReadinessProbe, LivenessProbe probe
	Lifecycle                                   struct {
		PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
	}
	Resources       struct{ Requests, Limits map[string]string }
	SecurityContext struct {
		AllowPrivilegeEscalation *bool                   `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool                    `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string } `yaml:"capabilities"`
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet   *struct{ Path, Port string } `yaml:"httpGet"`
	TCPSocket *struct{ Port string }       `yaml:"tcpSocket"`
}

// UnmarshalYAML reads the probes, whose names YAML writes in another way.
func (c *container) UnmarshalYAML(n *yaml.Node) error {
	type plain container
	var probes struct {
		Startup   probe `yaml:"startupProbe"`
		Readiness probe `yaml:"readinessProbe"`
		Liveness  probe `yaml:"livenessProbe"`
	}
	if err := n.Decode(&probes); err != nil {
		return err
	}
	if err := n.Decode((*plain)(c)); err != nil {
		return err
	}
	c.StartupProbe, c.ReadinessProbe, c.LivenessProbe = probes.Startup, probes.Readiness, probes.Liveness
	return nil
}

func (c container) port(name string) int {
	for _, p := range c.Ports {
		if p.Name == name {
			return p.ContainerPort
		}
	}
	return 0
}

func TestPodsMayDoAsLittleAsTheyNeed(t *testing.T) {
	eachVariant(t, func(t *testing.T, objects []object) {
		require.Len(t, workloads(objects), 3)
		for name, o := range workloads(objects) {
			pod := o.Spec.Template.Spec
			require.Len(t, pod.Containers, 1)
			c := pod.Containers[0]
			require.Equal(t, []string{name}, c.Command)
			require.True(t, pod.SecurityContext.RunAsNonRoot)
			require.Equal(t, 65532, pod.SecurityContext.RunAsUser, "deploy/Dockerfile's user")
			require.Equal(t, "RuntimeDefault", pod.SecurityContext.SeccompProfile.Type)
			require.False(t, *pod.AutomountServiceAccountToken)
			require.False(t, *pod.EnableServiceLinks, "a service's variables could be taken for ours")
			require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
			require.True(t, c.SecurityContext.ReadOnlyRootFilesystem)
			require.Equal(t, []string{"ALL"}, c.SecurityContext.Capabilities.Drop)
			require.Contains(t, c.Resources.Requests, "cpu")
			require.Contains(t, c.Resources.Limits, "memory")
			var volumes, mounted []string
			for _, v := range pod.Volumes {
				volumes = append(volumes, v.Name)
			}
			for _, m := range c.VolumeMounts {
				mounted = append(mounted, m.Name)
			}
			require.Equal(t, volumes, mounted)
		}
	})
}

// The image's user is the one that the chart runs pods as.
func TestTheImagesUserIsThePods(t *testing.T) {
	dockerfile, err := os.ReadFile("../Dockerfile")
	require.NoError(t, err)
	require.Contains(t, string(dockerfile), "USER 65532:65532")
}

// A pod that is told to stop is not killed before the worker has drained: it first
// waits for preStop, then DRAIN_TIMEOUT may pass for its audits, its work, its API and its codec
// one after another, then FLUSH_TIMEOUT.
func TestPodsAreGivenTheTimeToDrain(t *testing.T) {
	for name, values := range map[string][]string{
		"as workers do by default": nil,
		"longer":                   {"drain.workSeconds=300", "drain.flushSeconds=30"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := render(t, values...)
			for system, o := range workloads(objects) {
				variables := environment(t, objects, o)
				drain, err := time.ParseDuration(variables["DRAIN_TIMEOUT"])
				require.NoError(t, err)
				flush, err := time.ParseDuration(variables["FLUSH_TIMEOUT"])
				require.NoError(t, err)
				if values == nil {
					require.Equal(t, []string{"20s", "5s"}, []string{drain.String(), flush.String()})
					help := usage(t, system)
					require.Contains(t, help, "--drain-timeout=20s")
					require.Contains(t, help, "--flush-timeout=5s")
				}
				pod := o.Spec.Template.Spec
				preStop := time.Duration(pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
				require.Positive(t, preStop)
				grace := time.Duration(pod.TerminationGracePeriodSeconds) * time.Second
				require.Greater(t, grace, preStop+4*drain+flush)
			}
		})
	}
}

// What probes ask for is there: each system is run with the chart's own address and
// asked. Temporal is not: it takes the call and never answers, and no probe minds.
func TestProbesAskForWhatIsThere(t *testing.T) {
	objects := render(t)
	for name, o := range workloads(objects) {
		t.Run(name, func(t *testing.T) {
			c := o.Spec.Template.Spec.Containers[0]
			require.Equal(t, ":"+strconv.Itoa(c.port("http")), environment(t, objects, o)[prefix(name)+"ADDR"])
			address := startWithoutTemporal(t, name)
			require.Nil(t, c.LivenessProbe.HTTPGet, "a pod lives whatever its database says")
			require.Equal(t, "http", c.LivenessProbe.TCPSocket.Port)
			for _, p := range []probe{c.StartupProbe, c.ReadinessProbe} {
				require.Equal(t, "http", p.HTTPGet.Port)
				require.Eventually(t, func() bool {
					resp, err := http.Get("http://" + address + p.HTTPGet.Path)
					if err != nil {
						return false
					}
					defer resp.Body.Close()
					return resp.StatusCode == http.StatusOK
				}, patience, 50*time.Millisecond)
			}
		})
	}
}

// startWithoutTemporal runs a system on a free port while Temporal keeps it waiting.
func startWithoutTemporal(t *testing.T, name string) (address string) {
	t.Helper()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // calls are taken by the system, and nobody accepts them
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address = free.Addr().String()
	require.NoError(t, free.Close())

	folder := t.TempDir()
	cmd := exec.Command(filepath.Join(bin, name), "--addr", address, "--dsn", "sqlite:"+filepath.Join(folder, "test.db"), "--flush-timeout", "100ms")
	callers := filepath.Join(folder, "callers")
	write(t, callers, []byte(access.Line("a token", "shop", "service")))
	cmd.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+silent.Addr().String(), "OTEL_SDK_DISABLED=true",
		"SHOP_BLOBS=file://"+folder+"/blobs", "API_TOKENS_FILE="+callers)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_ = cmd.Wait() // it says that Temporal did not answer
	})
	return address
}

// Every object that points at pods points at ours, and everything that scales scales
// what is there.
func TestObjectsPointAtThePods(t *testing.T) {
	eachVariant(t, func(t *testing.T, objects []object) {
		for name, o := range workloads(objects) {
			labels := o.Spec.Template.Metadata.Labels
			for _, kind := range []string{"Service", "PodDisruptionBudget"} {
				for key, value := range selector(t, find(t, objects, kind, o.Metadata.Name)) {
					require.Equal(t, value, labels[key], "%s of %s", kind, name)
				}
			}
		}
		for _, o := range objects {
			if slices.Contains([]string{"HorizontalPodAutoscaler", "ScaledObject"}, o.Kind) {
				target := find(t, objects, "Deployment", o.Spec.ScaleTargetRef.Name)
				require.Nil(t, target.Spec.Replicas, "two would set them")
			}
		}
	})
}

// selector is an object's, as labels.
func selector(t *testing.T, o object) map[string]string {
	t.Helper()
	var nested struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	}
	if o.Kind == "Service" {
		require.NoError(t, o.Spec.Selector.Decode(&nested.MatchLabels))
	} else {
		require.NoError(t, o.Spec.Selector.Decode(&nested))
	}
	require.NotEmpty(t, nested.MatchLabels)
	return nested.MatchLabels
}

// A volume that one node alone can mount changes hands; else there is always a shop.
func TestTheShopIsReplacedAsItsVolumeAllows(t *testing.T) {
	for mode, want := range map[string]string{"ReadWriteMany": "RollingUpdate", "ReadWriteOnce": "Recreate"} {
		shop := find(t, render(t, "systems.shop.replicas=1", "systems.shop.blobs.accessMode="+mode), "Deployment", "ordertrace-shop")
		require.Equal(t, want, shop.Spec.Strategy.Type)
	}
}
