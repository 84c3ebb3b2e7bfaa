// Local is the runner of the embedded stack: Temporal with its web UI, Jaeger,
// and the shop, CRM and MES with their workers, on this machine alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"ordertrace/deploy/local/stack"
)

type commandLine struct {
	Build buildCmd `cmd:"" help:"Build the two servers into the cache, unless they are there or on the PATH."`
	Up    upCmd    `cmd:"" help:"Bring everything up and keep it up until Ctrl-C."`
	Demo  demoCmd  `cmd:"" help:"Bring everything up and take one order from a 3D model to CLOSED."`
}

// serverFlags say where the servers' programs come from.
type serverFlags struct {
	Cache      string `env:"ORDERTRACE_CACHE" placeholder:"DIR" help:"Keep the built servers here (default: ordertrace in the user's cache folder)."`
	IgnorePath bool   `env:"IGNORE_PATH" help:"Build the servers even if the PATH has a temporal or a jaeger."`
}

// stackFlags are those of the commands that bring the stack up.
type stackFlags struct {
	serverFlags
	State        string `env:"STATE" default:".local" placeholder:"DIR" help:"Keep databases, files, spans and logs here."`
	Bin          string `default:"bin" placeholder:"DIR" help:"Take the workers' programs from here."`
	TemporalPort int    `env:"TEMPORAL_PORT" default:"7233" help:"Temporal, gRPC."`
	UIPort       int    `env:"UI_PORT" name:"ui-port" default:"8233" help:"Temporal's web UI."`
	JaegerPort   int    `env:"JAEGER_PORT" default:"16686" help:"Jaeger's UI and query API."`
	OTLPPort     int    `env:"OTLP_PORT" name:"otlp-port" default:"4317" help:"Where Jaeger takes spans, OTLP over gRPC."`
	ShopPort     int    `env:"SHOP_PORT" default:"8081" help:"The shop's API."`
	CRMPort      int    `env:"CRM_PORT" name:"crm-port" default:"8082" help:"The CRM's API."`
	MESPort      int    `env:"MES_PORT" name:"mes-port" default:"8083" help:"The MES's API."`
	CodecPort    int    `env:"CODEC_PORT" default:"8084" help:"Where operators' browsers have payloads decoded."`
}

func (f serverFlags) config() stack.Config {
	return stack.Config{CacheDir: f.Cache, IgnorePath: f.IgnorePath, Progress: os.Stderr}
}

func (f stackFlags) config() stack.Config {
	cfg := f.serverFlags.config()
	cfg.StateDir, cfg.BinDir = f.State, f.Bin
	cfg.Ports = stack.Ports{
		Temporal: f.TemporalPort, UI: f.UIPort, Jaeger: f.JaegerPort, OTLP: f.OTLPPort,
		Shop: f.ShopPort, CRM: f.CRMPort, MES: f.MESPort, Codec: f.CodecPort,
	}
	return cfg
}

func main() {
	cmd := kong.Parse(&commandLine{}, kong.Name("local"), kong.UsageOnError(),
		kong.Description("Runs the embedded stack: Temporal, Jaeger, and the shop, CRM and MES with their workers. Start it in the root of the repository."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	cmd.BindTo(ctx, (*context.Context)(nil))
	err := cmd.Run()
	interrupted := ctx.Err() != nil
	stop()
	if interrupted && errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "interrupted")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

type buildCmd struct{ serverFlags }

func (c buildCmd) Run(ctx context.Context) error { return stack.Build(ctx, c.config()) }

type upCmd struct{ stackFlags }

func (c upCmd) Run(ctx context.Context) error {
	return withStack(ctx, c.config(), func(s *stack.Stack) error {
		printAddresses(os.Stdout, s)
		environment := "" // that tells the starter of another stack than the one in .local
		if c.State != ".local" {
			environment = "ORDERTRACE_ACCESS=" + s.AccessFile() + " "
		}
		fmt.Printf("\nStart an order:  %sbin/starter order --model deploy/local/samples/ring.stl\n", environment)
		stayUp(ctx)
		return nil
	})
}

// withStack runs f while the stack is up. A signal while it stops kills what is left.
func withStack(ctx context.Context, cfg stack.Config, f func(*stack.Stack) error) error {
	s, err := stack.Start(ctx, cfg)
	if err != nil {
		return err
	}
	err = f(s)
	again, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return errors.Join(err, s.Stop(again))
}

func stayUp(ctx context.Context) {
	fmt.Print("\nCtrl-C stops everything.\n")
	<-ctx.Done()
	fmt.Fprintln(os.Stderr, "stopping: the workers finish what they are at, then the servers stop (Ctrl-C again kills them)")
}

func printAddresses(w io.Writer, s *stack.Stack) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table)
	for _, row := range [][2]string{
		{"Temporal UI", s.UIURL()},
		{"  payloads at", s.CodecURL()},
		{"  sign in as", s.Operator().Username()},
		{"  password in", s.OperatorFile()},
		{"Jaeger", s.JaegerURL()},
		{"  sign in as", s.TraceViewer().Username()},
		{"  password in", s.TraceViewerFile()},
		{"Temporal", s.TemporalAddress()},
		{"spans (OTLP)", s.OTLPEndpoint()},
		{"shop", s.ShopURL()},
		{"CRM", s.CRMURL()},
		{"MES", s.MESURL()},
		{"state, logs", s.StateDir()},
	} {
		fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
	}
	_ = table.Flush()
}
