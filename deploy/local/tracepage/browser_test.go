package tracepage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const patience = 30 * time.Second

// browser is a page in a real Chromium.
type browser struct {
	t      *testing.T
	ctx    context.Context
	origin string

	mu       sync.Mutex
	troubles []string // what the console complained of
	outside  []string // addresses asked for beyond the origin
}

func newBrowser(t *testing.T, origin string) *browser {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs a real browser: Debian's package chromium")
	}
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(1400, 900),
	}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
		"disable-component-update", "disable-sync", "disable-dev-shm-usage",
	} {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for Chromium to end
		cancel()
		cancelAllocator()
	})
	b := &browser{t: t, ctx: ctx, origin: origin}
	require.NoError(t, chromedp.Listen(ctx, b.listen)) // starts the browser
	return b
}

func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.troubles = append(b.troubles, e.ExceptionDetails.Text+" "+description(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		b.troubles = append(b.troubles, fmt.Sprintf("console.%s", e.Type))
	case *log.EventEntryAdded:
		b.troubles = append(b.troubles, fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.origin+"/") {
			b.outside = append(b.outside, e.Request.URL)
		}
	}
}

// quiet requires that the page neither complained nor left its origin since the last call.
func (b *browser) quiet() {
	b.t.Helper()
	troubles, outside := b.heard()
	require.Empty(b.t, troubles, "the browser's console")
	require.Empty(b.t, outside, "requests beyond the page's origin")
}

func (b *browser) heard() (troubles, outside []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	troubles, outside = b.troubles, b.outside
	b.troubles, b.outside = nil, nil
	return troubles, outside
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// open goes to an address below the origin and waits for something on the page.
func (b *browser) open(path, selector string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.origin+path), chromedp.WaitVisible(chromedp.CSS(selector)))
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// eval is the value of an expression in the page.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return value
}

// eventually waits until an expression is true, on whatever page the browser comes to.
func (b *browser) eventually(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	isTrue := func() bool {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		return err == nil && is
	}
	if !assert.Eventually(b.t, isTrue, patience, 50*time.Millisecond, expression) {
		b.t.Fatalf("on %s:\n%s", b.path(), eval[string](b, `document.body.innerText`))
	}
}

// textOf also reads rows that are too far down to be rendered: they have no innerText.
const textOf = `(e) => e ? e.innerText || e.textContent : "(not on the page)"`

// text is what a reader sees in the first element that fits, without line breaks.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return strings.Join(strings.Fields(eval[string](b, fmt.Sprintf(`(%s)(document.querySelector(%s))`, textOf, quote(selector)))), " ")
}

// texts are what a reader sees in all elements that fit.
func (b *browser) texts(selector string) []string {
	b.t.Helper()
	return eval[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%s)].map(%s)`, quote(selector), textOf))
}

func (b *browser) path() string {
	b.t.Helper()
	return eval[string](b, `location.pathname + location.search`)
}

func description(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string always has a JSON form
	}
	return string(quoted)
}
