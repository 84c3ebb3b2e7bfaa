package stack

import (
	"os/exec"
	"runtime"
	"syscall"
)

// starter starts every process of a stack from one thread that it keeps to
// itself: Linux ends the processes when the thread that started them ends, and
// Go ends threads at will.
type starter struct {
	requests chan func()
	closed   chan struct{}
}

func newStarter() *starter {
	s := &starter{requests: make(chan func()), closed: make(chan struct{})}
	go func() {
		defer close(s.closed)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for request := range s.requests {
			request()
		}
	}()
	return s
}

// start is cmd.Start in a process group of its own: a Ctrl-C at the terminal
// reaches the runner alone, which then stops the others in order.
func (s *starter) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithRunner(cmd.SysProcAttr)
	result := make(chan error)
	s.requests <- func() { result <- cmd.Start() }
	return <-result
}

// close ends the thread, and on Linux whatever it started that still runs.
func (s *starter) close() {
	close(s.requests)
	<-s.closed
}
