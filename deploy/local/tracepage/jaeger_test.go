package tracepage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"ordertrace/deploy/local/stack"
)

const repository = "../../.."

// jaeger is a real Jaeger that serves this folder as its UI.
type jaeger struct {
	t    *testing.T
	url  string // of the UI and the query API
	otlp string // host:port that takes spans
	stop func()
}

// startJaeger runs Jaeger with the configuration that the product ships; the base
// path is empty there.
func startJaeger(t *testing.T, basePath string) *jaeger {
	t.Helper()
	dir := t.TempDir()
	ports := freePorts(t, 4)
	assets, err := filepath.Abs(".")
	require.NoError(t, err)

	var log bytes.Buffer
	cmd := exec.Command(jaegerProgram(t), "--config", filepath.Join(repository, "deploy/jaeger/config.yaml"),
		"--set=extensions.jaeger_query.base_path="+basePath)
	cmd.Env = append(os.Environ(),
		"JAEGER_HOST=127.0.0.1",
		"JAEGER_LOG_LEVEL=warn",
		"JAEGER_OTLP_PORT="+ports[0],
		"JAEGER_PORT="+ports[1],
		"JAEGER_GRPC_PORT="+ports[2],
		"JAEGER_HEALTH_PORT="+ports[3],
		"JAEGER_READERS="+htpasswd(t, viewer, viewerPassword),
		"JAEGER_SENDERS="+htpasswd(t, sender, senderPassword),
		"JAEGER_STORAGE_DIR="+dir,
		"JAEGER_UI_ASSETS="+assets,
		"JAEGER_UI_CONFIG="+uiConfig(t, dir),
	)
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("jaeger:\n%s", log.String())
		}
	}
	t.Cleanup(stop)

	j := &jaeger{t: t, url: "http://127.0.0.1:" + ports[1] + basePath, otlp: "127.0.0.1:" + ports[0], stop: stop}
	require.Eventually(t, func() bool {
		res, err := http.Get("http://127.0.0.1:" + ports[3] + "/status")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, time.Minute, 50*time.Millisecond, "jaeger does not become healthy")
	return j
}

// Who reads traces here, and who sends them.
const (
	viewer, viewerPassword = "viewer", "viewer's password"
	sender, senderPassword = "sender", "sender's password"
)

func htpasswd(t *testing.T, user, password string) (file string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	require.NoError(t, err)
	file = filepath.Join(t.TempDir(), "htpasswd")
	require.NoError(t, os.WriteFile(file, []byte(user+":"+string(hash)+"\n"), 0o600))
	return file
}

// uiConfig is the product's own, plus a pattern that nobody should follow.
func uiConfig(t *testing.T, dir string) string {
	t.Helper()
	config := productUIConfig(t)
	config["linkPatterns"] = append(config["linkPatterns"].([]any), map[string]any{
		"type": "tags", "key": "order.note", "url": "javascript:#{order.note}", "text": "never a link",
	})
	config["menu"] = []any{
		map[string]any{"label": "Runbook", "url": "http://127.0.0.1:8233/runbook"},
		map[string]any{"label": "never in the menu", "url": "javascript:alert(1)"},
	}
	text, err := json.Marshal(config)
	require.NoError(t, err)
	path := filepath.Join(dir, "ui.json")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

func productUIConfig(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "deploy/jaeger/ui.json"))
	require.NoError(t, err)
	var config map[string]any
	require.NoError(t, json.Unmarshal(text, &config))
	return config
}

// holds waits until a trace has n spans.
func (j *jaeger) holds(traceID string, n int) {
	j.t.Helper()
	require.Eventually(j.t, func() bool { return j.spans(traceID) == n }, 30*time.Second, 50*time.Millisecond,
		"trace %s does not come to %d spans", traceID, n)
}

func (j *jaeger) spans(traceID string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, j.url+"/api/traces/"+traceID, nil)
	require.NoError(j.t, err)
	req.SetBasicAuth(viewer, viewerPassword)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	var body struct {
		Data []struct{ Spans []json.RawMessage }
	}
	if json.NewDecoder(res.Body).Decode(&body) != nil || len(body.Data) == 0 {
		return 0
	}
	return len(body.Data[0].Spans)
}

func freePorts(t *testing.T, n int) []string {
	t.Helper()
	ports := make([]string, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close() // after all are known, so that no two are the same
		ports[i] = fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// jaegerProgram is built from its module, as the page is for a Jaeger without a UI.
func jaegerProgram(t *testing.T) string {
	t.Helper()
	path, err := stack.Jaeger(t.Context(), stack.Config{Root: repository, IgnorePath: true, Progress: t.Output()})
	require.NoError(t, err)
	return path
}
