package stack

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"time"
)

// server is a program that is found on the PATH or built from its Go module.
type server struct {
	name    string // of the program
	title   string // for people
	folder  string // of its Go module, below the root
	pkg     string // its main package
	module  string // the module whose version is the server's
	ldflags string
	version []string       // arguments that print its version
	genuine *regexp.Regexp // what a release of it prints then
}

var (
	temporalServer = server{
		name: "temporal", title: "Temporal",
		folder: "deploy/local/temporal", pkg: ".", module: "go.temporal.io/server",
		ldflags: "-s -w",
		version: []string{"--version"},
		genuine: regexp.MustCompile(`^temporal version \S+ \(Server `),
	}
	// A release of Jaeger knows its commit and brings the real UI; one that is
	// built from the module has neither.
	jaegerServer = server{
		name: "jaeger", title: "Jaeger",
		folder: "deploy/local/jaeger", pkg: "github.com/jaegertracing/jaeger/cmd/jaeger", module: "github.com/jaegertracing/jaeger",
		ldflags: "-s -w -X github.com/jaegertracing/jaeger/internal/version.latestVersion=v2.13.0", // what the module calls v1.76.0
		version: []string{"version"},
		genuine: regexp.MustCompile(`"gitCommit":"[0-9a-f]+","gitVersion":"v2\.`),
	}
)

// executables are the paths of the two servers' programs.
type executables struct {
	temporal, jaeger string
	jaegerUI         bool // jaeger brings its own UI
}

// Build makes sure that both servers can be started: it builds those that are
// neither on the PATH nor in the cache. Two builds at once share one result.
func Build(ctx context.Context, cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	starter := newStarter()
	defer starter.close()
	_, err = findServers(ctx, cfg, starter)
	return err
}

func findServers(ctx context.Context, cfg Config, starter *starter) (executables, error) {
	var found executables
	var missing []build
	for _, wanted := range []struct {
		server
		path   *string
		onPath *bool
	}{{temporalServer, &found.temporal, new(bool)}, {jaegerServer, &found.jaeger, &found.jaegerUI}} {
		if path := wanted.search(ctx); path != "" && !cfg.IgnorePath {
			*wanted.path, *wanted.onPath = path, true
			fmt.Fprintf(cfg.Progress, "%s: using %s from the PATH\n", wanted.title, path)
			continue
		}
		b, err := newBuild(ctx, cfg, wanted.server, starter)
		if err != nil {
			return found, fmt.Errorf("build %s: %w", wanted.title, err)
		}
		*wanted.path = b.target
		if !b.done() {
			missing = append(missing, b)
		}
	}
	for i, b := range missing {
		if err := b.run(ctx, fmt.Sprintf("%d of %d", i+1, len(missing))); err != nil {
			return found, fmt.Errorf("build %s: %w", b.title, err)
		}
	}
	return found, nil
}

// search is where the PATH has a release of the server, or "".
func (s server) search(ctx context.Context) string {
	path, err := exec.LookPath(s.name)
	if err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, path, s.version...).Output()
	if err != nil || !s.genuine.Match(output) {
		return ""
	}
	return path
}
