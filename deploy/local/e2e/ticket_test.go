package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/browsertest"
	"ordertrace/deploy/secrets"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/tracing/jaeger"
)

// A request that was refused leads to a ticket, and the ticket to the very span
// of the request, in the order's trace, and to the order.
func TestTicketLeadsToTheRefusedRequest(t *testing.T) {
	r, ctx := shared, t.Context()
	crm := api.NewClient(r.CRMURL())
	o := r.mustStartTo(t, lifecycle.Submitted)
	problem := r.refusedRequest(t, http.StatusConflict, r.MESURL()+"/orders/"+o.ID+"/take", `{"by":"operator-7"}`)
	require.Equal(t, lifecycle.CodeNotWaiting, problem.Code)
	require.Equal(t, o.Trace, problem.Trace)

	opened, err := crm.OpenTicket(ctx, "", api.NewTicket{Trace: problem.Trace, Span: problem.Span, Subject: "cannot take it", By: "manager-3"})
	require.NoError(t, err)
	ticket, err := crm.Ticket(ctx, opened.ID)
	require.NoError(t, err)
	require.Equal(t, [3]string{o.ID, problem.Trace, problem.Span}, [3]string{ticket.Order, ticket.Trace, ticket.Span})
	require.True(t, ticket.Status.WaitsFor(lifecycle.Submitted))
	require.Empty(t, ticket.Doubt)

	t.Run("the links", func(t *testing.T) {
		require.Equal(t, r.JaegerURL()+"/trace/"+o.Trace+"?uiFind="+problem.Span, ticket.Links.Jaeger)
		span := r.spanOf(t, o.Trace, problem.Span)
		require.Equal(t, [3]string{"mes-api", "POST /orders/{order}/take", "409"}, [3]string{span.Service, span.Name, span.Tags["http.response.status_code"]})
		require.Equal(t, o.ID, span.Tags["temporalWorkflowID"])
		for _, link := range []string{ticket.Links.Jaeger, ticket.Links.Temporal} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
			require.NoError(t, err)
			if strings.HasPrefix(link, r.JaegerURL()) {
				req.Header.Set("Authorization", secrets.BasicAuth(r.TraceViewer()))
			}
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, http.StatusOK, resp.StatusCode, link)
		}
		temporal := r.operatorsBrowser(t)
		temporal.Open(strings.TrimPrefix(ticket.Links.Temporal, r.UIURL()), `body`)
		temporal.Eventually(`document.body.innerText.includes("` + o.ID + `") && document.body.innerText.includes("RUNNING")`)
		traces := browsertest.New(t, r.JaegerURL())
		password, _ := r.TraceViewer().Password()
		traces.SignIn(r.TraceViewer().Username(), password)
		traces.Open(strings.TrimPrefix(ticket.Links.Jaeger, r.JaegerURL()), `body`)
		traces.Eventually(`document.body.innerText.includes("POST /orders/{order}/take")`)
	})
	t.Run("in the terminal", func(t *testing.T) {
		shown := r.mustStarter(t, "ticket", "show", ticket.ID)
		for _, part := range []string{ticket.ID, o.ID, "SUBMITTED", ticket.Links.Jaeger, ticket.Links.Temporal, "cannot take it"} {
			require.Contains(t, shown, part)
		}
		require.Contains(t, r.mustStarter(t, "ticket", "list", "--order", o.ID), ticket.ID)
		require.Contains(t, r.mustStarter(t, "ticket", "list", "--trace", o.Trace), ticket.ID)
	})
	t.Run("opened in the terminal by the order's number alone", func(t *testing.T) {
		var other api.Ticket
		require.NoError(t, json.Unmarshal([]byte(r.mustStarter(t, "ticket", "open", "--order", o.ID, "--subject", "where is it?", "--json")), &other))
		require.Equal(t, [2]string{o.ID, o.Trace}, [2]string{other.Order, other.Trace})
		require.Equal(t, r.JaegerURL()+"/trace/"+o.Trace, other.Links.Jaeger)
		both, err := crm.Tickets(ctx, o.ID, "", 10)
		require.NoError(t, err)
		require.Equal(t, []string{other.ID, ticket.ID}, []string{both[0].ID, both[1].ID}, "the newest first")
		require.Len(t, both, 2)
	})
}

// A request that failed before there was an order has a trace of its own, and a
// ticket can be about that.
func TestTicketAboutARequestWithoutAnOrder(t *testing.T) {
	r := shared
	problem := r.refusedRequest(t, http.StatusUnprocessableEntity, r.ShopURL()+"/orders", `{"material":"`+strings.Repeat("x", 200)+`"}`)
	ticket, err := api.NewClient(r.CRMURL()).OpenTicket(t.Context(), "", api.NewTicket{Trace: problem.Trace, Span: problem.Span, Subject: "cannot order", By: "manager-3"})
	require.NoError(t, err)
	require.Empty(t, ticket.Order)
	require.Equal(t, r.JaegerURL()+"/trace/"+problem.Trace+"?uiFind="+problem.Span, ticket.Links.Jaeger)
	require.Equal(t, "POST /orders", r.spanOf(t, problem.Trace, problem.Span).Name)
}

// Tickets about what cannot be are refused, with what to mend.
func TestTicketsThatCannotBe(t *testing.T) {
	r := shared
	o, other := r.mustStartTo(t, lifecycle.FileUploaded), r.mustStartTo(t, lifecycle.FileUploaded)
	const span = "00f067aa0ba902b7"
	for name, tc := range map[string]struct {
		in     api.NewTicket
		status int
		field  string
	}{
		"about nothing":             {api.NewTicket{}, http.StatusUnprocessableEntity, "order_id"},
		"a trace in capitals":       {api.NewTicket{Trace: "4BF92F3577B34DA6A3CE929D0E0E4736"}, http.StatusUnprocessableEntity, "trace_id"},
		"a trace that is too short": {api.NewTicket{Trace: o.Trace[:31]}, http.StatusUnprocessableEntity, "trace_id"},
		"a trace that is too long":  {api.NewTicket{Trace: o.Trace + "0"}, http.StatusUnprocessableEntity, "trace_id"},
		"a trace of zeros":          {api.NewTicket{Trace: strings.Repeat("0", 32)}, http.StatusUnprocessableEntity, "trace_id"},
		"a trace that is no number": {api.NewTicket{Trace: strings.Repeat("g", 32)}, http.StatusUnprocessableEntity, "trace_id"},
		"a span that is too short":  {api.NewTicket{Trace: o.Trace, Span: span[:15]}, http.StatusUnprocessableEntity, "span_id"},
		"a span of zeros":           {api.NewTicket{Trace: o.Trace, Span: strings.Repeat("0", 16)}, http.StatusUnprocessableEntity, "span_id"},
		"a span without its trace":  {api.NewTicket{Order: o.ID, Span: span}, http.StatusUnprocessableEntity, "span_id"},
		"another order's trace":     {api.NewTicket{Order: o.ID, Trace: other.Trace}, http.StatusUnprocessableEntity, "trace_id"},
		"an order that is unknown":  {api.NewTicket{Order: "ord-none"}, http.StatusNotFound, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tc.in.Subject, tc.in.By = "test", "manager-3"
			body, err := json.Marshal(tc.in)
			require.NoError(t, err)
			problem := r.refusedRequest(t, tc.status, r.CRMURL()+"/tickets", string(body))
			require.Equal(t, tc.field, problem.Field)
		})
	}
	for _, id := range []string{o.ID, other.ID} {
		kept, err := api.NewClient(r.CRMURL()).Tickets(t.Context(), id, "", 10)
		require.NoError(t, err)
		require.Empty(t, kept)
	}
}

// refusedRequest posts what has to be refused, and returns the problem, which
// names its own span as the header traceresponse does.
func (r *rig) refusedRequest(t *testing.T, status int, url, body string) api.Problem {
	t.Helper()
	resp, err := http.Post(url, "application/json", bytes.NewBufferString(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, "%s", content)
	require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
	var p api.Problem
	require.NoError(t, json.Unmarshal(content, &p))
	require.Equal(t, "00-"+p.Trace+"-"+p.Span+"-01", resp.Header.Get("traceresponse"))
	return p
}

// spanOf waits until a trace has a span.
func (r *rig) spanOf(t *testing.T, trace, id string) (span jaeger.Span) {
	t.Helper()
	eventually(t, patience, 100*time.Millisecond, func() (bool, string) {
		spans := r.spans(t, order{Trace: trace})
		i := slices.IndexFunc(spans, func(s jaeger.Span) bool { return s.ID == id })
		if i < 0 {
			return false, draw(spans)
		}
		span = spans[i]
		return true, ""
	})
	return span
}
