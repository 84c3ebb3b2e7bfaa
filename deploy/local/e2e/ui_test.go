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

			b := browsertest.New(t, r.UIURL())
			b.Open(strings.TrimPrefix(o.TemporalURL, r.UIURL()), `body`)
			b.ClickText(`button`, "More Actions")
			b.ClickText(`[role=menuitem]`, "Send a Signal")
			b.ClickText(`dialog[open] [data-testid="signal-select-button"]`, "")
			b.ClickText(`dialog[open] [role=option]`, "close")
			if tc.input != "" {
				b.Type(`dialog[open] [role=textbox]`, tc.input)
			}
			b.ClickText(`dialog[open] [data-testid="confirm-modal-button"]:enabled`, "Submit")

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
	b := browsertest.New(t, r.UIURL())
	page := strings.TrimSuffix(strings.TrimPrefix(o.TemporalURL, r.UIURL()), "/history")
	b.Open(page+"/user-metadata", `body`)
	b.Eventually(details + `?.body.innerText.includes("Waits for CLOSED")`)
	require.Contains(t, browsertest.Eval[string](b, details+`.body.innerText`), "send the signal close")
	require.Equal(t, o.JaegerURL, browsertest.Eval[string](b, details+`.querySelector("a").href`))
}

// details is where the Temporal UI renders an order's current details.
const details = `document.querySelector("#user-metadata-current-details")?.contentDocument`
