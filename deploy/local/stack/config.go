// Package stack runs everything an order needs on one machine: a real Temporal
// server with its web UI, a real Jaeger, and the three workers with their
// systems. It starts them in order, watches over them, starts again what
// crashes, and leaves nothing running. Everything listens on 127.0.0.1.
//
// It needs a Unix; on Linux its processes also die with a runner that is killed
// with SIGKILL.
package stack

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Namespace is the Temporal namespace of the orders.
const Namespace = "default"

const host = "127.0.0.1"

// Config says what to run and where. Its zero value, used in the repository's
// root, is the stack that `make up` starts.
type Config struct {
	// Root is the root of the repository: deploy/ is read from there, and the
	// relative paths below start there. Default: the current directory.
	Root string
	// StateDir keeps databases, uploaded files, spans and logs. Default: ".local".
	StateDir string
	// BinDir holds the workers' programs shop, crm and mes. Default: "bin".
	BinDir string
	// CacheDir keeps the built servers. Default: $ORDERTRACE_CACHE, else
	// "ordertrace" in the user's cache folder.
	CacheDir string
	// Ports to listen on. A zero port means its default.
	Ports Ports
	// IgnorePath builds both servers even if the PATH has a temporal or a jaeger.
	IgnorePath bool
	// SearchAttributes of the namespace, as Temporal's type by name. Missing ones
	// are added at every start. Default: none.
	SearchAttributes map[string]string
	// Retention is how long Temporal keeps a closed order's history. Default:
	// 90 days, as long as Jaeger keeps its spans.
	Retention time.Duration
	// WorkerEnv is added to the environment of a worker, by its name, as
	// "NAME=value". Default: none.
	WorkerEnv map[string][]string
	// StartTimeout is how long each process may take to become healthy. Default: one minute.
	StartTimeout time.Duration
	// Progress tells a person what is going on. Default: nobody is told.
	Progress io.Writer
}

func (c Config) withDefaults() (Config, error) {
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return c, fmt.Errorf("find the root folder: %w", err)
	}
	c.Root = root
	c.StateDir = c.path(c.StateDir, ".local")
	c.BinDir = c.path(c.BinDir, "bin")
	if c.CacheDir == "" {
		c.CacheDir = os.Getenv("ORDERTRACE_CACHE")
	}
	if c.CacheDir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return c, fmt.Errorf("find the cache folder (ORDERTRACE_CACHE names another): %w", err)
		}
		c.CacheDir = filepath.Join(user, "ordertrace")
	}
	c.CacheDir = c.path(c.CacheDir, "")
	c.Ports = c.Ports.withDefaults()
	if c.Retention == 0 {
		c.Retention = 90 * 24 * time.Hour
	}
	if c.StartTimeout == 0 {
		c.StartTimeout = time.Minute
	}
	c.Progress = newConsole(c.Progress)
	return c, nil
}

func (c Config) path(name, fallback string) string {
	if name == "" {
		name = fallback
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.Root, name)
}
