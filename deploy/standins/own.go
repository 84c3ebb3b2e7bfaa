package standins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startOwn runs dockerd with everything of its own: socket, folders, bridge, addresses.
func (e *Engine) startOwn(ctx context.Context) error {
	if err := mayStart(ctx); err != nil {
		return err
	}
	const run = "/run/ordertrace-engine" // short: a socket's path has at most 107 bytes
	if err := errors.Join(os.MkdirAll(run, 0o700), endLeftOver(ctx, filepath.Join(run, "pid"))); err != nil {
		return err
	}
	addresses, err := freeAddresses()
	if err != nil {
		return err
	}
	if err := e.makeBridge(ctx, addresses); err != nil {
		return err
	}
	settings := filepath.Join(e.folder, "daemon.json")
	if err := os.WriteFile(settings, []byte("{}"), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(e.folder, "dockerd.log"))
	if err != nil {
		return err
	}
	defer log.Close() // the engine has its own handle
	e.host = "unix://" + filepath.Join(run, "docker.sock")
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "dockerd", // Close ends it
		"--host="+e.host,
		"--data-root="+filepath.Join(e.folder, "data"), "--exec-root="+filepath.Join(run, "exec"), "--pidfile="+filepath.Join(run, "pid"),
		"--config-file="+settings, // not the machine's
		"--bridge="+bridge, "--default-address-pool=base="+addresses+".128.0/17,size=24")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is ours to tell
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start dockerd: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // ProcessState tells how it ended
	}()
	e.end = append(e.end, func() error { return stop(cmd.Process, ended) })
	return e.awaitOwn(ctx, ended, log.Name())
}

func stop(process *os.Process, ended <-chan struct{}) error {
	_ = process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
		return nil
	case <-time.After(time.Minute):
		_ = process.Kill()
		<-ended
		return errors.New("dockerd had to be killed")
	}
}

func (e *Engine) awaitOwn(ctx context.Context, ended <-chan struct{}, log string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		_, err := e.Docker(ctx, "version")
		if err == nil {
			// Of what no image has any more, the last week's may still save time.
			_, err := e.Docker(ctx, "image", "prune", "--force", "--filter", "until=168h")
			return err
		}
		select {
		case <-ended:
			text, _ := os.ReadFile(log)
			return fmt.Errorf("dockerd ended by itself:\n%s", tail(string(text), 15))
		case <-ctx.Done():
			return fmt.Errorf("dockerd does not answer: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// endLeftOver ends the engine of a run that was killed: whoever has the lock knows that
// nobody uses it.
func endLeftOver(ctx context.Context, pidFile string) error {
	text, err := os.ReadFile(pidFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return os.Remove(pidFile)
	}
	process := filepath.Join("/proc", strconv.Itoa(pid))
	command, _ := os.ReadFile(filepath.Join(process, "cmdline"))
	if !bytes.Contains(command, []byte("--pidfile="+pidFile)) {
		return os.Remove(pidFile) // the number is another program's now
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("end the engine that a killed run has left: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if _, err := os.Stat(process); err != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the engine that a killed run has left does not end: %w", ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// mayStart says why no engine can be started here.
func mayStart(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return &UnavailableError{Reason: "dockerd needs root; " + HostVariable + " names a running one"}
	}
	for _, program := range []string{"dockerd", "docker", "ip", "debootstrap"} {
		if _, err := exec.LookPath(program); err != nil {
			return &UnavailableError{Reason: program + " is missing: make packages installs Debian's docker.io, iproute2 and debootstrap"}
		}
	}
	// Two engines on one machine sweep away each other's rules for packets.
	const usual = "/var/run/docker.sock"
	if conn, err := new(net.Dialer).DialContext(ctx, "unix", usual); err == nil {
		_ = conn.Close()
		return &UnavailableError{Reason: "another engine runs here, at " + usual + "; " + HostVariable + "=unix://" + usual + " takes it, if stand-ins may have the official names there"}
	}
	return nil
}

// bridge is of containers without a network of their own: those that build images.
const bridge = "ordertrace0"

func (e *Engine) makeBridge(ctx context.Context, addresses string) error {
	_, _ = e.run(ctx, "ip", "link", "delete", bridge) // of a run that was killed
	e.end = append(e.end, func() error {
		_, err := e.run(context.Background(), "ip", "link", "delete", bridge)
		return err
	})
	for _, args := range [][]string{
		{"link", "add", bridge, "type", "bridge"},
		{"address", "add", addresses + ".0.1/24", "dev", bridge},
		{"link", "set", bridge, "up"},
	} {
		if _, err := e.run(ctx, "ip", args...); err != nil {
			return &UnavailableError{Reason: "no bridge can be made: " + err.Error()}
		}
	}
	return nil
}

// freeAddresses are the first two numbers of a network that this machine knows nothing of.
func freeAddresses() (string, error) {
	taken, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for second := 211; second < 250; second++ {
		_, candidate, err := net.ParseCIDR(fmt.Sprintf("10.%d.0.0/16", second))
		if err != nil {
			return "", err
		}
		free := true
		for _, address := range taken {
			if network, ok := address.(*net.IPNet); ok && (candidate.Contains(network.IP) || network.Contains(candidate.IP)) {
				free = false
			}
		}
		if free {
			return fmt.Sprintf("10.%d", second), nil
		}
	}
	return "", &UnavailableError{Reason: "no free network between 10.211.0.0 and 10.249.0.0"}
}
