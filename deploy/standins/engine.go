// Package standins runs docker-compose.yml where no image can be pulled. It starts a
// Docker engine of its own and builds images under the official names and tags from
// the same programs: from their Go modules, or from Debian's packages. images/ has the
// recipes; upstream.md says what was checked against whose file, and what stand-ins
// cannot vouch for.
package standins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ordertrace/deploy/local/stack"
)

// Config says where the engine and its images are kept.
type Config struct {
	Root     string    // of the repository
	CacheDir string    // "": as stack.Config has it
	Progress io.Writer // nil: nobody is told
}

// HostVariable names the environment variable with the address of an engine to use,
// such as unix:///var/run/docker.sock, in place of one of our own. Stand-ins take the
// official names there: let it be one for tests.
const HostVariable = "STANDINS_DOCKER_HOST"

// Engine is a Docker engine with the stand-in images.
type Engine struct {
	cfg    Config
	folder string // of what is kept between runs
	host   string // as DOCKER_HOST has it
	end    []func() error
}

// UnavailableError says why there can be no engine here.
type UnavailableError struct{ Reason string }

func (e *UnavailableError) Error() string { return "no Docker engine for tests: " + e.Reason }

// Start starts an engine that keeps its images in the cache, or finds the one that
// HostVariable names. It waits for another run that has the engine. The error is an
// *UnavailableError where none can be had.
func Start(ctx context.Context, cfg Config) (*Engine, error) {
	cache, err := stack.CacheDir(cfg.stack())
	if err != nil {
		return nil, err
	}
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	cfg.CacheDir = cache
	e := &Engine{cfg: cfg, folder: filepath.Join(cache, "engine"), host: os.Getenv(HostVariable)}
	if err := os.MkdirAll(e.folder, 0o700); err != nil {
		return nil, err
	}
	if err := e.lock(ctx); err != nil {
		return nil, err
	}
	if e.host == "" {
		err = e.startOwn(ctx)
	} else {
		_, err = e.Docker(ctx, "version")
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (c Config) stack() stack.Config {
	return stack.Config{Root: c.Root, CacheDir: c.CacheDir, Progress: c.Progress}
}

// Close ends what Start has started.
func (e *Engine) Close() error {
	var err error
	for i := len(e.end) - 1; i >= 0; i-- {
		err = errors.Join(err, e.end[i]())
	}
	e.end = nil
	return err
}

// Host is the engine's address, as DOCKER_HOST has it.
func (e *Engine) Host() string { return e.host }

// Env is the environment of programs that use the engine. The classic builder knows
// local images alone, which is what stand-ins want.
func (e *Engine) Env() []string {
	return append(os.Environ(), "DOCKER_HOST="+e.host, "DOCKER_CONFIG="+filepath.Join(e.folder, "config"),
		"DOCKER_BUILDKIT=0", "COMPOSE_BAKE=false")
}

// Docker runs the docker command and returns what it prints.
func (e *Engine) Docker(ctx context.Context, args ...string) (string, error) {
	return e.run(ctx, "docker", args...)
}

func (e *Engine) run(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out, messages bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = e.Env(), &out, &messages
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, tail(out.String()+messages.String(), 40))
	}
	return out.String(), nil
}

// tail is the last n lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// lock waits until no other run has the engine's folder.
func (e *Engine) lock(ctx context.Context) error {
	file, err := os.OpenFile(filepath.Join(e.folder, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	for told := false; ; told = true {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			e.end = append(e.end, file.Close)
			return nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return errors.Join(err, file.Close())
		}
		if !told {
			fmt.Fprintln(e.cfg.Progress, "waiting for another run that has the Docker engine for tests")
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), file.Close())
		case <-time.After(time.Second):
		}
	}
}
