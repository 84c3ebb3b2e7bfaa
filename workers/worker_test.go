package workers

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"ordertrace/lifecycle"
	"ordertrace/systems/access"
	"ordertrace/systems/crm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(tidy{m}) }

// tidy closes the connections that the default client keeps for its next call.
type tidy struct{ *testing.M }

func (t tidy) Run() int {
	defer http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return t.M.Run()
}

// token is that of one of our services.
const token = "a service's"

// config is a worker's configuration as its command line gives it, with nothing
// set but what keeps a test to itself.
func config(t *testing.T, system lifecycle.System, args ...string) Config {
	var c Config
	parser, err := kong.New(&c, vars(system))
	require.NoError(t, err)
	callers := filepath.Join(t.TempDir(), "callers")
	require.NoError(t, os.WriteFile(callers, []byte(access.Line(token, "tester", "service")), 0o600))
	_, err = parser.Parse(append([]string{
		"--tokens-file=" + callers, "--addr=127.0.0.1:0", "--dsn=sqlite:" + filepath.Join(t.TempDir(), "test.db"), "--flush-timeout=100ms", "--log-level=error",
	}, args...))
	require.NoError(t, err)
	return c
}

// crmKind is the CRM's worker with nothing on its queue.
var crmKind = Kind{
	System: lifecycle.CRM,
	Open: func(ctx context.Context, c Config, p trace.TracerProvider) (Service, error) {
		return crm.New(ctx, crm.Config{DSN: c.DSN, TracerProvider: p})
	},
	Register: func(context.Context, Queue) error { return nil },
}

// alone points Temporal and the collector at addresses where nobody answers.
func alone(t *testing.T, temporal string) {
	t.Setenv("TEMPORAL_ADDRESS", temporal)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+freeAddress(t))
}

func TestConfigurationIsReadFromTheEnvironment(t *testing.T) {
	for _, system := range lifecycle.Systems() {
		t.Run(string(system), func(t *testing.T) {
			prefix := strings.ToUpper(string(system))
			t.Setenv(prefix+"_ADDR", "127.0.0.1:1")
			t.Setenv(prefix+"_URL", "http://outside")
			t.Setenv(prefix+"_DSN", "postgres://db")
			t.Setenv("DRAIN_TIMEOUT", "7s")
			var c Config
			parser, err := kong.New(&c, vars(system))
			require.NoError(t, err)
			_, err = parser.Parse(nil)
			require.NoError(t, err)
			require.Equal(t, []any{"127.0.0.1:1", "http://outside", "postgres://db", string(system), 7 * time.Second},
				[]any{c.Addr, c.URL, c.DSN, c.Service, c.DrainTimeout})
		})
	}
}

func TestWrongConfigurationIsRefusedInClearWords(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	absent := freeAddress(t)
	tests := map[string]struct {
		temporal string
		args     []string
		says     []string
	}{
		"its address is taken":   {absent, []string{"--addr=" + taken.Addr().String()}, []string{taken.Addr().String(), "in use", "CRM_ADDR"}},
		"its address is none":    {absent, []string{"--addr=nonsense"}, []string{"nonsense", "CRM_ADDR"}},
		"no such database":       {absent, []string{"--dsn=oracle:x"}, []string{"crm", "oracle", "sqlite:PATH"}},
		"Temporal is not there":  {absent, nil, []string{absent, "TEMPORAL_ADDRESS"}},
		"Temporal is no address": {"nonsense", nil, []string{"nonsense", "TEMPORAL_ADDRESS"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			alone(t, tc.temporal)
			err := Run(t.Context(), crmKind, config(t, lifecycle.CRM, tc.args...))
			for _, word := range tc.says {
				require.ErrorContains(t, err, word)
			}
			require.NotContains(t, err.Error(), "\n", "one line")
		})
	}
}

// holding is a system whose calls wait for as long as they may, as a pricing's
// do.
type holding struct {
	entered, drained chan struct{}
	closed           atomic.Bool
}

func (h *holding) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			return
		}
		close(h.entered)
		<-h.drained
		w.WriteHeader(http.StatusServiceUnavailable)
	})
}

func (h *holding) Drain() { close(h.drained) }

func (h *holding) Close() error { h.closed.Store(true); return nil }

func TestHeldCallsAreDrainedNotWaitedFor(t *testing.T) {
	system := &holding{entered: make(chan struct{}), drained: make(chan struct{})}
	kind := crmKind
	kind.Open = func(context.Context, Config, trace.TracerProvider) (Service, error) { return system, nil }
	address := freeAddress(t)
	alone(t, silentAddress(t)) // the worker serves its API while Temporal keeps it waiting
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cfg := config(t, lifecycle.CRM, "--addr="+address, "--drain-timeout=1m")
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, kind, cfg) }()
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + address + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 5*time.Second, 10*time.Millisecond)

	answered := make(chan int, 1)
	go func() {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/hold", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			answered <- 0
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	<-system.entered
	stop()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the worker waits for a call that the system could end")
	}
	require.Equal(t, http.StatusServiceUnavailable, <-answered)
	require.True(t, system.closed.Load())
}

func TestLogsAreOfTheLevelAndFormatAskedFor(t *testing.T) {
	c := config(t, lifecycle.CRM, "--log-level=warn", "--log-format=text")
	l := logger(c)
	require.False(t, l.Enabled(t.Context(), slog.LevelInfo))
	require.True(t, l.Enabled(t.Context(), slog.LevelWarn))
}

// freeAddress is one where nobody listens.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// silentAddress is one where calls are taken and never answered.
func silentAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String() // the system takes the calls for us, as nobody accepts them
}
