package stack

import (
	"bytes"
	"context"
	"fmt"
	neturl "net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

var workerNames = []string{"shop", "crm", "mes"}

// serverCommands are Temporal and Jaeger, in the order of their start. viewer may
// read traces.
func serverCommands(cfg Config, viewer *neturl.Userinfo, temporal, jaeger executable) ([]command, error) {
	c, err := jaegerCommand(cfg, viewer, jaeger)
	if err != nil {
		return nil, err
	}
	return []command{temporalCommand(cfg, temporal), c}, nil
}

// temporalCommand uses flags that the Temporal CLI and the embedded server share.
func temporalCommand(cfg Config, program executable) command {
	args := []string{
		"server", "start-dev",
		"--ip", host, "--port", strconv.Itoa(cfg.Ports.Temporal),
		"--ui-ip", host, "--ui-port", strconv.Itoa(cfg.Ports.UI),
		"--db-filename", filepath.Join(cfg.StateDir, "temporal.db"),
		// Commits need no wait for the disk; they survive kill -9, not a power cut.
		"--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1",
		"--ui-codec-endpoint", url(cfg.Ports.Codec),
		"--log-level", "warn",
	}
	for name, kind := range cfg.SearchAttributes {
		args = append(args, "--search-attribute", name+"="+kind)
	}
	return command{
		name: "temporal", path: program.path, args: args, log: cfg.log("temporal"), drain: serverDrain,
		healthy: allOf(temporalServes(address(cfg.Ports.Temporal)), answers(url(cfg.Ports.UI), nil)),
	}
}

func jaegerCommand(cfg Config, viewer *neturl.Userinfo, program executable) (command, error) {
	internal, err := freePorts(2)
	if err != nil {
		return command{}, err
	}
	config := cfg.path("deploy/jaeger/config.yaml", "")
	uiConfig, err := writeJaegerUI(cfg)
	if err != nil {
		return command{}, fmt.Errorf("write Jaeger's UI settings: %w", err)
	}
	assets := "" // the UI that a release of Jaeger brings
	if !program.onPath {
		assets = cfg.path("deploy/local/tracepage", "")
	}
	return command{
		name: "jaeger", path: program.path, args: []string{"--config", config}, log: cfg.log("jaeger"), drain: serverDrain,
		env: []string{
			"JAEGER_HOST=" + host,
			"JAEGER_PORT=" + strconv.Itoa(cfg.Ports.Jaeger),
			"JAEGER_OTLP_PORT=" + strconv.Itoa(cfg.Ports.OTLP),
			"JAEGER_GRPC_PORT=" + strconv.Itoa(internal[0]),
			"JAEGER_HEALTH_PORT=" + strconv.Itoa(internal[1]),
			"JAEGER_READERS=" + cfg.access(readersFile),
			"JAEGER_SENDERS=" + cfg.access(sendersFile),
			"JAEGER_STORAGE_DIR=" + filepath.Join(cfg.StateDir, "jaeger"),
			"JAEGER_UI_ASSETS=" + assets,
			"JAEGER_UI_CONFIG=" + uiConfig,
		},
		healthy: allOf(
			answers(url(internal[1])+"/status", nil),
			answers(url(cfg.Ports.Jaeger)+"/api/services", viewer),
			listens(address(cfg.Ports.OTLP)),
		),
	}, nil
}

// writeJaegerUI copies deploy/jaeger/ui.json to the state folder with the web
// UI's address of this stack in place of the standard one.
func writeJaegerUI(cfg Config) (string, error) {
	settings, err := os.ReadFile(cfg.path("deploy/jaeger/ui.json", ""))
	if err != nil {
		return "", err
	}
	standard := url(StandardPorts().UI)
	settings = bytes.ReplaceAll(settings, []byte(standard), []byte(url(cfg.Ports.UI)))
	// In a folder of its own: Jaeger watches the folder, and logs every write in it.
	name := filepath.Join(cfg.StateDir, "jaeger-ui", "ui.json")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return "", err
	}
	return name, os.WriteFile(name, settings, 0o644)
}

// workerCommands are the three workers. A database, a blob store or an outside
// system that the runner's own environment names is left to it.
func (s *Stack) workerCommands(carrierSecret string) []command {
	ports := map[string]int{"shop": s.cfg.Ports.Shop, "crm": s.cfg.Ports.CRM, "mes": s.cfg.Ports.MES}
	var commands []command
	for _, name := range workerNames {
		prefix := strings.ToUpper(name) + "_"
		env := append(s.senderEnv(), "API_TOKENS_FILE="+s.cfg.callersFile(), "API_TOKEN="+s.tokens[name], prefix+"ADDR="+address(ports[name]))
		env = append(env, unlessSet(
			prefix+"DSN=sqlite:"+filepath.Join(s.cfg.StateDir, name+".db"),
			"SHOP_BLOBS=file://"+filepath.ToSlash(filepath.Join(s.cfg.StateDir, "blobs")),
		)...)
		if name == "mes" {
			// The MES fetches models from the shop. To the shop's own worker, SHOP_URL
			// would mean that the shop runs elsewhere.
			env = append(env, unlessSet("SHOP_URL="+s.ShopURL())...)
		}
		if name == "shop" {
			env = append(env, "CODEC_ADDR="+address(s.cfg.Ports.Codec), "CODEC_TOKENS_FILE="+s.cfg.operatorsFile())
			env = append(env, s.readerEnv()...) // it audits traces
		}
		if name == "crm" {
			env = append(env, "CARRIER_SECRET="+carrierSecret)
		}
		commands = append(commands, command{
			name: name, path: filepath.Join(s.cfg.BinDir, name), log: s.cfg.log(name), drain: workerDrain,
			env:     slices.Concat(env, s.cfg.WorkerEnv[name]),
			healthy: answers(url(ports[name])+"/healthz", nil),
		})
	}
	return commands
}

func unlessSet(variables ...string) []string {
	return slices.DeleteFunc(variables, func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return os.Getenv(name) != ""
	})
}

func allOf(checks ...func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, check := range checks {
			if err := check(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}
