package workers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/worker"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/tracing"
	"ordertrace/workflow"
)

// A Service is a system that runs inside its worker.
type Service interface {
	Handler() http.Handler
	io.Closer
}

// A Drainer is a Service whose calls may be held for long. Drain has them answered
// at once; it is called when the worker begins to stop.
type Drainer interface{ Drain() }

// A Kind is what makes a worker the shop's, the CRM's or the MES's.
type Kind struct {
	System lifecycle.System
	// Open starts the system; its spans go to the given provider.
	Open func(context.Context, Config, trace.TracerProvider) (Service, error)
	// Register registers what runs on the system's queue.
	Register func(worker.Registry, Config, *api.Client)
}

// Main runs a worker until SIGTERM or SIGINT, and exits. The fields of flags,
// which may be nil, are added to the command line.
func Main(kind Kind, flags any) {
	var cli struct {
		Config
		Flags any `embed:""`
	}
	cli.Flags = flags
	if flags == nil {
		cli.Flags = &struct{}{}
	}
	kong.Parse(&cli, kong.Name(string(kind.System)), vars(kind.System), kong.UsageOnError(),
		kong.Description("The worker of the task queue "+string(kind.System)+", and the "+string(kind.System)+" itself unless an outside one is named."))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := Run(ctx, kind, cli.Config)
	stop()
	if err != nil {
		slog.Error("worker ended", "error", err)
		os.Exit(1)
	}
}

// How long a caller may take to say what it wants, and to want something else.
// What it sends may take as long as it takes: models are large.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Run runs a worker until ctx ends, then drains it: running work is finished or
// handed back, then the system stops, then the last spans leave.
func Run(ctx context.Context, kind Kind, cfg Config) (err error) {
	slog.SetDefault(logger(cfg))
	life := context.WithoutCancel(ctx) // what must outlast the drain
	var stack closers
	defer func() { err = errors.Join(err, stack.close()) }()

	telemetry, spans, inside, err := providers(life, kind, cfg)
	if err != nil {
		return err
	}
	stack.add("telemetry", func() error { flush(telemetry, cfg.FlushTimeout); return nil })

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen for the %s's API: %w; set %s_ADDR to another address", kind.System, err, vars(kind.System)["SYSTEM"])
	}
	stack.add("listener", ignoreClosed(listener.Close))
	server := &http.Server{Addr: listener.Addr().String(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	url, err := system(life, kind, cfg, inside, server, &stack)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }()
	stack.add("api", func() error { return shutdown(server, cfg.DrainTimeout) })

	temporal, err := tracing.Dial(ctx, spans)
	if err != nil {
		return fmt.Errorf("%w; start it, or name another with TEMPORAL_ADDRESS", err)
	}
	stack.add("temporal client", func() error { temporal.Close(); return nil })

	worker.SetStickyWorkflowCacheSize(cfg.CacheSize)
	w := worker.New(temporal, string(kind.System), worker.Options{
		WorkerStopTimeout: cfg.DrainTimeout,
		OnFatalError:      func(err error) { failed <- err },
	})
	kind.Register(w, cfg, api.NewClient(url, otelhttp.WithTracerProvider(spans.Process)))
	if err := w.Start(); err != nil {
		return fmt.Errorf("worker of queue %s: %w", kind.System, err)
	}
	stack.add("worker", func() error { w.Stop(); return nil })
	slog.Info("ready", "queue", kind.System, "api", url)

	select {
	case <-ctx.Done():
		slog.Info("draining", "queue", kind.System)
		return nil
	case err := <-failed:
		return fmt.Errorf("%s: %w", kind.System, err)
	}
}

// providers sets up the process's services: the worker's own, the workflow's where
// it runs here, and the system's. None is the global one: a library's spans of its
// own inner doings are no part of an order.
func providers(ctx context.Context, kind Kind, cfg Config) (t *tracing.Telemetry, spans tracing.Options, inside trace.TracerProvider, err error) {
	otel.SetTextMapPropagator(tracing.Propagator)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { slog.Warn("telemetry", "error", err) }))
	t = &tracing.Telemetry{}
	if spans.Process, err = t.Service(ctx, cfg.Service); err != nil {
		return nil, spans, nil, err
	}
	if inside, err = t.Service(ctx, cfg.Service+"-api"); err != nil {
		return nil, spans, nil, err
	}
	if kind.System == workflow.TaskQueue {
		spans.SearchAttribute = true
		if spans.Workflow, err = t.Service(ctx, tracing.WorkflowService); err != nil {
			return nil, spans, nil, err
		}
	}
	return t, spans, inside, nil
}

// system has the server serve the worker's own system, or leaves its place to an
// outside one. It returns the system's base URL.
func system(ctx context.Context, kind Kind, cfg Config, p trace.TracerProvider, server *http.Server, stack *closers) (string, error) {
	if cfg.URL != "" {
		health := http.NewServeMux()
		health.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
			api.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
		})
		server.Handler = health
		return cfg.URL, nil
	}
	service, err := kind.Open(ctx, cfg, p)
	if err != nil {
		return "", fmt.Errorf("%s: %w", kind.System, err)
	}
	stack.add("system", service.Close)
	server.Handler = service.Handler()
	if d, ok := service.(Drainer); ok {
		server.RegisterOnShutdown(d.Drain) // a held call would outlast the shutdown
	}
	return "http://" + server.Addr, nil
}

func logger(cfg Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // the command line checked it
	options := &slog.HandlerOptions{Level: level}
	var h slog.Handler = slog.NewJSONHandler(os.Stderr, options)
	if cfg.LogFormat == "text" {
		h = slog.NewTextHandler(os.Stderr, options)
	}
	return slog.New(tracing.LogHandler(h))
}
