package tracepage_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/browsertest"
)

// Who signs in sees all of the page, however the browser came to know the password.
func TestSignIn(t *testing.T) {
	j := startJaeger(t, "")
	sent := newServices(t, j)
	order := sent.closedOrder(sent.carrierMessage(time.Now()), "A-1", time.Now().Add(-20*day))
	sent.flush(j)

	t.Run("once, and the browser remembers", func(t *testing.T) {
		b := browsertest.New(t, j.url)
		b.SignIn(viewer, viewerPassword)
		b.Open("/trace/"+traceIDOf(order), ".waterfall")
		require.Contains(t, b.Text("h1"), "A-1 closed")
		b.Quiet()
	})
	t.Run("by an address with the password in it", func(t *testing.T) {
		address, err := url.Parse(j.url)
		require.NoError(t, err)
		address.User = url.UserPassword(viewer, viewerPassword)
		b := browsertest.New(t, j.url)
		b.Do(chromedp.Navigate(address.String()+"/"), chromedp.WaitVisible(chromedp.CSS(".orders")))
		require.Equal(t, []string{"POST /carrier", "A-1"}, listed(b))
		b.Click(`tr[data-trace-id="` + traceIDOf(order) + `"] .row-link`)
		b.Eventually(`document.querySelector(".waterfall") !== null`)
		troubles, _ := b.Heard()
		require.Empty(t, troubles)
	})
}
