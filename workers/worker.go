package workers

import (
	"cmp"
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
	"go.opentelemetry.io/otel/trace/noop"
	"go.temporal.io/sdk/worker"

	"ordertrace/lifecycle"
	"ordertrace/systems/access"
	"ordertrace/systems/api"
	"ordertrace/systems/desk"
	"ordertrace/tracing"
	"ordertrace/workers/encryption"
	"ordertrace/workers/orders"
	"ordertrace/workflow"
)

// A Service is a system that runs inside its worker.
type Service interface {
	Handler() http.Handler
	io.Closer
}

// A Peopled Service has routes for people beside those that every system has.
type Peopled interface {
	People(*http.ServeMux, api.People)
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
	Register func(context.Context, Queue) error
}

// A Queue is what a worker's activities and workflows are registered with.
type Queue struct {
	worker.Registry
	Config   Config
	System   *api.Client // of the system whose queue it is
	Temporal tracing.Connection
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

// heartbeatThrottle is how long the SDK may keep heartbeats back. It is less than
// activities beat, so that each is sent.
const heartbeatThrottle = 2 * time.Second

// Run runs a worker until ctx ends, then drains it: running work is finished or
// handed back, then the system stops, then the last spans leave.
func Run(ctx context.Context, kind Kind, cfg Config) (err error) {
	slog.SetDefault(logger(cfg))
	life := context.WithoutCancel(ctx) // what must outlast the drain
	var stack closers
	defer func() { err = errors.Join(err, stack.close()) }()

	keys, err := payloadKeys(cfg)
	if err != nil {
		return err
	}
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
	service, url, err := open(life, kind, cfg, inside, listener, &stack)
	if err != nil {
		return err
	}
	people, err := people(ctx, cfg, keys, inside, &stack)
	if err != nil {
		return err
	}
	server := serverOf(kind, service, people)
	failed := make(chan error, 3)
	go func() { failed <- server.Serve(listener) }()
	stack.add("api", func() error { return shutdown(server, cfg.DrainTimeout) })

	if err := serveCodec(ctx, kind, cfg, keys, failed, &stack); err != nil {
		return err
	}
	temporal, err := dial(ctx, converting(spans, keys.ForWorker()), &stack)
	if err != nil {
		return err
	}

	worker.SetStickyWorkflowCacheSize(cfg.CacheSize)
	w := worker.New(temporal.Client, string(kind.System), worker.Options{
		WorkerStopTimeout: cfg.DrainTimeout,
		// A cancelled pricing learns of it by its next heartbeat.
		MaxHeartbeatThrottleInterval: heartbeatThrottle,
		OnFatalError:                 func(err error) { failed <- err },
		DeploymentOptions:            cfg.Versioning.options(),
	})
	system := api.NewClient(url, otelhttp.WithTracerProvider(spans.Process)).As(cmp.Or(cfg.Token, cfg.APIToken))
	if err := kind.Register(ctx, Queue{Registry: w, Config: cfg, System: system, Temporal: temporal}); err != nil {
		return fmt.Errorf("queue %s: %w", kind.System, err)
	}
	if err := w.Start(); err != nil {
		return fmt.Errorf("worker of queue %s: %w", kind.System, err)
	}
	stack.add("worker", func() error { w.Stop(); return nil })
	if err := serveAudits(ctx, kind, cfg, keys, &stack); err != nil {
		return err
	}
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
		spans.SearchAttribute, spans.Signals = true, workflow.Signals()
		if spans.Workflow, err = t.Service(ctx, tracing.WorkflowService); err != nil {
			return nil, spans, nil, err
		}
	}
	return t, spans, inside, nil
}

// dial connects to Temporal until the worker ends.
func dial(ctx context.Context, o tracing.Options, stack *closers) (tracing.Connection, error) {
	c, err := tracing.Dial(ctx, o)
	if err != nil {
		return c, fmt.Errorf("%w; start it, or name another with TEMPORAL_ADDRESS", err)
	}
	stack.add("temporal client", func() error { c.Close(); return nil })
	return c, nil
}

// people is how the system's people reach the orders. What they ask for is told
// as the system's doing, not as the worker's.
func people(ctx context.Context, cfg Config, keys encryption.Keys, inside trace.TracerProvider, stack *closers) (api.People, error) {
	callers, err := access.Open(access.Config{TokensFile: cfg.TokensFile, Issuer: cfg.Issuer, Audience: cfg.Audience})
	if err != nil {
		return api.People{}, err
	}
	c, err := dial(ctx, converting(tracing.Options{Process: inside, Lazy: true}, keys.ForClient()), stack)
	return api.People{
		Orders: orders.Orders{Temporal: c, UI: cfg.TemporalUI}, Callers: callers,
		TracerProvider: inside, Sent: tracing.Urgent(inside),
	}, err
}

// open starts the worker's own system, unless there is an outside one. It also
// returns the system's base URL.
func open(ctx context.Context, kind Kind, cfg Config, spans trace.TracerProvider, listener net.Listener, stack *closers) (Service, string, error) {
	if cfg.URL != "" {
		return nil, cfg.URL, nil
	}
	if cfg.Tracing == "off" {
		spans = noop.NewTracerProvider()
	}
	service, err := kind.Open(ctx, cfg, spans)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", kind.System, err)
	}
	stack.add("system", service.Close)
	return service, "http://" + listener.Addr().String(), nil
}

// serverOf serves the routes of the system's people, and the system if it is
// the worker's own.
func serverOf(kind Kind, service Service, people api.People) *http.Server {
	mux := http.NewServeMux()
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	desk.Register(mux, kind.System, people)
	if service == nil {
		mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
			api.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
		})
		return server
	}
	h := service.Handler()
	mux.Handle("GET /healthz", h)
	mux.Handle("/", api.Guarded(people.Callers, h, lifecycle.Service))
	if s, ok := service.(Peopled); ok {
		s.People(mux, people)
	}
	if d, ok := service.(Drainer); ok {
		server.RegisterOnShutdown(d.Drain) // a held call would outlast the shutdown
	}
	return server
}

func logger(cfg Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // the command line checked it
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: tracing.Discreet}
	var h slog.Handler = slog.NewJSONHandler(os.Stderr, options)
	if cfg.LogFormat == "text" {
		h = slog.NewTextHandler(os.Stderr, options)
	}
	return slog.New(tracing.LogHandler(h))
}
