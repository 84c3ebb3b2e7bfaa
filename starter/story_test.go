package main

import (
	"bytes"
	"maps"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/tracing/jaeger"
)

// tags of the spans of a trace, as Jaeger has them.
var (
	ofOrder  = map[string]string{"temporalWorkflowID": "ord-1"}
	outgoing = map[string]string{"span.kind": "client"}
)

func with(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, tags := range all {
		maps.Copy(out, tags)
	}
	return out
}

func awaited(by string) map[string]string {
	return with(ofOrder, map[string]string{"order.awaited": by})
}

// served is a request that somebody sent, answered with a status.
func served(method, status string) map[string]string {
	return map[string]string{"span.kind": "server", "http.request.method": method, "http.response.status_code": status}
}

// to makes a span one of what another sent.
func to(sender string, s jaeger.Span) jaeger.Span {
	s.Links = []jaeger.Link{{Trace: s.Trace, Span: sender}}
	return s
}

// An order's story as each of those who act on it makes it.
var stories = map[string][]jaeger.Span{
	"a stage leaves its inside out": {
		bar("a", "", "order", "RunWorkflow:Order", 0, 1, ofOrder),
		bar("1", "a", "mes", "PRICE_CALCULATED", 10, 90, ofOrder),
		bar("c", "1", "mes", "PUT /orders/{order}/stages/{stage}", 20, 70, outgoing),
		bar("h", "c", "mes-api", "PUT /orders/{order}/stages/{stage}", 30, 60, served("PUT", "200")),
		bar("i", "h", "mes-api", "INSERT quotes", 80, 5, outgoing),
	},
	"what failed is told wherever it was": {
		bar("a", "", "order", "RunWorkflow:Order", 0, 1, ofOrder),
		bar("1", "a", "crm", "CLOSED", 10, 40, with(ofOrder, failed)),
		bar("c", "1", "crm", "PUT /orders/{order}/stages/{stage}", 20, 30, with(outgoing, failed)),
		bar("h", "c", "crm-api", "PUT /orders/{order}/stages/{stage}", 22, 25, with(served("PUT", "503"), failed)),
		bar("i", "h", "crm-api", "UPDATE deals", 25, 5, outgoing),
		bar("j", "i", "crm-api", "COMMIT", 30, 10, with(outgoing, failed)),
		bar("2", "a", "crm", "CLOSED", 60, 40, with(ofOrder, map[string]string{"temporalAttempt": "2"})),
	},
	"a person's request is told once": {
		bar("a", "", "order", "RunWorkflow:Order", 0, 1, ofOrder),
		bar("w", "a", "order", "await SUBMITTED", 1, 98, awaited("customer")),
		bar("g", "a", "shop-api", "GET /orders/{order}/status", 20, 5, with(ofOrder, served("GET", "200"))),
		bar("r", "a", "shop-api", "POST /orders/{order}/submit", 50, 5, with(ofOrder, served("POST", "409"))),
		bar("s", "r", "shop-api", "UpdateWorkflow:advance", 51, 2, with(ofOrder, outgoing)),
		bar("o", "a", "order", "overdue SUBMITTED", 70, 1, ofOrder),
		bar("q", "a", "shop-api", "POST /orders/{order}/submit", 90, 9, with(ofOrder, served("POST", "200"))),
		bar("t", "q", "shop-api", "UpdateWorkflow:advance", 91, 5, with(ofOrder, outgoing)),
		to("t", bar("u", "a", "order", "update advance", 93, 1, ofOrder)),
	},
	"a sender without a request tells of itself": {
		bar("a", "", "order", "RunWorkflow:Order", 0, 1, ofOrder),
		bar("s", "a", "starter", "SignalWorkflow:close", 10, 5, with(ofOrder, outgoing)),
		to("s", bar("b", "a", "order", "signal close", 12, 1, ofOrder)),
		to("elsewhere", bar("c", "a", "order", "signal carrier", 20, 1, ofOrder)),
		bar("d", "a", "order", "signal advance", 30, 1, ofOrder),
		bar("e", "a", "order", "ignored advance", 30, 1, ofOrder),
		bar("f", "a", "order", "carrier in_transit", 40, 1, ofOrder),
	},
	"a request that starts the order stands above it": {
		bar("r", "", "shop-api", "POST /orders", 0, 20, served("POST", "201")),
		bar("s", "r", "shop-api", "StartWorkflow:Order", 5, 10, with(ofOrder, outgoing)),
		bar("a", "s", "order", "RunWorkflow:Order", 10, 1, ofOrder),
		bar("1", "a", "shop", "INITIATED", 20, 30, ofOrder),
	},
	"a cancelled order is undone": {
		bar("a", "", "order", "RunWorkflow:Order", 0, 1, ofOrder),
		bar("r", "a", "crm-api", "POST /orders/{order}/cancel", 10, 5, with(ofOrder, served("POST", "200"))),
		bar("s", "a", "order", "undo SUBMITTED", 20, 10, ofOrder),
		bar("f", "a", "order", "undo FILE_UPLOADED", 40, 10, ofOrder),
		bar("o", "a", "order", "Order cancelled", 60, 1, ofOrder),
	},
}

func TestStory(t *testing.T) {
	for name, spans := range stories {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			waterfall(&out, story(spans), 40)
			requireGolden(t, filepath.Join("testdata", "story", name+".txt"), out.String())
			require.NotContains(t, out.String(), "its parent is missing", "what is left out is missed by nobody")
		})
	}
}

func TestARingOfSpansHasAnEnd(t *testing.T) {
	require.Len(t, story([]jaeger.Span{
		bar("a", "b", "shop-api", "INSERT", 0, 1, outgoing), bar("b", "a", "shop-api", "INSERT", 0, 1, outgoing),
		bar("c", "a", "shop", "INITIATED", 1, 9, ofOrder),
	}), 1)
}
