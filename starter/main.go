// Starter is the command line of the order: it starts one, does what people do to
// it, shows it, reads its trace, and keeps its tickets.
package main

// The voice of this program: an answer goes to standard output, everything else
// to standard error. An error says what is wrong in one line; a second line,
// "hint:", says what to do. Exit code 1 is an error, 2 a wrong command line.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"go.opentelemetry.io/otel"

	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
	"ordertrace/workers/encryption"
	"ordertrace/workers/orders"
)

type cli struct {
	Order    orderCmd    `cmd:"" help:"Start an order from a 3D model."`
	Upload   uploadCmd   `cmd:"" help:"Give an order that was sent back a better model or material."`
	Advance  advanceCmd  `cmd:"" help:"Move an attended order on to the stage that it waits for."`
	Reject   rejectCmd   `cmd:"" help:"Send an order that waits for its approval back to the customer."`
	HandOver handOverCmd `cmd:"" help:"Give an order in production to another operator."`
	Close    closeCmd    `cmd:"" help:"Send an order the signal close."`
	Cancel   cancelCmd   `cmd:"" help:"Cancel an order that was not shipped, and undo what was done for it."`
	Show     showCmd     `cmd:"" help:"Show where an order stands."`
	List     listCmd     `cmd:"" help:"List the newest orders."`
	Trace    traceCmd    `cmd:"" help:"Draw, verify, repair and save orders' traces."`
	Ticket   ticketCmd   `cmd:"" help:"Open and find support tickets."`

	JSON       bool             `name:"json" help:"Answer in JSON."`
	ShopURL    string           `env:"SHOP_URL" default:"http://127.0.0.1:8081" help:"Where the shop takes models."`
	CRMURL     string           `name:"crm-url" env:"CRM_URL" default:"http://127.0.0.1:8082" help:"Where tickets are kept."`
	JaegerUI   string           `env:"JAEGER_UI_URL" default:"http://127.0.0.1:16686" help:"Where traces are read."`
	TemporalUI string           `env:"TEMPORAL_UI_URL" default:"http://127.0.0.1:8233" help:"Where workflows are seen; for links."`
	Version    kong.VersionFlag `help:"Print the version."`

	Payloads encryption.Config `embed:"" prefix:"payload-"`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

const (
	exitError = 1
	exitUsage = 2
)

// run is the whole program but for the process around it.
func run(args []string, stdout, stderr io.Writer) int {
	if err := loadAccess(); err != nil {
		tell(stderr, err)
		return exitError
	}
	var c cli
	exited := -1
	parser := kong.Must(&c, kong.Name("starter"), kong.Writers(stdout, stderr),
		kong.Description("Starts, moves and shows orders, and reads their traces."),
		kong.Vars{"version": tracing.Version()}, kong.Exit(func(code int) { exited = code }))
	chosen, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "starter: %v\nhint: starter --help lists what there is\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	env, err := newEnvironment(ctx, &c, stdout, stderr)
	if err == nil {
		defer env.close()
		err = chosen.Run(env)
	}
	if err != nil {
		tell(stderr, err)
		return exitError
	}
	return 0
}

// environment is what a command works with.
type environment struct {
	ctx            context.Context
	cli            *cli
	stdout, stderr io.Writer
	telemetry      *tracing.Telemetry
	jaeger         *jaeger.Client
	connected      *tracing.Connection
	lost           sync.Once // spans, and that is said once
}

func newEnvironment(ctx context.Context, c *cli, stdout, stderr io.Writer) (*environment, error) {
	slog.SetDefault(slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	otel.SetTextMapPropagator(tracing.Propagator)
	e := &environment{ctx: ctx, cli: c, stdout: stdout, stderr: stderr, telemetry: &tracing.Telemetry{}, jaeger: jaeger.NewClient(c.JaegerUI, jaeger.User())}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(e.spansLost))
	p, err := e.telemetry.Service(ctx, "starter")
	if err != nil {
		return nil, err
	}
	otel.SetTracerProvider(p)
	return e, nil
}

// temporal connects at the first need.
func (e *environment) temporal() (tracing.Connection, error) {
	if e.connected != nil {
		return *e.connected, nil
	}
	keys, err := e.cli.Payloads.Load()
	if err != nil {
		return tracing.Connection{}, err
	}
	convert := keys.ForClient()
	c, err := tracing.Dial(e.ctx, tracing.Options{Process: otel.GetTracerProvider(), Data: convert.Data, Failure: convert.Failure})
	if err != nil {
		return c, hinted(err, "start everything with `make up`, or name another server with TEMPORAL_ADDRESS")
	}
	e.connected = &c
	return c, nil
}

// orders is what people ask of orders.
func (e *environment) orders() (orders.Orders, error) {
	c, err := e.temporal()
	return orders.Orders{Temporal: c, UI: e.cli.TemporalUI}, err
}

const flushTimeout = 3 * time.Second

func (e *environment) close() {
	if e.connected != nil {
		e.connected.Close()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), flushTimeout)
	defer cancel()
	if err := e.telemetry.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		e.spansLost(err)
	}
}

func (e *environment) spansLost(err error) {
	e.lost.Do(func() { tell(e.stderr, aboutSpans(err)) })
}

// answer prints v as JSON if that is asked for, and with text otherwise.
func (e *environment) answer(v any, text func(io.Writer)) error {
	if !e.cli.JSON {
		text(e.stdout)
		return nil
	}
	enc := json.NewEncoder(e.stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (e *environment) workflowURL(namespace, order, run string) string {
	return fmt.Sprintf("%s/namespaces/%s/workflows/%s/%s/history",
		e.cli.TemporalUI, url.PathEscape(namespace), url.PathEscape(order), url.PathEscape(run))
}
