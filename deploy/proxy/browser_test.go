package proxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"ordertrace/deploy/local/browsertest"
)

// signInAs opens a page, is sent to the identity provider and fills in its form.
func signInAs(t *testing.T, r *rig, role, path string) *browsertest.Browser {
	t.Helper()
	b := browsertest.New(t, r.proxy.url)
	b.Open(path, `input[name="login"]`)
	require.True(t, strings.HasPrefix(browsertest.Eval[string](b, `location.href`), r.provider.URL+"/auth/local/login"))
	who := personOf(role)
	for field, value := range map[string]string{"login": who.Email, "password": who.Password} {
		browsertest.Eval[string](b, fmt.Sprintf(`document.querySelector("[name=%s]").value = %q`, field, value))
	}
	b.Click("button")
	b.Eventually(fmt.Sprintf(`location.href.startsWith(%q)`, r.proxy.url+path))
	_, outside := b.Heard()
	for _, address := range outside {
		require.True(t, strings.HasPrefix(address, r.provider.URL), address)
	}
	return b
}

// quiet requires that the page neither complained nor left the proxy.
func quiet(t *testing.T, b *browsertest.Browser) {
	t.Helper()
	troubles, outside := b.Heard()
	troubles = slices.DeleteFunc(troubles, func(s string) bool { return s == "console.warning" }) // the Temporal UI's own
	require.Empty(t, troubles, "the browser's console")
	for _, address := range outside {
		require.True(t, strings.HasPrefix(address, "data:"), address) // an image or a manifest within the page
	}
}

// A viewer signs in once and reads orders and traces; nothing there acts.
func TestViewerReadsInABrowser(t *testing.T) {
	r := ready(t)
	order := r.order(t)
	b := signInAs(t, r, viewer, "/temporal/namespaces/default/workflows")
	b.Eventually(fmt.Sprintf(`document.body.innerText.includes(%q)`, order))
	b.Open("/temporal/namespaces/default/workflows/"+order, "body")
	b.Eventually(`document.body.innerText.toLowerCase().includes("running")`)
	require.False(t, browsertest.Eval[bool](b, `[...document.querySelectorAll("button:enabled")].some((e) => e.innerText.includes("Request Cancellation"))`))
	require.NotContains(t, browsertest.Eval[string](b, `document.body.innerText`), secretInput)

	b.Open(b.Path()+"/../user-metadata", "body")
	b.Eventually(`document.querySelector("#user-metadata-current-details")?.contentDocument?.querySelector("strong")?.innerText === "close"`)
	quiet(t, b)

	asked := r.provider.Asked()
	b.Open("/jaeger/trace/"+r.jaeger.trace, "main")
	b.Eventually(`document.body.innerText.includes("an order")`)
	require.Equal(t, asked, r.provider.Asked(), "one sign-in for all")
	quiet(t, b)
}

// An operator reads what is encrypted, and acts.
func TestOperatorActsInABrowser(t *testing.T) {
	r := ready(t)
	order := r.order(t)
	b := signInAs(t, r, operator, "/operator/namespaces/default/workflows/"+order)
	b.Eventually(fmt.Sprintf(`document.body.innerText.includes(%q)`, secretInput))
	b.ClickText(`button`, "Request Cancellation")
	b.ClickText(`dialog[open] [data-testid="confirm-modal-button"]:enabled`, "")
	require.Eventually(t, func() bool {
		history := r.temporal.GetWorkflowHistory(t.Context(), order, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			require.NoError(t, err)
			if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED {
				return true
			}
		}
		return false
	}, browsertest.Patience, tick)
	quiet(t, b)
}
