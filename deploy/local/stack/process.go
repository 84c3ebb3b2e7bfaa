package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/thejerf/suture/v4"
)

// command says how to run one process and how to see that it is well.
type command struct {
	name    string // of the process and of its log
	path    string
	args    []string
	env     []string      // added to the runner's own
	log     string        // file that takes its output, appended
	drain   time.Duration // between SIGTERM and SIGKILL
	healthy func(context.Context) error
}

// process runs a command as a suture.Service: one run of Serve is one life of
// the process, and the supervisor calls Serve again when a life ended by itself.
type process struct {
	command
	starter *starter

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every start and end of a life
	running *os.Process   // nil between two lives
	lives   int           // how many have begun
	doomed  int           // the life that Kill has ended
	ended   error         // why the latest life that ended by itself did so
	logged  int64         // size of the log when this life began
}

func newProcess(c command, starter *starter) *process {
	return &process{command: c, starter: starter, changed: make(chan struct{})}
}

func (p *process) String() string { return p.name }

var _ suture.Service = (*process)(nil)

// Serve runs the process until it ends, or until ctx does: then it is asked to
// drain by SIGTERM and killed, with all its group, when its time is over.
func (p *process) Serve(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	cmd, err := p.begin()
	if err != nil {
		p.note(func() { p.ended = err })
		return err
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // ProcessState tells how it ended
	}()
	select {
	case <-exited:
		err = fmt.Errorf("%s ended by itself: %s", p.name, cmd.ProcessState)
		ended := p.explain(err) // now: the next life writes to the same log
		p.note(func() { p.running, p.ended = nil, ended })
	case <-ctx.Done():
		err = ctx.Err()
		p.stop(cmd.Process, exited)
		p.note(func() { p.running = nil })
	}
	_ = killGroup(cmd.Process) // whatever it has started itself
	return err
}

func (p *process) stop(running *os.Process, exited <-chan struct{}) {
	_ = syscall.Kill(-running.Pid, syscall.SIGTERM)
	select {
	case <-exited:
	case <-time.After(p.drain):
		_ = killGroup(running)
		<-exited
	}
}

func killGroup(leader *os.Process) error { return syscall.Kill(-leader.Pid, syscall.SIGKILL) }

func (p *process) begin() (*exec.Cmd, error) {
	log, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", p.name, err)
	}
	defer log.Close() // the process has its own handle
	size, err := log.Stat()
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", p.name, err)
	}
	cmd := exec.Command(p.path, p.args...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := p.starter.start(cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	p.note(func() {
		p.running, p.logged = cmd.Process, size.Size()
		p.lives++
	})
	return cmd, nil
}

// note records the start or the end of a life, and wakes who waits for it.
func (p *process) note(event func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	event()
	close(p.changed)
	p.changed = make(chan struct{})
}

// pid is the running process's, 0 between two lives.
func (p *process) pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		return 0
	}
	return p.running.Pid
}

// kill sends the signal to the running process.
func (p *process) kill(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		return fmt.Errorf("%s is not running", p.name)
	}
	switch signal {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT:
		p.doomed = p.lives
	}
	return p.running.Signal(signal)
}

// killAll ends the process and whatever it has started.
func (p *process) killAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil {
		_ = killGroup(p.running)
	}
}

// awaitHealthy waits for a running process that is well. With firstLife, the end
// of the process is the end of the wait; otherwise its next life may be the well one.
func (p *process) awaitHealthy(ctx context.Context, firstLife bool) error {
	const pause = 50 * time.Millisecond
	unwell := errors.New("it has not started")
	for {
		p.mu.Lock()
		alive, ended, changed := p.running != nil && p.doomed != p.lives, p.ended, p.changed
		p.mu.Unlock()
		if ended != nil && firstLife {
			return ended
		}
		if alive {
			err := p.check(ctx)
			if err == nil {
				return nil
			}
			if ctx.Err() == nil { // else the check was cut short and knows nothing
				unwell = err
			}
		}
		select {
		case <-ctx.Done():
			return p.explain(fmt.Errorf("%s is not healthy (%w): %w", p.name, ctx.Err(), unwell))
		case <-changed:
		case <-time.After(pause):
		}
	}
}

func (p *process) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return p.healthy(ctx)
}
