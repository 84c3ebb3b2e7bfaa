// Package workers is what the three worker processes share: configuration,
// start, health, and an orderly end.
package workers

import (
	"time"

	"github.com/alecthomas/kong"

	"ordertrace/lifecycle"
	"ordertrace/workers/audits"
	"ordertrace/workers/encryption"
)

// Config is what every worker takes from its environment, beside Temporal's own
// variables (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
// TEMPORAL_TLS…) and OpenTelemetry's (OTEL_EXPORTER_OTLP_ENDPOINT,
// OTEL_SERVICE_NAME…). Each is a flag too; --help prints the table.
type Config struct {
	Addr         string        `env:"${SYSTEM}_ADDR" default:"127.0.0.1:${port}" help:"Where the system's API and /healthz listen."`
	URL          string        `env:"${SYSTEM}_URL" help:"Base URL of an outside ${system}. If set, the worker runs no ${system} of its own."`
	DSN          string        `env:"${SYSTEM}_DSN" name:"dsn" default:"sqlite:.local/${system}.db" help:"The ${system}'s database: sqlite:PATH or postgres://…"`
	Token        string        `env:"${SYSTEM}_TOKEN" help:"What the worker shows the ${system}. Default: API_TOKEN."`
	APIToken     string        `env:"API_TOKEN" help:"What the worker shows the systems that it calls: a token of the role service."`
	TokensFile   string        `env:"API_TOKENS_FILE" placeholder:"FILE" help:"Who may call the ${system}'s API: the SHA-256 of a token, an identifier and roles a line."`
	Issuer       string        `env:"API_ISSUER" placeholder:"URL" help:"An OpenID provider whose tokens may call the ${system}'s API, by the roles in their claim groups."`
	Audience     string        `env:"API_AUDIENCE" help:"Who the provider's tokens have to be for."`
	Service      string        `env:"OTEL_SERVICE_NAME" default:"${system}" help:"The worker's service name in traces; its system's is this with -api."`
	Tracing      string        `env:"${SYSTEM}_TRACING" enum:"on,off" default:"on" help:"off: the ${system} itself tells no spans, as a vendor's closed one."`
	TemporalUI   string        `env:"TEMPORAL_UI_URL" default:"http://127.0.0.1:8233" help:"Where people see orders; for links."`
	JaegerUI     string        `env:"JAEGER_UI_URL" default:"http://127.0.0.1:16686" help:"Where people read traces; for links."`
	JaegerQuery  string        `env:"JAEGER_QUERY_URL" help:"Where the worker itself reads traces. Default: JAEGER_UI_URL."`
	DrainTimeout time.Duration `env:"DRAIN_TIMEOUT" default:"20s" help:"How long running work may take to finish after SIGTERM."`
	FlushTimeout time.Duration `env:"FLUSH_TIMEOUT" default:"5s" help:"How long the last spans may take to leave."`
	CacheSize    int           `env:"WORKFLOW_CACHE_SIZE" name:"workflow-cache-size" default:"10000" help:"How many open orders a worker keeps in memory. 0: none, each is replayed from its history at every task."`
	LogFormat    string        `env:"LOG_FORMAT" enum:"json,text" default:"json" help:"Logs as json or text."`
	LogLevel     string        `env:"LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: debug, info, warn or error."`

	Versioning Versioning `embed:""`

	Audits          audits.Config     `embed:"" prefix:"audit-"`
	Payloads        encryption.Config `embed:"" prefix:"payload-"`
	CodecAddr       string            `env:"CODEC_ADDR" default:"${codec}" help:"Where the shop's worker decodes payloads for operators in the Temporal UI, if it has keys and knows operators."`
	CodecTokensFile string            `env:"CODEC_TOKENS_FILE" placeholder:"FILE" help:"Who of the role operator may have them decoded. Default: API_TOKENS_FILE."`
}

// ports are where the systems listen by default.
var ports = map[lifecycle.System]string{lifecycle.Shop: "8081", lifecycle.CRM: "8082", lifecycle.MES: "8083"}

// vars fill in a system's names in the table above.
func vars(system lifecycle.System) kong.Vars {
	upper := map[lifecycle.System]string{lifecycle.Shop: "SHOP", lifecycle.CRM: "CRM", lifecycle.MES: "MES"}
	codec := map[lifecycle.System]string{lifecycle.Shop: "127.0.0.1:8084"}
	return kong.Vars{"system": string(system), "SYSTEM": upper[system], "port": ports[system], "codec": codec[system]}
}
