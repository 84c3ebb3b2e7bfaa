package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/browsertest"
	"ordertrace/lifecycle"
)

// A person clicks through the Temporal UI and closes an order.
func TestCloseFromTheTemporalUI(t *testing.T) {
	for name, tc := range map[string]struct{ input, by, reason string }{
		"with a reason": {`{"by":"carrier","reason":"delivered"}`, "carrier", "delivered"},
		"without input": {"", "manual", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := shared
			o := r.start(t)
			r.until(t, o.ID, "CLOSED")

			b := r.operatorsBrowser(t)
			sendSignal(b, strings.TrimPrefix(o.TemporalURL, r.UIURL()), "close", tc.input)

			s := r.until(t, o.ID, "end")
			require.Equal(t, lifecycle.OutcomeClosed, s.Outcome)
			require.Equal(t, [2]string{tc.by, tc.reason}, [2]string{s.Close.By, s.Close.Reason})
			r.requireClosedEverywhere(t, o.ID)
			r.requireWhole(t, o)
		})
	}
}

// The Temporal UI tells what an order waits for, how to close it, and where its
// trace is; the link leads there.
func TestTemporalUILeadsToTheTrace(t *testing.T) {
	r := shared
	o := r.start(t)
	r.until(t, o.ID, "CLOSED")
	b := r.operatorsBrowser(t)
	page := strings.TrimSuffix(strings.TrimPrefix(o.TemporalURL, r.UIURL()), "/history")
	b.Open(page+"/user-metadata", `body`)
	b.Eventually(details + `?.body.innerText.includes("Waits for CLOSED")`)
	require.Contains(t, browsertest.Eval[string](b, details+`.body.innerText`), "send the signal close")
	require.Equal(t, o.JaegerURL, browsertest.Eval[string](b, details+`.querySelector("a").href`))
}

// details is where the Temporal UI renders an order's current details.
const details = `document.querySelector("#user-metadata-current-details")?.contentDocument`

// People move an order on in the Temporal UI as well, by the signal advance. What
// does not fit is shown beside the order, and changes nothing.
func TestAdvanceFromTheTemporalUI(t *testing.T) {
	r := shared
	o := r.mustStartTo(t, lifecycle.Submitted)
	b := r.operatorsBrowser(t)
	sendSignal(b, r.page(t, o.ID), "advance", `{"stage":"SHIPPED","by":"operator-7"}`)
	b.Open(r.page(t, o.ID)+"/user-metadata", "body")
	b.Eventually(details + `?.body.innerText.includes("advance: the order does not wait for SHIPPED, but for SUBMITTED")`)
	require.True(t, r.status(t, o.ID).WaitsFor(lifecycle.Submitted))

	sendSignal(b, r.page(t, o.ID), "advance", `{"stage":"SUBMITTED","by":"customer-1"}`)
	require.NoError(t, r.everyone().Await(t.Context(), o.ID, lifecycle.ManufacturingApproved))
	s := r.status(t, o.ID)
	require.Equal(t, []lifecycle.Move{{Stage: lifecycle.Submitted, By: "customer-1"}}, s.Moves)
	require.Len(t, s.Ignored, 1)
	r.requireFacts(t, o.ID, tally{
		"RunWorkflow:Order": 1, "INITIATED": 1, "FILE_UPLOADED": 1, "SUBMITTED": 1, "PRICE_CALCULATED": 1,
		"await FILE_UPLOADED": 1, "update upload": 1, "await SUBMITTED": 1, "signal advance": 2, "ignored advance": 1,
	})
}

// sendSignal clicks through the Temporal UI's page of an order to send it a
// signal.
func sendSignal(b *browsertest.Browser, page, name, input string) {
	b.Open(page, `body`)
	b.ClickText(`button`, "More Actions")
	b.ClickText(`[role=menuitem]`, "Send a Signal")
	b.ClickText(`dialog[open] [data-testid="signal-select-button"]`, "")
	b.ClickText(`dialog[open] [role=option]`, name)
	if input != "" {
		b.Type(`dialog[open] [role=textbox]`, input)
	}
	b.ClickText(`dialog[open] [data-testid="confirm-modal-button"]:enabled`, "Submit")
	b.Eventually(`!document.querySelector("dialog[open]")`)
}

// Temporal's own button cancels an order, and what was done is undone.
func TestCancelFromTheTemporalUI(t *testing.T) {
	r := shared
	o := r.mustStartTo(t, lifecycle.ManufacturingStarted)
	b := r.operatorsBrowser(t)
	b.Open(r.page(t, o.ID), `body`)
	b.ClickText(`button`, "Request Cancellation")
	b.ClickText(`dialog[open] [data-testid="confirm-modal-button"]:enabled`, "")
	require.Error(t, r.ended(t, o.ID))
	require.NoError(t, r.wasCancelled(t.Context(), t, o, "temporal"))
}
