package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/secrets"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
	"ordertrace/workflow"
)

// Whoever sends the signal close, the order keeps its one trace.
func TestEveryWayOfClosingKeepsTheTrace(t *testing.T) {
	for name, tc := range map[string]struct {
		send func(t *testing.T, r *rig, id string) (sender trace.SpanContext) // invalid: it had no trace
	}{
		"the Temporal UI's HTTP API": {func(t *testing.T, r *rig, id string) trace.SpanContext {
			r.postToTemporalUI(t, "/workflows/"+id+"/signal/close", map[string]any{"input": payloads(t, lifecycle.Close{By: "carrier"})})
			return trace.SpanContext{}
		}},
		"raw gRPC": {func(t *testing.T, r *rig, id string) trace.SpanContext {
			_, err := r.temporal.WorkflowService().SignalWorkflowExecution(t.Context(), &workflowservice.SignalWorkflowExecutionRequest{
				Namespace: stack.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id}, SignalName: workflow.SignalClose,
			})
			require.NoError(t, err)
			return trace.SpanContext{}
		}},
		"an SDK client inside a foreign trace": {signalFromForeignTrace},
	} {
		t.Run(name, func(t *testing.T) {
			r := shared
			o := r.start(t)
			r.until(t, o.ID, "CLOSED")

			sender := tc.send(t, r, o.ID)

			require.NoError(t, r.ended(t, o.ID))
			spans := r.requireFacts(t, o.ID, closedOrder())
			require.Equal(t, o.Trace, spans[0].Trace)
			signal := one(t, spans, "signal close")
			require.Equal(t, one(t, spans, "RunWorkflow:Order").ID, signal.Parent)
			if !sender.IsValid() {
				require.Empty(t, signal.Links)
				return
			}
			require.NotEqual(t, o.Trace, sender.TraceID().String())
			foreign := r.spans(t, order{Trace: sender.TraceID().String()})
			require.Equal(t, tally{"foreign work": 1, "SignalWorkflow:close": 1}, tally(count(foreign)), "nothing of the order's")
			require.Equal(t, []jaeger.Link{{Trace: sender.TraceID().String(), Span: one(t, foreign, "SignalWorkflow:close").ID}}, signal.Links)
		})
	}
}

// The starter knows the order that it closes, and joins its trace.
func TestStarterJoinsTheTrace(t *testing.T) {
	r := shared
	id := newID("joined")
	r.startUntraced(t, id, nil)
	r.until(t, id, "FILE_UPLOADED")
	r.mustStarter(t, "upload", id, "--model", ring)
	r.until(t, id, "CLOSED")
	r.mustStarter(t, "close", id)
	require.NoError(t, r.ended(t, id))

	spans := r.requireFacts(t, id, closedOrder().plus(tally{"await FILE_UPLOADED": 1, "update upload": 1}))
	anchor := one(t, spans, "RunWorkflow:Order")
	for sent, received := range map[string]string{"SignalWorkflow:close": "signal close", "UpdateWorkflow:upload": "update upload"} {
		s := one(t, spans, sent)
		require.Equal(t, "starter", s.Service)
		require.Equal(t, anchor.ID, s.Parent, sent)
		require.Equal(t, []jaeger.Link{{Trace: s.Trace, Span: s.ID}}, one(t, spans, received).Links)
	}
	upload := named(spans, "POST /models")
	require.NotEmpty(t, upload, "the model's way to the shop is in the order's trace")
	require.Equal(t, anchor.ID, upload[0].Parent)
}

// An order that nobody gave a context has the trace that follows from its
// number, and is found by it.
func TestStartWithoutContextHasTheDerivedTrace(t *testing.T) {
	for name, start := range map[string]func(t *testing.T, r *rig, id string, in workflow.Input){
		"raw gRPC": func(t *testing.T, r *rig, id string, in workflow.Input) {
			input, err := converter.GetDefaultDataConverter().ToPayloads(in)
			require.NoError(t, err)
			_, err = r.temporal.WorkflowService().StartWorkflowExecution(t.Context(), &workflowservice.StartWorkflowExecutionRequest{
				Namespace: stack.Namespace, WorkflowId: id, RequestId: id, Input: input,
				WorkflowType: &commonpb.WorkflowType{Name: workflow.Name}, TaskQueue: &taskqueuepb.TaskQueue{Name: workflow.TaskQueue},
			})
			require.NoError(t, err)
		},
		"the Temporal UI's HTTP API": func(t *testing.T, r *rig, id string, in workflow.Input) {
			r.postToTemporalUI(t, "/workflows/"+id, map[string]any{
				"requestId": id, "input": payloads(t, in),
				"workflowType": map[string]any{"name": workflow.Name}, "taskQueue": map[string]any{"name": workflow.TaskQueue},
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := shared
			id := newID("bare")
			start(t, r, id, workflow.Input{Material: "silver-925", Model: r.upload(t)})
			r.until(t, id, "CLOSED")
			r.closeUntraced(t, id)
			require.NoError(t, r.ended(t, id))

			spans := r.requireFacts(t, id, closedOrder())
			started, err := r.temporal.DescribeWorkflowExecution(t.Context(), id, "")
			require.NoError(t, err)
			derived := tracing.TraceOf(nil, stack.Namespace, id, started.WorkflowExecutionInfo.FirstRunId).String()
			require.Equal(t, derived, spans[0].Trace)
			require.Empty(t, one(t, spans, "RunWorkflow:Order").Parent, "the anchor is the root")
			require.Equal(t, derived, r.tracedByStarter(t, id))
			r.requireFoundByTrace(t, derived, id)
		})
	}
}

// upload gives the shop the ring, without a trace.
func (r *rig) upload(t testing.TB) *lifecycle.Model {
	t.Helper()
	f, err := os.Open(filepath.Join(root, ring))
	require.NoError(t, err)
	defer f.Close()
	model, err := api.NewClient(r.ShopURL()).Upload(t.Context(), f, -1)
	require.NoError(t, err)
	return &model
}

// requireFoundByTrace requires that Temporal finds the order, and only it, by the
// trace ID of a ticket.
func (r *rig) requireFoundByTrace(t *testing.T, trace, id string) {
	t.Helper()
	eventually(t, patience, 100*time.Millisecond, func() (bool, string) { // its index lags behind
		page, err := r.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("%s = '%s'", tracing.TraceIDAttribute, trace),
		})
		require.NoError(t, err)
		return len(page.Executions) == 1 && page.Executions[0].Execution.WorkflowId == id, fmt.Sprint(page.Executions)
	})
}

// postToTemporalUI posts as the Temporal UI's pages do, with the token that it
// sets as a cookie.
func (r *rig) postToTemporalUI(t *testing.T, path string, body any) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	browser := &http.Client{Jar: jar, Timeout: patience}
	page, err := browser.Get(r.UIURL() + "/")
	require.NoError(t, err)
	require.NoError(t, page.Body.Close())

	content, err := json.Marshal(body)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		r.UIURL()+"/api/v1/namespaces/"+stack.Namespace+path, bytes.NewReader(content))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for _, cookie := range jar.Cookies(req.URL) {
		if cookie.Name == "_csrf" {
			req.Header.Set("X-CSRF-Token", cookie.Value)
		}
	}
	answer, err := browser.Do(req)
	require.NoError(t, err)
	defer answer.Body.Close()
	words, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s", words)
}

// payloads is an input as Temporal's HTTP API takes it.
func payloads(t *testing.T, in any) map[string]any {
	t.Helper()
	data, err := json.Marshal(in)
	require.NoError(t, err)
	return map[string]any{"payloads": []any{map[string]any{
		"metadata": map[string]any{"encoding": []byte("json/plain")}, "data": data,
	}}}
}

// signalFromForeignTrace closes an order out of another system's own trace, on
// the stock interceptor.
func signalFromForeignTrace(t *testing.T, r *rig, id string) trace.SpanContext {
	ctx := t.Context()
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(r.OTLPEndpoint()),
		otlptracegrpc.WithHeaders(map[string]string{"authorization": secrets.BasicAuth(r.Sender())}))
	require.NoError(t, err)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter),
		sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("foreign"))))
	defer func() { require.NoError(t, provider.Shutdown(context.WithoutCancel(ctx))) }()
	stock, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{Tracer: provider.Tracer("foreign")})
	require.NoError(t, err)
	c, err := client.DialContext(ctx, client.Options{HostPort: r.TemporalAddress(), Interceptors: []interceptor.ClientInterceptor{stock}})
	require.NoError(t, err)
	defer c.Close()

	ctx, span := provider.Tracer("foreign").Start(ctx, "foreign work")
	defer span.End()
	require.NoError(t, c.SignalWorkflow(ctx, id, "", workflow.SignalClose, lifecycle.Close{By: "carrier"}))
	return span.SpanContext()
}
