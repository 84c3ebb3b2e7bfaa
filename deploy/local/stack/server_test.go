package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const jaegerRelease = `{"gitCommit":"0b5d1f9c","gitVersion":"v2.13.0","buildDate":"2025-12-01T00:00:00Z"}`

// onPath puts a program first on the PATH that prints the same whatever it is asked.
func onPath(t *testing.T, name, prints string) (path string) {
	folder := t.TempDir()
	path = filepath.Join(folder, name)
	script := "#!/bin/sh\ncat <<'END'\n" + prints + "\nEND\n"
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	t.Setenv("PATH", folder+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return path
}

func TestOnlyARealReleaseOnThePathIsUsed(t *testing.T) {
	cases := map[string]struct {
		server server
		prints string
		used   bool
	}{
		"the Temporal CLI":                        {temporalServer, "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)", true},
		"another program that is called temporal": {temporalServer, "temporal 0.3, a time library", false},
		"a release of Jaeger v2":                  {jaegerServer, jaegerRelease, true},
		"a Jaeger without its UI":                 {jaegerServer, `{"gitCommit":"","gitVersion":"v2.13.0","buildDate":""}`, false},
		"Jaeger v1":                               {jaegerServer, `{"gitCommit":"0b5d1f9c","gitVersion":"v1.60.0","buildDate":""}`, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			program := onPath(t, c.server.name, c.prints)
			found := c.server.search(t.Context())
			if c.used {
				require.Equal(t, program, found)
			} else {
				require.Empty(t, found)
			}
		})
	}
}

func TestJaegerComesFromThePathOrFromItsModule(t *testing.T) {
	release := onPath(t, "jaeger", jaegerRelease)
	cfg := Config{Root: t.TempDir(), CacheDir: t.TempDir()}
	module := filepath.Join(cfg.Root, "deploy/local/jaeger")
	require.NoError(t, os.MkdirAll(filepath.Join(module, "cmd/jaeger"), 0o755))
	for name, content := range map[string]string{
		"go.mod":             "module github.com/jaegertracing/jaeger\n\ngo 1.26.0\n",
		"cmd/jaeger/main.go": tinyProgram,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(content), 0o644))
	}

	found, err := Jaeger(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, release, found)

	cfg.IgnorePath = true
	built, err := Jaeger(t.Context(), cfg)
	require.NoError(t, err)
	output, err := exec.Command(built).Output()
	require.NoError(t, err)
	require.Equal(t, "tiny", string(output))
}
