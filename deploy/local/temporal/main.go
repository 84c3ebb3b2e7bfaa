// Command temporal is a real Temporal server with its web UI in one process,
// on loopback, over one SQLite file. It stands in for the Temporal CLI, which
// cannot be built as a Go module, and takes the same command line:
//
//	temporal server start-dev --db-filename FILE --port 7233 --ui-port 8233
//
// It is meant for development and tests. A production server is configured in
// docker-compose.yml.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/temporal"
)

type commandLine struct {
	Version kong.VersionFlag `help:"Print the versions of the server and the UI, and exit."`
	Server  struct {
		StartDev startDev `cmd:"" help:"Start the server and its web UI; stop on SIGINT or SIGTERM."`
	} `cmd:"" help:"The Temporal server."`
}

// startDev holds the flags of the Temporal CLI's command of the same name, as
// far as this repository uses them.
type startDev struct {
	IP              string            `name:"ip" default:"127.0.0.1" help:"Address that the frontend binds."`
	Port            int               `default:"7233" help:"Port of the frontend (gRPC)."`
	UIIP            string            `name:"ui-ip" help:"Address that the web UI binds (default: --ip)."`
	UIPort          int               `name:"ui-port" help:"Port of the web UI (default: --port + 1000)."`
	UICodecEndpoint string            `name:"ui-codec-endpoint" placeholder:"URL" help:"Where the web UI has payloads decoded. It sends what the browser knows of its user, which the CLI's UI is told to in its settings."`
	Headless        bool              `help:"Leave the web UI out."`
	DBFilename      string            `name:"db-filename" short:"f" help:"SQLite file, created if it is not there (default: in memory, lost at exit)."`
	Namespace       []string          `short:"n" help:"Namespace to create beside 'default'."`
	SearchAttribute map[string]string `mapsep:"none" placeholder:"NAME=TYPE" help:"Search attribute of the namespaces that this start creates, such as Customer=Keyword. Repeatable."`
	SqlitePragma    map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"SQLite pragma, such as journal_mode=wal. Repeatable."`
	LogLevel        string            `default:"warn" enum:"debug,info,warn,error,never" help:"debug, info, warn, error or never."`
}

func main() {
	var cli commandLine
	cmd := kong.Parse(&cli,
		kong.Name("temporal"),
		kong.Description("A real Temporal server with its web UI, for development and tests."),
		kong.Vars{"version": versions()},
		kong.UsageOnError(),
	)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cmd.BindTo(ctx, (*context.Context)(nil))
	cmd.FatalIfErrorf(cmd.Run())
}

// Run serves until ctx ends.
func (s startDev) Run(ctx context.Context) error {
	if s.UIIP == "" {
		s.UIIP = s.IP
	}
	if s.UIPort == 0 {
		s.UIPort = s.Port + 1000
	}
	database, err := openDatabase(s.DBFilename, s.SqlitePragma)
	if err != nil {
		return err
	}
	if err := createNamespaces(database, append([]string{"default"}, s.Namespace...), s.SearchAttribute); err != nil {
		return err
	}
	server, err := s.server(database)
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	if !s.Headless {
		ui := s.webUI()
		go func() { _ = ui.Start() }() // logs and ends the process if it cannot listen
		defer ui.Stop()
	}
	<-ctx.Done()
	return server.Stop()
}

func (s startDev) server(database *config.SQL) (temporal.Server, error) {
	cfg, hosts, err := serverConfig(s.IP, s.Port, database)
	if err != nil {
		return nil, err
	}
	return temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithLogger(s.logger()),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithDynamicConfigClient(dynamicconfig.StaticClient{
			// A search attribute or a namespace's setting counts from the next call on, not a minute later.
			dynamicconfig.ForceSearchAttributesCacheRefreshOnRead.Key(): true,
		}),
	)
}

func (s startDev) logger() log.Logger {
	if s.LogLevel == "never" {
		return log.NewNoopLogger()
	}
	return log.NewZapLogger(log.BuildZapLogger(log.Config{Stdout: true, Format: "console", Level: s.LogLevel}))
}

func (s startDev) webUI() *uiserver.Server {
	codec := uiconfig.Codec{Endpoint: s.UICodecEndpoint, IncludeCredentials: s.UICodecEndpoint != ""}
	if codec.Endpoint != "" {
		codec.DefaultErrorMessage = "Payloads are encrypted. Operators sign in to read them."
		codec.DefaultErrorLink = codec.Endpoint
	}
	return uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host:                s.UIIP,
		Port:                s.UIPort,
		TemporalGRPCAddress: fmt.Sprintf("%s:%d", s.IP, s.Port),
		EnableUI:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true}, // plain HTTP on loopback
		Codec:               codec,
		DisableNewsFetch:    true, // no network
		HideLogs:            true,
	}))
}

// versions reads like the Temporal CLI's: "temporal version … (Server …, UI …)".
func versions() string {
	ui := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/temporalio/ui-server/v2" {
				ui = module.Version
			}
		}
	}
	return fmt.Sprintf("temporal version embedded (Server %s, UI %s)", headers.ServerVersion, ui)
}
