package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
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
	pid     int           // 0 between two lives
	lives   int           // how many have begun
	doomed  int           // the life that Kill has ended
	ended   error         // why the last life ended by itself
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
		p.note(0, err)
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	group := -cmd.Process.Pid
	select {
	case err = <-exited:
		err = fmt.Errorf("%s ended by itself: %s", p.name, cmd.ProcessState)
	case <-ctx.Done():
		err = ctx.Err()
		_ = syscall.Kill(group, syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(p.drain):
			_ = syscall.Kill(group, syscall.SIGKILL)
			<-exited
		}
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // whatever it has started itself
	p.note(0, p.explain(err))                // now: the next life writes to the same log
	return err
}

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
	p.mu.Lock()
	p.logged = size.Size()
	p.mu.Unlock()
	p.note(cmd.Process.Pid, nil)
	return cmd, nil
}

// note records the start (pid) or the end (0) of a life and wakes who waits.
func (p *process) note(pid int, ended error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid, p.ended = pid, ended
	if pid != 0 {
		p.lives++
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

// state is the pid (0: not running), why the last life ended, whether Kill has
// doomed the running one, and a channel that closes at the next change.
func (p *process) state() (pid int, ended error, doomed bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid, p.ended, p.doomed == p.lives, p.changed
}

// kill sends the signal to the running process.
func (p *process) kill(signal syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		return fmt.Errorf("%s is not running", p.name)
	}
	switch signal {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT:
		p.doomed = p.lives
	}
	return syscall.Kill(p.pid, signal)
}

// killGroup ends the process and whatever it has started.
func (p *process) killGroup() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		return nil
	}
	return syscall.Kill(-p.pid, syscall.SIGKILL)
}

// awaitHealthy waits for a running process that is well. With firstLife, the end
// of the process is the end of the wait; otherwise its next life may be the well one.
func (p *process) awaitHealthy(ctx context.Context, firstLife bool) error {
	const pause = 50 * time.Millisecond
	unwell := errors.New("it has not started")
	for {
		pid, ended, doomed, changed := p.state()
		if ended != nil && firstLife {
			return ended
		}
		if pid != 0 && !doomed {
			if unwell = p.check(ctx); unwell == nil {
				return nil
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

// explain adds the last lines that the process wrote in its last life.
func (p *process) explain(err error) error {
	p.mu.Lock()
	from := p.logged
	p.mu.Unlock()
	written, readErr := os.ReadFile(p.log)
	if readErr != nil || int64(len(written)) <= from {
		return fmt.Errorf("%w; it wrote nothing to %s", err, p.log)
	}
	var last tail
	for line := range strings.Lines(string(written[from:])) {
		last.add(strings.TrimRight(line, "\n"))
	}
	return fmt.Errorf("%w; the end of %s:\n%s", err, p.log, last)
}
