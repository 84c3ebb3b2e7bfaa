package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	startLimit = time.Minute
	tick       = 50 * time.Millisecond
)

// process is a program that runs until stop.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   transcript
	ended chan struct{}
}

// start runs a program in a process group of its own and waits until it is well.
func start(name, path string, args, env []string, well func() error) (*process, error) {
	p := &process{name: name, cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = 5 * time.Second // for whoever else holds its output
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // ProcessState tells how it ended
	}()
	deadline := time.Now().Add(startLimit)
	for {
		err := well()
		if err == nil {
			return p, nil
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s ended by itself: %s\n%s", name, p.cmd.ProcessState, p.log.String())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("%s does not become well: %w\n%s", name, err, p.log.String()), p.stop())
		}
	}
}

// stop asks the process to end, and makes it after a while.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
		return fmt.Errorf("%s had to be killed", p.name)
	}
	return nil
}

// answers checks that a GET of the URL has the status.
func answers(url string, status int) func() error {
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := wire.RoundTrip(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != status {
			return fmt.Errorf("GET %s: %s", url, res.Status)
		}
		return nil
	}
}

// transcript is what a process has written so far.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

func (t *transcript) lines() []string { return strings.Split(strings.TrimSpace(t.String()), "\n") }

func (t *transcript) tail(n int) string {
	lines := t.lines()
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
