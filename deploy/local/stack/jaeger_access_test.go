package stack

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	neturl "net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/crypto/bcrypt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"ordertrace/deploy/secrets"
)

// guarded is a real Jaeger that runs as in every stack.
type guarded struct {
	*Stack
	grpc, health string // addresses of its other two ports
}

// alice is a person who was let in by a line in the htpasswd file.
var alice = neturl.UserPassword("alice", "correct horse battery staple")

func newGuarded(t *testing.T) (guarded, command) {
	t.Helper()
	ports, err := FreePorts()
	require.NoError(t, err)
	cfg, err := Config{Root: root, StateDir: t.TempDir(), Ports: ports, IgnorePath: true, Progress: t.Output()}.withDefaults()
	require.NoError(t, err)
	s, err := open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	require.NoError(t, s.makeSecrets())
	found, err := findServers(t.Context(), cfg, s.starter, jaegerServer)
	require.NoError(t, err)
	c, err := jaegerCommand(cfg, s.TraceViewer(), found[0])
	require.NoError(t, err)
	return guarded{Stack: s, grpc: host + ":" + variable(c.env, "JAEGER_GRPC_PORT"), health: host + ":" + variable(c.env, "JAEGER_HEALTH_PORT")}, c
}

func startGuarded(t *testing.T) guarded {
	t.Helper()
	j, c := newGuarded(t)
	readers := j.cfg.access(readersFile)
	lines, err := os.ReadFile(readers)
	require.NoError(t, err)
	hash, err := bcrypt.GenerateFromPassword([]byte(passwordOf(alice)), 5)
	require.NoError(t, err)
	asApache := "$2y$" + strings.TrimPrefix(string(hash), "$2a$") // its htpasswd -B says so
	require.NoError(t, secrets.Replace(readers, string(lines)+"alice:"+asApache+"\n"))
	require.NoError(t, j.makeSecrets())
	start(t, j.Stack, j.servers, c)
	return j
}

func variable(env []string, name string) string {
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// caller is someone at Jaeger's door, by the header Authorization.
type caller struct {
	authorization string
	reads, sends  bool
}

func (j guarded) callers() map[string]caller {
	viewer, sender := j.TraceViewer(), j.Sender()
	return map[string]caller{
		"nobody":                    {},
		"a wrong password":          {authorization: secrets.BasicAuth(neturl.UserPassword(traceViewer, "wrong"))},
		"no password":               {authorization: secrets.BasicAuth(neturl.User(traceViewer))},
		"another's password":        {authorization: secrets.BasicAuth(neturl.UserPassword(traceViewer, passwordOf(sender)))},
		"an unknown user":           {authorization: secrets.BasicAuth(neturl.UserPassword("mallory", passwordOf(viewer)))},
		"a bearer token":            {authorization: "Bearer " + passwordOf(viewer)},
		"not base64":                {authorization: "Basic " + passwordOf(viewer) + "!"},
		"the trace viewer":          {authorization: secrets.BasicAuth(viewer), reads: true},
		"a person with a line":      {authorization: secrets.BasicAuth(alice), reads: true},
		"our services":              {authorization: secrets.BasicAuth(sender), sends: true},
		"the vendor's MES":          {authorization: secrets.BasicAuth(j.VendorMES()), sends: true},
		"the MES by the wrong name": {authorization: secrets.BasicAuth(neturl.UserPassword(ownServices, passwordOf(j.VendorMES())))},
	}
}

const someTrace = "0af7651916cd43dd8448eb211c80319c"

// readRoutes are those of Jaeger's UI and HTTP query API, each with what a reader
// is answered by a Jaeger without traces.
var readRoutes = map[string]int{
	"GET /":                               http.StatusOK,
	"HEAD /":                              http.StatusOK,
	"OPTIONS /":                           http.StatusOK,
	"GET /search":                         http.StatusOK,
	"GET /trace/" + someTrace:             http.StatusOK,
	"GET /dependencies":                   http.StatusOK,
	"GET /static/favicon.svg":             http.StatusOK,
	"GET /no/such/page":                   http.StatusOK, // the UI's own "not found"
	"GET /api/services":                   http.StatusOK,
	"OPTIONS /api/services":               http.StatusOK,
	"GET /api/services/shop/operations":   http.StatusOK,
	"GET /api/operations?service=shop":    http.StatusOK,
	"GET /api/traces?service=shop":        http.StatusOK,
	"GET /api/traces/" + someTrace:        http.StatusNotFound,
	"POST /api/archive/" + someTrace:      http.StatusInternalServerError, // there is no archive
	"POST /api/transform":                 http.StatusBadRequest,
	"GET /api/dependencies":               http.StatusOK,
	"GET /api/deep-dependencies":          http.StatusOK,
	"GET /api/quality-metrics":            http.StatusOK,
	"GET /api/metrics/latencies":          http.StatusBadRequest,
	"GET /api/metrics/calls":              http.StatusBadRequest,
	"GET /api/metrics/errors":             http.StatusBadRequest,
	"GET /api/metrics/minstep":            http.StatusNotImplemented,
	"GET /api/v3/services":                http.StatusOK,
	"GET /api/v3/operations?service=shop": http.StatusOK,
	"GET /api/v3/traces":                  http.StatusBadRequest,
	"GET /api/v3/traces/" + someTrace:     http.StatusNotFound,
	"GET /api/no/such/route":              http.StatusOK,
}

// readMethods are those of Jaeger's gRPC query port.
var readMethods = []string{
	"jaeger.api_v2.QueryService/GetTrace", "jaeger.api_v2.QueryService/ArchiveTrace", "jaeger.api_v2.QueryService/FindTraces",
	"jaeger.api_v2.QueryService/GetServices", "jaeger.api_v2.QueryService/GetOperations", "jaeger.api_v2.QueryService/GetDependencies",
	"jaeger.api_v3.QueryService/GetTrace", "jaeger.api_v3.QueryService/FindTraces",
	"jaeger.api_v3.QueryService/GetServices", "jaeger.api_v3.QueryService/GetOperations",
	"grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch",
	"grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
}

// sendMethods are those of OTLP over gRPC; only spans are taken.
var sendMethods = map[string]codes.Code{
	"opentelemetry.proto.collector.trace.v1.TraceService/Export":     codes.OK,
	"opentelemetry.proto.collector.metrics.v1.MetricsService/Export": codes.Unimplemented,
	"opentelemetry.proto.collector.logs.v1.LogsService/Export":       codes.Unimplemented,
	"jaeger.api_v3.QueryService/GetServices":                         codes.Unimplemented,
	"grpc.health.v1.Health/Check":                                    codes.Unimplemented,
}

// Who may do what at Jaeger: every caller at every route of every port.
func TestWhoMayDoWhatAtJaeger(t *testing.T) {
	j := startGuarded(t)
	for name, who := range j.callers() {
		t.Run(name, func(t *testing.T) {
			want, got := map[string]int{}, map[string]int{}
			for route, answer := range readRoutes {
				response := j.get(t, who, route)
				want[route], got[route] = answer, response.StatusCode
				if !who.reads {
					want[route] = http.StatusUnauthorized
					require.Contains(t, response.Header.Get("WWW-Authenticate"), "Basic ", "a browser asks for the password then")
				}
			}
			require.Equal(t, want, got)
			for _, method := range readMethods {
				got := call(t, j.grpc, who, method)
				require.NotEqual(t, codes.Unimplemented, got, "%s is not there", method)
				require.Equal(t, !who.reads, got == codes.Unauthenticated, "%s: %v", method, got)
			}
			for method, answer := range sendMethods {
				got := call(t, address(j.cfg.Ports.OTLP), who, method)
				switch {
				case who.sends:
					require.Equal(t, answer, got, method)
				case answer == codes.Unimplemented: // a method that is not there may be refused for that
					require.Contains(t, []codes.Code{codes.Unauthenticated, codes.Unimplemented}, got, method)
				default:
					require.Equal(t, codes.Unauthenticated, got, method)
				}
			}
			require.NoError(t, answers("http://"+j.health+"/status", nil)(t.Context()), "anyone may ask for its health")
		})
	}
}

// Spans come in from who may send, and from nobody else, in the way that our
// services and the vendor's send them.
func TestJaegerKeepsSpansOfItsSendersOnly(t *testing.T) {
	j := startGuarded(t)
	for name, who := range j.callers() {
		t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization="+neturl.PathEscape(who.authorization))
		err := j.send(t, name)
		if who.sends {
			require.NoError(t, err, name)
		} else {
			require.Equal(t, codes.Unauthenticated, status.Code(err), "%s: %v", name, err)
		}
	}
	require.Equal(t, []string{"our services", "the vendor's MES"}, j.services(t))
}

func TestJaegerDoesNotStartWithoutItsUsers(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, j guarded, c *command)
		says  string
	}{
		"no file of readers": {func(t *testing.T, j guarded, _ *command) {
			require.NoError(t, os.Remove(j.cfg.access(readersFile)))
		}, readersFile + ": no such file"},
		"no file of senders": {func(t *testing.T, j guarded, _ *command) {
			require.NoError(t, os.Remove(j.cfg.access(sendersFile)))
		}, sendersFile + ": no such file"},
		"readers without a name": {func(_ *testing.T, _ guarded, c *command) {
			c.env = append(c.env, "JAEGER_READERS=")
		}, `"basicauth/readers": no credential source`},
		"senders without a name": {func(_ *testing.T, _ guarded, c *command) {
			c.env = append(c.env, "JAEGER_SENDERS=")
		}, `"basicauth/senders": no credential source`},
	} {
		t.Run(name, func(t *testing.T) {
			j, c := newGuarded(t)
			tc.spoil(t, j, &c)

			err := j.startAll(t.Context(), j.servers, []command{c})

			require.ErrorContains(t, err, "jaeger ended by itself")
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// get makes a request of one's own connection, such as "GET /api/services".
func (j guarded) get(t *testing.T, who caller, route string) *http.Response {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	request, err := http.NewRequestWithContext(t.Context(), method, j.JaegerURL()+path, nil)
	require.NoError(t, err)
	request.Close = true
	if who.authorization != "" {
		request.Header.Set("Authorization", who.authorization)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	return response
}

// call calls a gRPC method, of whatever kind, with an empty message.
func call(t *testing.T, address string, who caller, method string) codes.Code {
	t.Helper()
	conn, err := dial(address)
	require.NoError(t, err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if who.authorization != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", who.authorization)
	}
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+method)
	require.NoError(t, err)
	if err := stream.SendMsg(&emptypb.Empty{}); !errors.Is(err, io.EOF) { // it has answered already
		require.NoError(t, err)
	}
	require.NoError(t, stream.CloseSend())
	err = stream.RecvMsg(&emptypb.Empty{})
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return status.Code(err)
}

// send exports one span of a service, set up by OpenTelemetry's variables alone.
func (j guarded) send(t *testing.T, service string) (failed error) {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", j.OTLPEndpoint())
	exporter, err := otlptracegrpc.New(t.Context())
	require.NoError(t, err)
	kept := &keeping{Exporter: exporter}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(kept),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
	_, span := provider.Tracer("").Start(t.Context(), "work")
	span.End()
	require.NoError(t, provider.Shutdown(t.Context()))
	return kept.failed
}

// keeping is an exporter that remembers its error.
type keeping struct {
	*otlptrace.Exporter
	failed error
}

func (k *keeping) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	k.failed = k.Exporter.ExportSpans(ctx, spans)
	return nil
}

// services are those with spans.
func (j guarded) services(t *testing.T) []string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, j.JaegerURL()+"/api/services", nil)
	require.NoError(t, err)
	request.Close = true
	request.Header.Set("Authorization", secrets.BasicAuth(j.TraceViewer()))
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var body struct{ Data []string }
	require.NoError(t, json.NewDecoder(response.Body).Decode(&body))
	slices.Sort(body.Data)
	return body.Data
}
