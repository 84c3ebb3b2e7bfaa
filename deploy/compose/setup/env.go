package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/joho/godotenv"

	"ordertrace/deploy/secrets"
	"ordertrace/workers/encryption"
)

// envFile is what docker compose reads beside docker-compose.yml.
const envFile = ".env"

const header = `# Made by deploy/compose/setup for docker-compose.yml. Whoever reads it may do
# everything: it stays with its owner, and out of any repository. To change a random
# value, delete its line, run setup again, and then docker compose up -d
# --force-recreate. A database keeps its password until ALTER ROLE changes it.

# Settings, with their defaults.
#PROXY_PORT=8080                  # where people sign in, on PROXY_BIND
#PUBLIC_URL=http://ordertrace.localhost:8080   # the address that they type; with TLS in front https://…
#PUBLIC_HOST=ordertrace.localhost # its host, as the stack's own network knows it
#COOKIE_INSECURE=true             # false when PUBLIC_URL is https
#SHOP_PORT=8081                   # the systems' APIs, on API_BIND
#CRM_PORT=8082
#MES_PORT=8083
#PROXY_BIND=127.0.0.1
#API_BIND=127.0.0.1
#CONTACT=whoever runs this stack  # whom to ask for a role, as a refusal says it
#NUM_HISTORY_SHARDS=512           # of Temporal; never changed once the database is made
#METRICS_RETENTION=30d
#METRICS_RETENTION_SIZE=2GB

# Secrets.
`

// variables are what setup writes, in this order.
var variables = []struct{ name, is string }{
	{"POSTGRES_PASSWORD", "PostgreSQL's superuser"},
	{"TEMPORAL_DB_PASSWORD", "of the databases' users. They stand in URLs: letters and digits only"},
	{"TEMPORAL_VISIBILITY_DB_PASSWORD", ""},
	{"SHOP_DB_PASSWORD", ""},
	{"CRM_DB_PASSWORD", ""},
	{"MES_DB_PASSWORD", ""},
	{"PAYLOAD_KEYS", "what orders carry in Temporal is encrypted with it: without it they cannot be read any more"},
	{"SENDER_PASSWORD", "our services send spans to the collector as ordertrace"},
	{"SENDER_HEADERS", "the same, as OpenTelemetry wants it; setup derives it"},
	{"SENDER_AUTHORIZATION", "and as a header, for a second tier of collectors (balanced-collectors.yml)"},
	{"VENDOR_MES_PASSWORD", "a vendor's MES sends spans as vendor-mes"},
	{"COLLECTOR_JAEGER_PASSWORD", "the collector sends them on to Jaeger"},
	{"COLLECTOR_JAEGER_AUTHORIZATION", "the same, as a header; setup derives it"},
	{"PROXY_JAEGER_PASSWORD", "the proxy reads traces for whom it has signed in"},
	{"STARTER_JAEGER_PASSWORD", "and so does the starter"},
	{"SHOP_JAEGER_PASSWORD", "and the shop's worker, which audits traces"},
	{"PROXY_CLIENT_SECRET", "the proxy is known to Dex by it"},
	{"PROXY_PASSPHRASE", "and encrypts the state of a sign-in"},
	{"PROXY_CODEC_TOKEN", "and has payloads decoded for operators"},
	{"SHOP_API_TOKEN", "services show these to the systems' APIs"},
	{"CRM_API_TOKEN", ""},
	{"MES_API_TOKEN", ""},
	{"STARTER_API_TOKEN", ""},
	{"CUSTOMER_TOKEN", "and the people whom the demo plays: customer-1, manager-3 and operator-7"},
	{"MANAGER_TOKEN", ""},
	{"OPERATOR_TOKEN", ""},
	{"CARRIER_SECRET", "the carrier signs its messages with it"},
	{"VIEWER_PASSWORD", "of the first people, at the sign-in page"},
	{"OPERATOR_PASSWORD", ""},
	{"MANAGER_PASSWORD", ""},
}

// value is what a variable should be, and whether the rest of env decides that.
func value(name string, env map[string]string) (text string, derived bool) {
	switch name {
	case "PAYLOAD_KEYS":
		return encryption.NewKey(time.Now().Format(time.DateOnly)), false
	case "SENDER_HEADERS":
		return secrets.OTLPHeaders(url.UserPassword("ordertrace", env["SENDER_PASSWORD"])), true
	case "SENDER_AUTHORIZATION":
		return secrets.BasicAuth(url.UserPassword("ordertrace", env["SENDER_PASSWORD"])), true
	case "COLLECTOR_JAEGER_AUTHORIZATION":
		return secrets.BasicAuth(url.UserPassword("collector", env["COLLECTOR_JAEGER_PASSWORD"])), true
	default:
		return secrets.New(), false
	}
}

// publicURL is the address that people type, as docker-compose.yml has it.
func publicURL(env map[string]string) string {
	return cmp.Or(env["PUBLIC_URL"], "http://ordertrace.localhost:"+cmp.Or(env["PROXY_PORT"], "8080"))
}

// fillEnv adds to .env what is missing there, and returns all of it with the names of
// what it added. A name without a value is missing.
func (p place) fillEnv() (env map[string]string, added []string, err error) {
	before, err := os.ReadFile(filepath.Join(p.folder, envFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	text := string(before)
	if text == "" {
		text = header
	}
	if env, err = godotenv.Unmarshal(text); err != nil {
		return nil, nil, fmt.Errorf("%s has a line that is not NAME=value", envFile) // the error quotes it, secrets and all
	}
	for _, v := range variables {
		want, derived := value(v.name, env)
		if has := env[v.name]; has == want || has != "" && !derived {
			continue
		}
		text = set(text, v.name, want, v.is)
		env[v.name] = want
		added = append(added, v.name)
	}
	if text == string(before) {
		return env, nil, nil
	}
	return env, added, p.write(envFile, text, 0o600)
}

// set puts a variable's line into the text of an environment file: in place of the one
// that is there, or at the end.
func set(text, name, value, is string) string {
	line := name + "='" + value + "'\n"
	there := regexp.MustCompile(`(?m)^[ \t]*(export[ \t]+)?` + name + `[ \t]*=.*\n?`)
	if at := there.FindStringIndex(text); at != nil {
		return text[:at[0]] + line + text[at[1]:]
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if is != "" {
		line = "# " + is + "\n" + line
	}
	return text + line
}
