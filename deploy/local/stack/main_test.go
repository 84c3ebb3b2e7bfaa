package stack

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// The test binary is also the programs that the tests run.
const roleVariable = "STACK_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		goleak.VerifyTestMain(m)
	case "service":
		serve(syscall.SIGTERM)
	case "deaf":
		serve(syscall.SIGUSR1) // SIGTERM is ignored
	case "broken":
		fmt.Println("first line")
		fmt.Fprintln(os.Stderr, "cannot open the database")
		os.Exit(3)
	case "runner":
		runTwoServices()
	}
}

// serve answers on TEST_ADDR until the signal comes, and notes that in TEST_JOURNAL.
func serve(until os.Signal) {
	if until != syscall.SIGTERM {
		signal.Ignore(syscall.SIGTERM)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, until)
	go func() {
		err := http.ListenAndServe(os.Getenv("TEST_ADDR"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}()
	<-signals
	journal, err := os.OpenFile(os.Getenv("TEST_JOURNAL"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = fmt.Fprintln(journal, os.Getenv("TEST_NAME"))
	}
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// runTwoServices is a runner: it prints the pids of its processes and stays.
func runTwoServices() {
	cfg, err := Config{StateDir: os.Getenv("TEST_STATE")}.withDefaults()
	if err != nil {
		panic(err)
	}
	ports, err := FreePorts()
	if err != nil {
		panic(err)
	}
	cfg.Ports = ports
	s, err := open(cfg)
	if err != nil {
		panic(err)
	}
	for group, c := range map[*group]command{
		s.servers: testCommand(cfg, "server", ports.Temporal, "service"),
		s.workers: testCommand(cfg, "worker", ports.Shop, "deaf"),
	} {
		if err := s.startAll(context.Background(), group, []command{c}); err != nil {
			panic(err)
		}
	}
	fmt.Println(s.Pid("server"), s.Pid("worker"))
	select {}
}

func testCommand(cfg Config, name string, port int, role string) command {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return command{
		name: name, path: self, log: cfg.log(name), drain: 10 * time.Second,
		env: []string{
			roleVariable + "=" + role,
			"TEST_NAME=" + name,
			"TEST_ADDR=" + address(port),
			"TEST_JOURNAL=" + journal(cfg),
		},
		healthy: answers(url(port), nil),
	}
}

func journal(cfg Config) string { return filepath.Join(cfg.StateDir, "journal") }

// openStack opens a stack without processes on free ports; told is what it has
// told a person so far.
func openStack(t *testing.T) (s *Stack, told func() string) {
	ports, err := FreePorts()
	require.NoError(t, err)
	progress := new(transcript)
	cfg, err := Config{StateDir: t.TempDir(), Ports: ports, Progress: progress}.withDefaults()
	require.NoError(t, err)
	s, err = open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s, progress.String
}

func start(t *testing.T, s *Stack, g *group, c command) {
	require.NoError(t, s.startAll(t.Context(), g, []command{c}))
}

func running(pid int) bool {
	state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if os.IsNotExist(err) {
		return false
	}
	// A dead process that nobody has waited for yet is a zombie, not a running one.
	return err == nil && !strings.Contains(string(state), ") Z ")
}
