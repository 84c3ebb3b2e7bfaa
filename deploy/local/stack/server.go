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
	// The contrib distribution, or those of its components that deploy/collector
	// names.
	collectorServer = server{
		name: "otelcol-contrib", title: "the OpenTelemetry Collector",
		folder: "deploy/standins/collector", pkg: ".", module: "go.opentelemetry.io/collector/otelcol",
		ldflags: "-s -w",
		version: []string{"--version"},
		genuine: regexp.MustCompile(`^otelcol-contrib version `),
	}
)

// executable is where a server's program was found.
type executable struct {
	path   string
	onPath bool // a release, not a build from the module
}

// Build makes sure that both servers can be started: it builds those that are
// neither on the PATH nor in the cache. Two builds at once share one result.
func Build(ctx context.Context, cfg Config) error {
	_, err := findAlone(ctx, cfg, temporalServer, jaegerServer)
	return err
}

// Jaeger is the path of a Jaeger that can be started: a release on the PATH, or
// the one in the cache, which it builds if need be, in minutes. With IgnorePath
// it is always the latter, which has no UI of its own. Of cfg only Root,
// CacheDir, IgnorePath and Progress matter. An error ends with the go command's
// last words.
func Jaeger(ctx context.Context, cfg Config) (path string, err error) {
	return findOne(ctx, cfg, jaegerServer)
}

// Temporal is the path of a Temporal that can be started, in the same way.
func Temporal(ctx context.Context, cfg Config) (path string, err error) {
	return findOne(ctx, cfg, temporalServer)
}

// Collector is the path of an OpenTelemetry Collector that can be started, in the
// same way.
func Collector(ctx context.Context, cfg Config) (path string, err error) {
	return findOne(ctx, cfg, collectorServer)
}

func findOne(ctx context.Context, cfg Config, s server) (string, error) {
	found, err := findAlone(ctx, cfg, s)
	if err != nil {
		return "", err
	}
	return found[0].path, nil
}

// findAlone is findServers without a stack.
func findAlone(ctx context.Context, cfg Config, servers ...server) ([]executable, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	starter := newStarter()
	defer starter.close()
	return findServers(ctx, cfg, starter, servers...)
}

// findServers returns the servers' programs in the order asked for, after
// building those that are missing.
func findServers(ctx context.Context, cfg Config, starter *starter, servers ...server) ([]executable, error) {
	found := make([]executable, len(servers))
	var missing []build
	for i, s := range servers {
		if !cfg.IgnorePath {
			if path := s.search(ctx); path != "" {
				found[i] = executable{path: path, onPath: true}
				fmt.Fprintf(cfg.Progress, "%s: using %s from the PATH\n", s.title, path)
				continue
			}
		}
		b, err := newBuild(ctx, cfg, s, starter)
		if err != nil {
			return nil, fmt.Errorf("build %s: %w", s.title, err)
		}
		found[i] = executable{path: b.target}
		if !b.done() {
			missing = append(missing, b)
		}
	}
	for i, b := range missing {
		if err := b.run(ctx, fmt.Sprintf("%d of %d", i+1, len(missing))); err != nil {
			return nil, fmt.Errorf("build %s: %w", b.title, err)
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
