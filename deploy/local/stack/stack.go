package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	neturl "net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// How long a process may take between SIGTERM and SIGKILL. A worker finishes or
// hands back its running work and sends its last spans.
const (
	workerDrain = 30 * time.Second
	serverDrain = 10 * time.Second
)

// Stack is a running stack.
type Stack struct {
	cfg     Config
	users   map[string]*neturl.Userinfo // of Jaeger
	tokens  map[string]string           // of the APIs' callers
	lock    io.Closer                   // of the state folder
	starter *starter
	servers *group // Temporal and Jaeger
	workers *group // shop, crm and mes: they stop before the servers
	stop    sync.Once
	stopErr error
}

// Start brings the stack up and returns when all of it is healthy; ctx bounds
// the start only. An error leaves nothing running. It is a *PortsTakenError if
// ports are taken; if a process does not come up, it ends with that process's
// last words.
func Start(ctx context.Context, cfg Config) (*Stack, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkWorkers(cfg); err != nil {
		return nil, err
	}
	s, err := open(cfg)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// open takes the state folder and finds the ports free, but starts nothing.
func open(cfg Config) (*Stack, error) {
	lock, err := lockState(cfg)
	if err != nil {
		return nil, err
	}
	if err := cfg.Ports.check(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	progress := newConsole(cfg.Progress)
	return &Stack{
		cfg:     cfg,
		lock:    lock,
		starter: newStarter(),
		servers: newGroup("servers", serverDrain, progress),
		workers: newGroup("workers", workerDrain, progress),
	}, nil
}

func (s *Stack) start(ctx context.Context) error {
	found, err := findServers(ctx, s.cfg, s.starter, temporalServer, jaegerServer)
	if err != nil {
		return err
	}
	if err := s.makeSecrets(); err != nil {
		return err
	}
	servers, err := serverCommands(s.cfg, s.TraceViewer(), found[0], found[1])
	if err != nil {
		return err
	}
	if err := s.startAll(ctx, s.servers, servers); err != nil {
		return err
	}
	if err := s.setUpNamespace(ctx); err != nil {
		return fmt.Errorf("set up Temporal's namespace %s: %w", Namespace, err)
	}
	secret, err := s.CarrierSecret()
	if err != nil {
		return err
	}
	if err := s.startAll(ctx, s.workers, s.workerCommands(secret)); err != nil {
		return err
	}
	return s.writeAccessFile()
}

func (s *Stack) startAll(ctx context.Context, g *group, commands []command) error {
	for _, c := range commands {
		began := time.Now()
		if err := g.start(ctx, c, s.starter, s.cfg.StartTimeout); err != nil {
			return fmt.Errorf("start %s: %w", c.name, err)
		}
		fmt.Fprintf(s.cfg.Progress, "%s is up (%.1f s)\n", c.name, time.Since(began).Seconds())
	}
	return nil
}

// Stop drains the workers, then the servers, and returns when nothing is left.
// A worker has 30 seconds and a server 10 before it is killed; when ctx ends,
// what is left is killed at once. A second Stop returns what the first one did.
func (s *Stack) Stop(ctx context.Context) error {
	s.stop.Do(func() {
		s.workers.drain(ctx)
		s.servers.drain(ctx)
		s.starter.close()
		s.stopErr = s.lock.Close()
	})
	return s.stopErr
}

// checkWorkers says early, and with the remedy, that the workers are not built.
func checkWorkers(cfg Config) error {
	for _, name := range workerNames {
		if _, err := os.Stat(filepath.Join(cfg.BinDir, name)); err != nil {
			return fmt.Errorf("the worker %s is not built (`make build` builds it): %w", name, err)
		}
	}
	return nil
}

// lockState makes the state folder and keeps a second stack out of it.
func lockState(cfg Config) (io.Closer, error) {
	if err := os.MkdirAll(filepath.Join(cfg.StateDir, "logs"), 0o755); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	lock, err := tryLockFile(filepath.Join(cfg.StateDir, "lock"))
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("another stack is running on %s: stop it, or choose another folder with --state or STATE", cfg.StateDir)
	}
	if err != nil {
		return nil, fmt.Errorf("lock the state folder: %w", err)
	}
	return lock, nil
}

// Pid is the process id of temporal, jaeger, shop, crm or mes; 0 while it is
// being started again, and for any other name.
func (s *Stack) Pid(name string) int {
	p, err := s.process(name)
	if err != nil {
		return 0
	}
	return p.pid()
}

// Kill sends a signal to the named process. What dies of it is started again.
func (s *Stack) Kill(name string, signal syscall.Signal) error {
	p, err := s.process(name)
	if err != nil {
		return err
	}
	return p.kill(signal)
}

// Restarted is how often the named process has been started again.
func (s *Stack) Restarted(name string) int {
	p, err := s.process(name)
	if err != nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.lives-1, 0)
}

// WaitHealthy waits until the named process is running and well. After Kill
// with a deadly signal that is the next process, not the one that is dying.
func (s *Stack) WaitHealthy(ctx context.Context, name string) error {
	p, err := s.process(name)
	if err != nil {
		return err
	}
	return p.awaitHealthy(ctx, false)
}

func (s *Stack) process(name string) (*process, error) {
	for _, g := range []*group{s.servers, s.workers} {
		for _, p := range g.processes {
			if p.name == name {
				return p, nil
			}
		}
	}
	return nil, fmt.Errorf("the stack has no process %q", name)
}

// LogFile is where the named process's output goes.
func (s *Stack) LogFile(name string) string { return s.cfg.log(name) }

func (c Config) log(name string) string { return filepath.Join(c.StateDir, "logs", name+".log") }
