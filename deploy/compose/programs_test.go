package compose

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/stack"
)

// The real programs take what each service of theirs is started with: command line,
// environment and mounted files.
func TestProgramsTakeTheirConfiguration(t *testing.T) {
	programs := map[string]func(context.Context, stack.Config) (string, error){
		"jaegertracing/jaeger":                 stack.Jaeger,
		"otel/opentelemetry-collector-contrib": stack.Collector,
	}
	seen := 0
	everyProject(t, func(t *testing.T, p *types.Project) {
		for name, s := range p.Services {
			image, _, _ := strings.Cut(s.Image, ":")
			program, known := programs[image]
			if !known {
				continue
			}
			seen++
			path, err := program(t.Context(), stack.Config{Root: root, IgnorePath: true})
			require.NoError(t, err)
			validate := exec.CommandContext(t.Context(), path, append([]string{"validate"}, s.Command...)...)
			outside := mounted(t, p, s)
			for i, arg := range validate.Args {
				validate.Args[i] = outside(arg)
			}
			for variable, value := range s.Environment {
				validate.Env = append(validate.Env, variable+"="+outside(*value))
			}
			out, err := validate.CombinedOutput()
			require.NoError(t, err, "%s: %s", name, out)
		}
	})
	require.Greater(t, seen, 10)
}

// mounted replaces the paths of a container by those of this machine.
func mounted(t *testing.T, p *types.Project, s types.ServiceConfig) func(string) string {
	t.Helper()
	dir := t.TempDir()
	var pairs []string
	for _, v := range s.Volumes {
		source := v.Source
		if v.Type == types.VolumeTypeVolume {
			source = dir
		}
		pairs = append(pairs, v.Target, source)
	}
	for _, c := range s.Configs {
		name := filepath.Join(dir, c.Source)
		require.NoError(t, os.WriteFile(name, []byte(p.Configs[c.Source].Content), 0o600))
		pairs = append(pairs, c.Target, name)
	}
	return strings.NewReplacer(pairs...).Replace
}

// Every secret that is mounted is one that somebody reads, and the other way round.
func TestMountedSecretsAreRead(t *testing.T) {
	path := regexp.MustCompile(`^/run/secrets/`)
	for name, s := range load(t, nil).Services {
		mounted, read := map[string]bool{}, map[string]bool{}
		for _, c := range s.Configs {
			mounted[c.Target] = true
		}
		for _, c := range s.Secrets {
			mounted["/run/secrets/"+cmp.Or(c.Target, c.Source)] = true
		}
		for _, value := range s.Environment {
			if path.MatchString(*value) {
				read[*value] = true
			}
		}
		require.Equal(t, mounted, read, name)
	}
}
