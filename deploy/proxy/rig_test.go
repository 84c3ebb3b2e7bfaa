// Package proxy is the sign-in in front of Jaeger and the Temporal UI. It is all
// configuration; the tests run it: Apache httpd, an OpenID provider, Jaeger,
// Temporal, its UI twice and a codec server, all real.
package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/goleak"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/proxy/identity"
	"ordertrace/workers/encryption"
)

const root = "../.."

// wire takes every request of these tests, without keeping connections.
var wire = &http.Transport{DisableKeepAlives: true}

// missing is what Debian's packages would bring; the tests are skipped without.
var missing string

var shared *rig

func TestMain(m *testing.M) {
	code, err := run(m)
	if err == nil && code == 0 {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if missing = lacks(); missing != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "ordertrace-proxy")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	shared = &rig{dir: dir}
	defer func() { err = errors.Join(err, shared.close()) }()
	if err := shared.start(context.Background()); err != nil {
		return 1, err
	}
	code = m.Run()
	if code != 0 {
		for _, p := range shared.processes {
			fmt.Fprintf(os.Stderr, "%s:\n%s\n", p.name, p.log.tail(30))
		}
	}
	return code, nil
}

func lacks() string {
	for name, file := range map[string]string{
		"apache2-bin":                 "/usr/sbin/apache2",
		"libapache2-mod-auth-openidc": "/usr/lib/apache2/modules/mod_auth_openidc.so",
	} {
		if _, err := os.Stat(file); err != nil {
			return name
		}
	}
	return ""
}

// ready is the shared rig, for tests that may run beside each other.
func ready(t *testing.T) *rig {
	t.Helper()
	if missing != "" {
		t.Skip("needs a real httpd with mod_auth_openidc: Debian's package " + missing)
	}
	return shared
}

// rig is everything that docker-compose.yml puts behind and beside the proxy, and
// the proxy.
type rig struct {
	dir       string
	closers   []func() error
	processes []*process

	provider *identity.Running
	jaeger   *jaeger
	temporal client.Client
	viewerUI string // the UI's servers themselves, past the proxy
	actingUI string
	behind   map[string]*witness // by the proxy's path
	lender   *httptest.Server    // of a certificate for 127.0.0.1
	proxy    *proxy
	brief    string // the address of a second proxy, whose sessions a test wants short
}

func (r *rig) start(ctx context.Context) (err error) {
	ports, err := stack.FreePorts()
	if err != nil {
		return err
	}
	if err := r.startTemporal(ctx, ports.Temporal); err != nil {
		return err
	}
	public := fmt.Sprintf("http://127.0.0.1:%d", ports.CRM)
	if r.viewerUI, err = r.startUI(ctx, ports.UI, ports.Temporal, "/temporal", "TEMPORAL_DISABLE_WRITE_ACTIONS=true"); err != nil {
		return err
	}
	if r.actingUI, err = r.startUI(ctx, ports.Shop, ports.Temporal, "/operator", "TEMPORAL_CODEC_ENDPOINT="+public+"/codec"); err != nil {
		return err
	}
	if err := r.startJaeger(ctx, ports); err != nil {
		return err
	}
	r.behind = map[string]*witness{
		"/jaeger":   forward(r.jaeger.url),
		"/temporal": forward(r.viewerUI),
		"/operator": forward(r.actingUI),
		"/codec":    watch(codecServer(public)),
	}
	for _, w := range r.behind {
		r.closing(func() error { w.Close(); return nil })
	}
	r.brief = fmt.Sprintf("http://127.0.0.1:%d", ports.MES)
	r.provider, err = identity.Start(people, identity.Client{
		ID: clientID, Secret: clientSecret,
		RedirectURIs:  []string{public + "/oidc/callback", r.brief + "/oidc/callback"},
		SignedOutURIs: []string{public + "/signed-out", r.brief + "/signed-out"},
	})
	if err != nil {
		return err
	}
	r.closing(func() error { r.provider.Close(); return nil })
	r.lender = httptest.NewTLSServer(nil)
	r.closing(func() error { r.lender.Close(); return nil })
	wire.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
	wire.TLSClientConfig.RootCAs.AddCert(r.lender.Certificate())
	r.proxy, err = r.startProxy(public)
	return err
}

func (r *rig) closing(step func() error) { r.closers = append(r.closers, step) }

func (r *rig) close() (err error) {
	for i := len(r.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, r.closers[i]())
	}
	wire.CloseIdleConnections()
	return err
}

func (r *rig) run(name, path string, args, env []string, well func() error) error {
	p, err := start(name, path, args, env, well)
	if err != nil {
		return err
	}
	r.processes = append(r.processes, p)
	r.closing(p.stop)
	return nil
}

// startTemporal runs a server with one worker, whose workflow waits for a signal.
func (r *rig) startTemporal(ctx context.Context, port int) error {
	program, err := stack.Temporal(ctx, stack.Config{Root: root, Progress: os.Stderr})
	if err != nil {
		return err
	}
	args := []string{"server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", strconv.Itoa(port), "--log-level", "error"}
	dial := func() (err error) {
		r.temporal, err = client.DialContext(ctx, client.Options{HostPort: fmt.Sprintf("127.0.0.1:%d", port), Logger: silent{}})
		return err
	}
	if err := r.run("temporal", program, args, nil, dial); err != nil {
		return err
	}
	r.closing(func() error { r.temporal.Close(); return nil })
	w := worker.New(r.temporal, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(waiting, workflow.RegisterOptions{Name: "Waiting"})
	if err := w.Start(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	r.closing(func() error { w.Stop(); return nil })
	return nil
}

const queue = "proxy"

// codec stands for the one that encrypts: to the proxy they are the same.
var codec = converter.NewZlibCodec(converter.ZlibCodecOptions{AlwaysEncode: true})

// codecServer is what the shop's worker runs, and lets in the proxy alone.
func codecServer(public string) http.Handler {
	return encryption.Server{Codec: codec, UI: public + "/operator", Allowed: func(r *http.Request) bool {
		return r.Header.Get("Authorization") == "Bearer "+codecToken
	}}.Handler()
}

// waiting takes any input, encrypted or not.
func waiting(ctx workflow.Context, _ converter.RawValue) error {
	if err := workflow.SetUpdateHandler(ctx, "note", func(workflow.Context) error { return nil }); err != nil {
		return err
	}
	workflow.SetCurrentDetails(ctx, "Waits for **close**")
	workflow.GetSignalChannel(ctx, "close").Receive(ctx, nil)
	return nil
}

// startUI runs the Temporal UI's server as its image does, on loopback.
func (r *rig) startUI(ctx context.Context, port, temporal int, path string, env ...string) (string, error) {
	program, err := uiTool(ctx, "tool", "-n", "github.com/temporalio/ui-server/v2/cmd/server")
	if err != nil {
		return "", err
	}
	module, err := uiTool(ctx, "list", "-m", "-f", "{{.Dir}}", "github.com/temporalio/ui-server/v2")
	if err != nil {
		return "", err
	}
	config := filepath.Join(r.dir, "ui"+strconv.Itoa(port))
	asInImage, err := os.ReadFile(filepath.Join(module, "config", "docker.yaml"))
	if err != nil {
		return "", err
	}
	if err := errors.Join(
		os.Mkdir(config, 0o700),
		os.WriteFile(filepath.Join(config, "base.yaml"), []byte("host: 127.0.0.1\n"), 0o600),
		os.WriteFile(filepath.Join(config, "docker.yaml"), asInImage, 0o600),
	); err != nil {
		return "", err
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	env = append(env,
		fmt.Sprintf("TEMPORAL_ADDRESS=127.0.0.1:%d", temporal),
		fmt.Sprintf("TEMPORAL_UI_PORT=%d", port),
		"TEMPORAL_UI_PUBLIC_PATH="+path,
		"TEMPORAL_CSRF_COOKIE_INSECURE=true", // plain HTTP on loopback
		"TEMPORAL_DISABLE_NEWS_FETCH=true",
		"TEMPORAL_HIDE_LOGS=true",
	)
	args := []string{"--root", "/", "--config", config, "--env", "docker", "start"}
	return url, r.run("temporal-ui"+path, program, args, env, answers(url+"/healthz", http.StatusOK))
}

func uiTool(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(root, "deploy/local/temporalui")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
