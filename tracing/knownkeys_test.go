package tracing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/XSAM/otelsql"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// A new version of a library may bring a key or a scope that nobody here has
// thought of: this test tells.
func TestWhatOurLibrariesSayIsKnown(t *testing.T) {
	tests := map[string]struct {
		scope string
		run   func(*testing.T, *sdktrace.TracerProvider)
	}{
		"requests":                {otelhttp.ScopeName, runRequests},
		"statements":              {"github.com/XSAM/otelsql", runStatements},
		"Temporal's client":       {ScopeName, runClient},
		"attempts":                {ScopeName, runAttempts},
		"what the workflow tells": {ScopeName, runWorkflow},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			recorder := tracetest.NewSpanRecorder()
			p := sdktrace.NewTracerProvider(sdktrace.WithIDGenerator(idGenerator{}), sdktrace.WithSpanProcessor(recorder))
			tc.run(t, p)
			require.NotEmpty(t, recorder.Ended())
			var list allowList
			for _, s := range recorder.Ended() {
				require.Equal(t, tc.scope, s.InstrumentationScope().Name)
				requireKnown(t, s.Name(), s.Attributes())
				for _, e := range s.Events() {
					require.Contains(t, events, e.Name)
					requireKnown(t, s.Name(), e.Attributes)
				}
				require.Equal(t, s.Name(), list.reduce(s).Name(), "what our code says is told")
				told := tracetest.SpanStubFromReadOnlySpan(list.reduce(s))
				requireNoSecret(t, tracetest.SpanStubs{told})
				require.NotContains(t, strings.ToLower(fmt.Sprintf("%+v", told)), "jane")
			}
		})
	}
}

func requireKnown(t *testing.T, span string, attributes []attribute.KeyValue) {
	t.Helper()
	for _, kv := range attributes {
		_, allowed := spanKeys[kv.Key]
		_, ofEvents := events["exception"][kv.Key]
		_, left := withheld[kv.Key]
		require.True(t, allowed || ofEvents || left, "%s has %s = %s: allow it or withhold it in allowed.go", span, kv.Key, kv.Value.String())
	}
}

// runRequests asks a system of ours, well and badly, as our client and as a
// stranger.
func runRequests(t *testing.T, p *sdktrace.TracerProvider) {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /orders/{order}/stages/{stage}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		api.WriteJSON(w, http.StatusOK, api.StageAnswer{})
	})
	api.People{TracerProvider: p}.Handle(mux, "POST /tickets", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secret, http.StatusInternalServerError) })
	server := httptest.NewServer(api.Traced(mux, "api", otelhttp.WithTracerProvider(p)))
	c := api.NewClient(server.URL, otelhttp.WithTracerProvider(p))
	_, err := c.Record(t.Context(), "ord-1", lifecycle.Shipped, "key", api.StageRequest{By: "o-1"}, 0)
	require.NoError(t, err)
	_, err = c.Tickets(t.Context(), secret, "", 1)
	require.Error(t, err)
	_, err = c.OpenTicket(t.Context(), "", api.NewTicket{Subject: secret})
	require.Error(t, err)

	stranger, err := http.NewRequestWithContext(t.Context(), "JANE", server.URL+"/orders/jane?mail=jane@example.com", strings.NewReader(secret))
	require.NoError(t, err)
	stranger.Host = "jane.example.com"
	for _, field := range []string{"User-Agent", "X-Forwarded-For", "Referer", "X-Real-Ip"} {
		stranger.Header.Set(field, secret)
	}
	stranger.Header.Set("Tracestate", "vendor=jane")
	resp, err := http.DefaultClient.Do(stranger)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	server.Close() // all requests have ended

	_, err = c.Order(t.Context(), secret)
	require.Error(t, err, "nobody is there")
}

func runStatements(t *testing.T, p *sdktrace.TracerProvider) {
	db, err := otelsql.Open("sqlite", ":memory:", otelsql.WithTracerProvider(p), otelsql.WithAttributes(attribute.String("db.system.name", "sqlite")),
		otelsql.WithSpanNameFormatter(func(context.Context, otelsql.Method, string) string { return "INSERT rings" }))
	require.NoError(t, err)
	db.SetMaxOpenConns(1) // each has a database of its own
	defer db.Close()
	_, err = db.ExecContext(t.Context(), `CREATE TABLE rings (name TEXT PRIMARY KEY)`)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO rings VALUES ($1)`, secret)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO rings VALUES ($1)`, secret)
	require.Error(t, err, "it is there")
	require.ErrorIs(t, db.QueryRowContext(t.Context(), `SELECT name FROM rings WHERE name = $1`, "").Scan(new(string)), sql.ErrNoRows)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
}

func runClient(t *testing.T, p *sdktrace.TracerProvider) {
	i, err := NewInterceptor(Options{Process: p})
	require.NoError(t, err)
	c := process{interceptor: i}.dial(t, &server{err: serviceerror.NewNotFound(secret)})
	options := client.StartWorkflowOptions{ID: workflowID, TaskQueue: "q"}
	_, err = c.ExecuteWorkflow(t.Context(), options, workflowType)
	require.NoError(t, err)
	require.Error(t, c.SignalWorkflow(t.Context(), workflowID, "", "go", secret))
	_, err = c.SignalWithStartWorkflow(t.Context(), workflowID, "go", secret, options, workflowType)
	require.Error(t, err)
	_, err = c.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: workflowID, UpdateName: "upload", UpdateID: "upload/" + requestKey, WaitForStage: client.WorkflowUpdateStageAccepted,
	})
	require.Error(t, err)
}

func runAttempts(t *testing.T, p *sdktrace.TracerProvider) {
	i, err := NewInterceptor(Options{Process: p, Signals: []string{"go"}})
	require.NoError(t, err)
	for _, ended := range []error{nil, errors.New(secret), temporal.NewApplicationError(secret, "fix_input"), temporal.NewHeartbeatTimeoutError(secret)} {
		var suite testsuite.WorkflowTestSuite
		suite.SetLogger(silent{})
		env := suite.NewTestActivityEnvironment()
		env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{i}})
		env.RegisterActivityWithOptions(func(context.Context) error { return ended }, activity.RegisterOptions{Name: "STEP"})
		_, _ = env.ExecuteActivity("STEP") // its error is the span's
	}
}

func runWorkflow(t *testing.T, p *sdktrace.TracerProvider) {
	i, err := NewInterceptor(Options{Process: p, Signals: []string{"go"}})
	require.NoError(t, err)
	h := startHistory(t, starter).signal(secret, sender).task().at(begin.Sub(begin)).update(requestKey, "upload", sender, nil).signal("go", sender).task().completed()
	process{interceptor: i}.replay(t, h, journey(well))
}
