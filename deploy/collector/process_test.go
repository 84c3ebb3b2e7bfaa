package collector

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/stack"
)

const root = "../.."

// process is a real program that a test starts, kills and starts again.
type process struct {
	path string
	args []string
	env  []string // added to the test's own
	well string   // URL that is answered with 200 when it is ready
	log  string   // file that takes its output
	cmd  *exec.Cmd
}

func (p *process) start(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer log.Close() // the process has its own handle
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Env = append(os.Environ(), p.env...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { p.kill(t) })
	require.Eventually(t, func() bool { return answered(t, p.well) == http.StatusOK }, time.Minute, 20*time.Millisecond, "%s, and its log", p.path)
}

// kill ends it as kill -9 does, and returns when it is gone.
func (p *process) kill(t testing.TB) {
	t.Helper()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
	if t.Failed() {
		told, _ := os.ReadFile(p.log)
		t.Logf("%s said:\n%s", filepath.Base(p.path), told)
	}
}

// answered is the status of the answer to a GET, 0 for none.
func answered(t testing.TB, url string) int {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	require.NoError(t, err)
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// ports are eight free ones.
func ports(t testing.TB) [8]string {
	t.Helper()
	free, err := stack.FreePorts()
	require.NoError(t, err)
	var out [8]string
	for i, port := range []int{free.Temporal, free.UI, free.Jaeger, free.OTLP, free.Shop, free.CRM, free.MES, free.Codec} {
		out[i] = strconv.Itoa(port)
	}
	return out
}

func address(port string) string { return "127.0.0.1:" + port }

// building is how the servers are found: from their Go modules, in the cache.
func building(t testing.TB) stack.Config {
	return stack.Config{Root: root, IgnorePath: true, Progress: t.Output()}
}

func write(t testing.TB, name, format string, args ...any) string {
	t.Helper()
	require.NoError(t, os.WriteFile(name, fmt.Appendf(nil, format, args...), 0o600))
	return name
}
