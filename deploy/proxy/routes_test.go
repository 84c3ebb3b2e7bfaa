package proxy

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
)

// What a caller is told.
const (
	ok      = "ok"      // the server behind has answered
	signIn  = "sign in" // a redirect to the identity provider
	unknown = "401"
	refused = "403" // with the role that is missing
)

func (r *rig) verdict(a answer) string {
	switch {
	case a.StatusCode == http.StatusFound && strings.HasPrefix(a.location(), r.provider.URL+"/"):
		return signIn
	case a.StatusCode == http.StatusUnauthorized:
		return unknown
	case a.StatusCode == http.StatusForbidden && strings.HasPrefix(a.body, "<!doctype html><title>"):
		return refused // by the proxy; the servers behind say it in another way
	case a.StatusCode >= 200 && a.StatusCode < 300:
		return ok
	}
	return a.Status
}

// TestWhoMayDoWhat is the table of roles and routes.
func TestWhoMayDoWhat(t *testing.T) {
	r := ready(t)
	order := r.order(t)
	const api = "/api/v1/namespaces/default"
	encoded, err := protojson.Marshal(r.encoded(t, secretInput)) // the codec's protocol
	require.NoError(t, err)
	type verdicts struct{ nobody, outsider, viewer, operator string }
	var (
		page  = verdicts{signIn, refused, ok, ok}
		read  = verdicts{unknown, refused, ok, ok}
		act   = verdicts{unknown, refused, refused, ok}
		never = verdicts{refused, refused, refused, refused}
	)
	for name, tc := range map[string]struct {
		method, path, body string
		how                func(*http.Request)
		want               verdicts
		says               string // in the answer of the server behind
	}{
		"Jaeger's page":           {"GET", "/jaeger/search", "", asBrowser, page, "Orders: traces"},
		"its page of a trace":     {"GET", "/jaeger/trace/" + r.jaeger.trace, "", asBrowser, page, "Orders: traces"},
		"its script":              {"GET", "/jaeger/static/app.js", "", asBrowser, page, "import"},
		"Jaeger's services":       {"GET", "/jaeger/api/services", "", asScript, read, `"data"`},
		"a search":                {"GET", "/jaeger/api/traces?service=proxy.test&start=1&end=4102444800000000", "", asScript, read, `"data"`},
		"a trace":                 {"GET", "/jaeger/api/traces/" + r.jaeger.trace, "", asScript, read, "an order"},
		"Jaeger's services, v3":   {"GET", "/jaeger/api/v3/services", "", asScript, read, `"services"`},
		"a trace, v3":             {"GET", "/jaeger/api/v3/traces/" + r.jaeger.trace, "", asScript, read, "an order"},
		"archive a trace":         {"POST", "/jaeger/api/archive/" + r.jaeger.trace, "", asScript, never, ""},
		"have a trace drawn":      {"POST", "/jaeger/api/transform", "{}", asScript, never, ""},
		"the read-only UI":        {"GET", "/temporal/namespaces/default/workflows", "", asBrowser, page, "svelte"},
		"its settings":            {"GET", "/temporal/api/v1/settings", "", asScript, read, `"DisableWriteActions":true`},
		"the orders":              {"GET", "/temporal" + api + "/workflows", "", asScript, read, order},
		"an order":                {"GET", "/temporal" + api + "/workflows/" + order, "", asScript, read, order},
		"its history":             {"GET", "/temporal" + api + "/workflows/" + order + "/history", "", asScript, read, "WORKFLOW_EXECUTION_STARTED"},
		"its details":             {"POST", "/temporal" + api + "/workflows/" + order + "/query/__temporal_workflow_metadata", "{}", asScript, read, "queryResult"},
		"the UI that acts":        {"GET", "/operator/namespaces/default/workflows", "", asBrowser, verdicts{signIn, refused, refused, ok}, "svelte"},
		"the orders, there":       {"GET", "/operator" + api + "/workflows", "", asScript, act, order},
		"its history, there":      {"GET", "/operator" + api + "/workflows/" + order + "/history", "", asScript, act, "WORKFLOW_EXECUTION_STARTED"},
		"decrypt":                 {"POST", "/codec/decode", string(encoded), asScript, act, base64.StdEncoding.EncodeToString([]byte(`"` + secretInput + `"`))},
		"encrypt":                 {"POST", "/codec/encode", string(encoded), asScript, act, "payloads"},
		"read at the codec":       {"GET", "/codec/decode", "", asScript, never, ""},
		"more of the codec":       {"POST", "/codec/else", "{}", asScript, never, ""},
		"Jaeger's health":         {"GET", "/status", "", asScript, never, ""},
		"another Jaeger API path": {"GET", "/api/services", "", asScript, never, ""},
		"nothing":                 {"GET", "/jaegerx", "", asBrowser, never, ""},
		"the proxy's health":      {"GET", "/healthz", "", asScript, verdicts{ok, ok, ok, ok}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for role, want := range map[string]string{
				nobody: tc.want.nobody, outsider: tc.want.outsider, viewer: tc.want.viewer, operator: tc.want.operator,
			} {
				c := as(t, r.proxy, role)
				c.get("/operator/") // whoever may, has its token against forged requests
				a := c.do(tc.method, tc.path, tc.body, tc.how)
				require.Equal(t, want, r.verdict(a), "%s: %s\n%s", role, a.Status, a.body)
				if want == ok {
					require.Contains(t, a.body, tc.says, role)
				} else {
					require.NotContains(t, a.body, order, role)
					require.NotContains(t, a.body, "an order", role)
				}
			}
		})
	}
}

// An operator acts in the Temporal UI. A viewer's attempt is refused twice, by the
// proxy and by the UI's own server, and leaves no trace in the order.
func TestOnlyOperatorsAct(t *testing.T) {
	r := ready(t)
	const api = "/api/v1/namespaces/default"
	start := fmt.Sprintf(`{"workflowType":{"name":"Waiting"},"taskQueue":{"name":%q},"requestId":"r"}`, queue)
	for name, tc := range map[string]struct{ path, body string }{
		"signal":            {"/workflows/ORDER/signal/close", `{"requestId":"r"}`},
		"cancel":            {"/workflows/ORDER/cancel", `{"requestId":"r"}`},
		"terminate":         {"/workflows/ORDER/terminate", `{"reason":"r"}`},
		"reset":             {"/workflows/ORDER/reset", `{"reason":"r","requestId":"r","workflowTaskFinishEventId":"4"}`},
		"update":            {"/workflows/ORDER/update/note", `{"request":{"meta":{"updateId":"r"}},"waitPolicy":{"lifecycleStage":3}}`},
		"start":             {"/workflows/ORDER-2", start},
		"signal with start": {"/workflows/ORDER-3/signal-with-start/close", start},
		"batch":             {"/batch-operations/ORDER-4", `{"visibilityQuery":"WorkflowId='none'","reason":"r","terminationOperation":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			order := r.order(t)
			path := api + strings.ReplaceAll(tc.path, "ORDER", order)
			before := r.events(t, order)

			for _, role := range []string{nobody, outsider, viewer} {
				c := as(t, r.proxy, role)
				c.get("/temporal/")
				require.Equal(t, refused, r.verdict(c.do(http.MethodPost, "/temporal"+path, tc.body, asScript)), role)
				want := map[string]string{nobody: unknown, outsider: refused, viewer: refused}[role]
				require.Equal(t, want, r.verdict(c.do(http.MethodPost, "/operator"+path, tc.body, asScript)), role)
			}
			a := as(t, r.proxy, operator).do(http.MethodPost, "/temporal"+path, tc.body, asScript)
			require.Equal(t, refused, r.verdict(a), "acting has its own address")
			require.Equal(t, http.StatusMethodNotAllowed, past(t, r.viewerUI, path, tc.body), "the viewers' server itself")
			require.Equal(t, before, r.events(t, order), "nothing has happened")

			c := as(t, r.proxy, operator)
			c.get("/operator/")
			a = c.do(http.MethodPost, "/operator"+path, tc.body, asScript, with("Sec-Fetch-Site", "cross-site"))
			require.Equal(t, http.StatusForbidden, a.StatusCode, "from another site's page")
			require.Equal(t, before, r.events(t, order), "nothing has happened")
			a = c.do(http.MethodPost, "/operator"+path, tc.body, asScript)
			require.Equal(t, ok, r.verdict(a), a.body)
		})
	}
}

// past sends to a UI's server as the proxy would, without it.
func past(t *testing.T, server, path, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Cookie", "_csrf=0123456789abcdef")
	req.Header.Set("X-CSRF-Token", "0123456789abcdef")
	res, err := wire.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	return res.StatusCode
}

// order starts a workflow of its own for a test and waits until it waits.
func (r *rig) order(t *testing.T) string {
	t.Helper()
	id := "order-" + strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '-'
	}, t.Name())
	input := converter.NewRawValue(r.encoded(t, secretInput).GetPayloads()[0])
	run, err := r.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: queue}, "Waiting", input)
	require.NoError(t, err)
	t.Cleanup(func() { // if it still waits
		_ = r.temporal.TerminateWorkflow(context.WithoutCancel(t.Context()), id, "", "the test is over")
	})
	_, err = r.temporal.QueryWorkflow(t.Context(), id, run.GetRunID(), "__temporal_workflow_metadata")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return r.events(t, id) == 4 }, startLimit, tick, "its first task is done")
	return id
}

// events is the length of an order's history.
func (r *rig) events(t *testing.T, order string) int64 {
	t.Helper()
	found, err := r.temporal.DescribeWorkflowExecution(t.Context(), order, "")
	require.NoError(t, err)
	return found.GetWorkflowExecutionInfo().GetHistoryLength()
}

// secretInput is what every order is started with, encoded.
const secretInput = "a secret of this order"

// encoded is a text as the codec makes it.
func (r *rig) encoded(t *testing.T, text string) *commonpb.Payloads {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(text)
	require.NoError(t, err)
	payloads.Payloads, err = codec.Encode(payloads.GetPayloads())
	require.NoError(t, err)
	return payloads
}
