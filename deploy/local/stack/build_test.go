package stack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const tinyProgram = `package main

import "fmt"

func main() { fmt.Print("tiny") }
`

// tinyModule is a Go module with one program, as a server to build.
func tinyModule(t *testing.T, source string) (Config, server) {
	root := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module tiny\n\ngo 1.26.0\n", "main.go": source} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(content), 0o644))
	}
	cfg := Config{Root: root, CacheDir: filepath.Join(t.TempDir(), "cache")}
	return cfg, server{name: "tiny", title: "Tiny", folder: ".", pkg: ".", module: "tiny"}
}

func testStarter(t *testing.T) *starter {
	s := newStarter()
	t.Cleanup(s.close)
	return s
}

func TestTwoBuildsAtOnceShareOneResult(t *testing.T) {
	cfg, tiny := tinyModule(t, tinyProgram)
	progress := new(transcript)
	cfg.Progress = progress
	starter := testStarter(t)
	b, err := newBuild(t.Context(), cfg, tiny, starter)
	require.NoError(t, err)
	require.False(t, b.done())

	var builders errgroup.Group
	for range 2 {
		builders.Go(func() error { return b.run(t.Context(), "1 of 1") })
	}
	require.NoError(t, builders.Wait())

	output, err := exec.Command(b.target).Output()
	require.NoError(t, err)
	require.Equal(t, "tiny", string(output))
	require.Equal(t, 1, strings.Count(progress.String(), "building Tiny"))
	require.Equal(t, 1, strings.Count(progress.String(), "built Tiny"))

	again, err := newBuild(t.Context(), cfg, tiny, starter)
	require.NoError(t, err)
	require.True(t, again.done(), "a later run finds it")
}

func TestChangedModuleIsBuiltAnew(t *testing.T) {
	cfg, tiny := tinyModule(t, tinyProgram)
	starter := testStarter(t)
	before, err := newBuild(t.Context(), cfg, tiny, starter)
	require.NoError(t, err)

	for name, change := range map[string]func(){
		"a source": func() {
			require.NoError(t, os.WriteFile(filepath.Join(cfg.Root, "more.go"), []byte("package main\n"), 0o644))
		},
		"the build's flags": func() { tiny.ldflags = "-s" },
	} {
		change()
		after, err := newBuild(t.Context(), cfg, tiny, starter)
		require.NoError(t, err)
		require.NotEqual(t, before.target, after.target, name)
		before = after
	}
}

func TestFailedBuildQuotesTheCompilerAndLeavesNothing(t *testing.T) {
	cfg, tiny := tinyModule(t, "package main\n\nfunc main() { missing() }\n")
	b, err := newBuild(t.Context(), cfg, tiny, testStarter(t))
	require.NoError(t, err)

	err = b.run(t.Context(), "1 of 1")

	require.ErrorContains(t, err, "undefined: missing")
	left, err := filepath.Glob(filepath.Join(cfg.CacheDir, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{b.target + ".lock"}, left)
}

func TestBuildProgressCountsDownloadsAndPackages(t *testing.T) {
	p := &buildProgress{what: "Tiny v1 (1 of 2)"}
	p.line("go: downloading example.org/a v1.0.0")
	p.line("go: downloading example.org/b v1.0.0")
	require.Contains(t, p.String(), "building Tiny v1 (1 of 2): 2 modules downloaded")
	p.compiling(40)
	p.line("example.org/a")
	p.line("# example.org/b: a compiler's message")
	require.Contains(t, p.String(), "building Tiny v1 (1 of 2): 1 of 40 packages compiled")
	for range 38 {
		p.line("example.org/c")
	}
	require.Contains(t, p.String(), "building Tiny v1 (1 of 2): linking")
}
