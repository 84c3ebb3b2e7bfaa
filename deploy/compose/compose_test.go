// Package compose checks docker-compose.yml, and each file beside this one that is
// laid over it, without an engine. deploy/compose/e2e runs it.
package compose

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/joho/godotenv"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const root = "../.."

// place is a folder with nothing but what setup has written.
var place string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ordertrace-compose")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	place = dir
	if out, err := exec.Command("go", "run", "./setup", "--folder", dir).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "setup: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// overrides are laid over docker-compose.yml, each alone.
func overrides(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.yml")
	require.NoError(t, err)
	return slices.DeleteFunc(all, func(name string) bool { return name == "setup.yml" })
}

// load is the project as docker compose reads it, with setup's .env and nothing else.
func load(t *testing.T, env []string, over ...string) *types.Project {
	t.Helper()
	files := append([]string{filepath.Join(root, "docker-compose.yml")}, over...)
	options, err := cli.NewProjectOptions(files,
		cli.WithWorkingDirectory(root), cli.WithProfiles([]string{"*"}), cli.WithEnv(env),
		cli.WithEnvFiles(filepath.Join(place, ".env")), cli.WithDotEnv)
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

// everyProject runs a test for docker-compose.yml, and with each override.
func everyProject(t *testing.T, test func(*testing.T, *types.Project)) {
	t.Helper()
	t.Run("docker-compose.yml", func(t *testing.T) { test(t, load(t, nil)) })
	for _, name := range overrides(t) {
		t.Run(name, func(t *testing.T) { test(t, load(t, nil, name)) })
	}
}

// What is required is what setup writes: no more, but for the passwords of people.
func TestSetupWritesWhatIsRequired(t *testing.T) {
	required := []string{"PROXY_PASSPHRASE", "PROXY_CODEC_TOKEN", "PROXY_JAEGER_PASSWORD"} // as secrets
	for _, name := range append(overrides(t), filepath.Join(root, "docker-compose.yml")) {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		var raw map[string]any
		require.NoError(t, yaml.Unmarshal(content, &raw))
		for name, v := range template.ExtractVariables(raw, nil) {
			if v.Required {
				required = append(required, name)
			}
		}
	}
	slices.Sort(required)
	env, err := godotenv.Read(filepath.Join(place, ".env"))
	require.NoError(t, err)
	var written []string
	for name := range env {
		if !slices.Contains([]string{"VIEWER_PASSWORD", "OPERATOR_PASSWORD", "MANAGER_PASSWORD"}, name) {
			written = append(written, name)
		}
	}
	slices.Sort(written)
	require.Equal(t, slices.Compact(required), written)
}

// Without setup, the error says what to do.
func TestWithoutSetupItSaysWhatToDo(t *testing.T) {
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithWorkingDirectory(root))
	require.NoError(t, err)
	_, err = options.LoadProject(t.Context())
	require.ErrorContains(t, err, "run docker compose -f deploy/compose/setup.yml run --rm setup")
}

// Nothing is published but the proxy and the three APIs, and on this machine alone.
func TestWhatIsPublished(t *testing.T) {
	everyProject(t, func(t *testing.T, p *types.Project) {
		for name, s := range p.Services {
			for _, port := range s.Ports {
				require.Contains(t, []string{"proxy", "shop", "crm", "mes"}, name)
				require.Equal(t, "127.0.0.1", port.HostIP, name)
			}
			require.NotEqual(t, "host", s.NetworkMode, name)
		}
	})
	published := map[string]string{}
	for name, s := range load(t, []string{"PROXY_PORT=18080", "SHOP_PORT=18081", "CRM_PORT=18082", "MES_PORT=18083"}).Services {
		for _, port := range s.Ports {
			published[name] += fmt.Sprintf("%s>%d", port.Published, port.Target)
		}
	}
	require.Equal(t, map[string]string{"proxy": "18080>18080", "shop": "18081>8081", "crm": "18082>8082", "mes": "18083>8083"}, published,
		"the proxy's own port follows its public one: it reaches itself under its public name")
}

// The issuer is the same for whoever signs in, for the proxy, for Dex and for the APIs.
func TestPublicURLIsOne(t *testing.T) {
	for public, env := range map[string][]string{
		"http://ordertrace.localhost:8080":  nil,
		"http://ordertrace.localhost:18080": {"PROXY_PORT=18080"},
		"https://orders.example.org":        {"PUBLIC_URL=https://orders.example.org", "PROXY_PORT=18080"},
	} {
		s := load(t, env).Services
		of := func(service, variable string) string { return *s[service].Environment[variable] }
		require.Equal(t, public, of("proxy", "PROXY_PUBLIC_URL"))
		require.Equal(t, public, of("dex", "PROXY_PUBLIC_URL"))
		require.Equal(t, public+"/dex", of("proxy", "PROXY_ISSUER"))
		for _, worker := range []string{"shop", "crm", "mes"} {
			require.Equal(t, public+"/dex", of(worker, "API_ISSUER"))
			require.Equal(t, public+"/jaeger", of(worker, "JAEGER_UI_URL"))
		}
		require.Equal(t, public+"/codec", of("temporal-ui-operators", "TEMPORAL_CODEC_ENDPOINT"))
	}
}

func TestImagesArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[a-z0-9./-]+:[A-Za-z0-9._-]*[0-9][A-Za-z0-9._-]*$`)
	everyProject(t, func(t *testing.T, p *types.Project) {
		for name, s := range p.Services {
			if s.Build != nil || strings.HasPrefix(s.Image, "ordertrace") {
				require.Contains(t, []string{"ordertrace:local", "ordertrace-proxy:local"}, s.Image, name)
				continue
			}
			require.Regexp(t, pinned, s.Image, name)
		}
	})
}

// noHealthcheck says why a server has none. Jobs end, and commands are typed.
var noHealthcheck = map[string]string{
	"collector":   "its image has no program but the collector",
	"collector-1": "as the collector", "collector-2": "as the collector", "spans": "as the collector",
}

func TestServersAreWatched(t *testing.T) {
	everyProject(t, func(t *testing.T, p *types.Project) {
		for name, s := range p.Services {
			require.Empty(t, s.ContainerName, name)
			require.Equal(t, "json-file", s.Logging.Driver, name)
			require.NotEmpty(t, s.Logging.Options["max-size"], name)
			if s.Restart != types.RestartPolicyUnlessStopped {
				continue
			}
			if noHealthcheck[name] == "" {
				require.NotNil(t, s.HealthCheck, name)
				require.NotEmpty(t, s.HealthCheck.Test, name)
			}
			require.NotZero(t, s.MemLimit, name)
		}
	})
}

// A job that somebody waits for is one that ends; whom one waits for to be well has
// a healthcheck.
func TestOrderOfStart(t *testing.T) {
	everyProject(t, func(t *testing.T, p *types.Project) {
		for name, s := range p.Services {
			for other, d := range s.DependsOn {
				needed := p.Services[other]
				switch d.Condition {
				case types.ServiceConditionCompletedSuccessfully:
					require.Empty(t, needed.Restart, "%s waits for %s", name, other)
				case types.ServiceConditionHealthy:
					require.NotNil(t, needed.HealthCheck, "%s waits for %s", name, other)
				}
			}
		}
	})
}

func TestWorkersHaveTimeToDrain(t *testing.T) {
	for _, name := range []string{"shop", "crm", "mes"} {
		s := load(t, nil).Services[name]
		var takes time.Duration
		for _, variable := range []string{"DRAIN_TIMEOUT", "FLUSH_TIMEOUT"} {
			d, err := time.ParseDuration(*s.Environment[variable])
			require.NoError(t, err)
			takes += d
		}
		require.Greater(t, time.Duration(*s.StopGracePeriod), takes, name)
	}
}

// Every file that is mounted exists; every volume has a name.
func TestWhatIsMounted(t *testing.T) {
	everyProject(t, func(t *testing.T, p *types.Project) {
		folder, err := filepath.Abs(root)
		require.NoError(t, err)
		for name, s := range p.Services {
			for _, v := range s.Volumes {
				if v.Type == types.VolumeTypeVolume {
					require.NotEmpty(t, v.Source, name)
					require.Contains(t, p.Volumes, v.Source, name)
					continue
				}
				require.True(t, v.ReadOnly, "%s: %s", name, v.Source)
				source := v.Source
				if within, err := filepath.Rel(folder, source); err == nil && strings.HasPrefix(within, ".compose/") {
					source = filepath.Join(place, within)
				}
				info, err := os.Stat(source)
				require.NoError(t, err, name)
				require.True(t, info.Mode().IsRegular(), "%s: %s", name, source)
				require.EqualValues(t, 0o004, info.Mode()&0o004, "%s: %s is read by a user of the image's own", name, source)
			}
		}
	})
}

// No secret stands in a file: whatever is called one is a variable, or a file's path.
func TestNoSecretInTheFiles(t *testing.T) {
	secret := regexp.MustCompile(`(PASSWORD|PASSPHRASE|SECRET|TOKEN|_PWD|PAYLOAD_KEYS|AUTHORIZATION|OTLP_HEADERS)[A-Z_]*$`)
	file := regexp.MustCompile(`(_FILE|_INSECURE)$`)
	for _, name := range append(overrides(t), filepath.Join(root, "docker-compose.yml"), "setup.yml") {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		found := 0
		for i, line := range strings.Split(string(content), "\n") {
			variable, value, is := strings.Cut(strings.TrimSpace(line), ": ")
			if !is || !secret.MatchString(variable) || file.MatchString(variable) {
				continue
			}
			found++
			require.Regexp(t, `^\$\{[A-Z_]+:\?`, value, "%s:%d", name, i+1)
		}
		if name == filepath.Join(root, "docker-compose.yml") {
			require.Greater(t, found, 15)
		}
	}
}

// A stranger in the network of the proxy does not meet the databases: only who has to.
func TestNetworks(t *testing.T) {
	everyProject(t, func(t *testing.T, p *types.Project) {
		require.True(t, p.Networks["back"].Internal)
		for name, s := range p.Services {
			if _, edge := s.Networks["edge"]; edge {
				require.Contains(t, []string{"proxy", "shop", "crm", "mes"}, name)
			}
		}
	})
}
