// Package browsertest drives a page in a real headless Chromium, for tests.
package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Patience is how long a page may take to show what it is waited for.
const Patience = 30 * time.Second

// Browser is one page, on behalf of a test: whatever goes wrong fails the test.
type Browser struct {
	*page
	t *testing.T
}

type page struct {
	ctx    context.Context
	origin string

	mu       sync.Mutex
	troubles []string // what the console complained of
	outside  []string // addresses asked for beyond the origin
}

// New opens a browser for the pages of an origin. It skips the test where there
// is no Chromium.
func New(t *testing.T, origin string) *Browser {
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
	p := &page{ctx: ctx, origin: origin}
	require.NoError(t, chromedp.Listen(ctx, p.listen)) // starts the browser
	return &Browser{page: p, t: t}
}

// For is the same page on behalf of another test, such as a subtest.
func (b *Browser) For(t *testing.T) *Browser { return &Browser{page: b.page, t: t} }

func (p *page) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.troubles = append(p.troubles, exception(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		p.troubles = append(p.troubles, fmt.Sprintf("console.%s", e.Type))
	case *log.EventEntryAdded:
		p.troubles = append(p.troubles, fmt.Sprintf("%s: %s (%s)", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, p.origin+"/") {
			p.outside = append(p.outside, e.Request.URL)
		}
	}
}

func exception(e *runtime.ExceptionDetails) string {
	if e.Exception == nil {
		return e.Text
	}
	return e.Text + " " + e.Exception.Description
}

// Quiet requires that the page neither complained nor left its origin since the
// last call.
func (b *Browser) Quiet() {
	b.t.Helper()
	troubles, outside := b.Heard()
	require.Empty(b.t, troubles, "the browser's console")
	require.Empty(b.t, outside, "requests beyond the page's origin")
}

// Heard returns what the console complained of and the addresses beyond the
// origin since the last call.
func (b *Browser) Heard() (troubles, outside []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	troubles, outside = b.troubles, b.outside
	b.troubles, b.outside = nil, nil
	return troubles, outside
}

// Do runs actions one after the other.
func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// Open goes to an address below the origin and waits for something on the page.
func (b *Browser) Open(path, selector string) {
	b.t.Helper()
	b.Do(chromedp.Navigate(b.origin+path), chromedp.WaitVisible(chromedp.CSS(selector)))
}

// SignIn answers the origin's challenge of HTTP's basic authentication. The browser
// remembers the answer, as it does a person's in its dialog.
func (b *Browser) SignIn(user, password string) {
	b.t.Helper()
	b.SignInAt(b.origin, user, password)
}

// SignInAt does so at an origin that the pages call.
func (b *Browser) SignInAt(origin, user, password string) {
	b.t.Helper()
	address, err := url.Parse(origin)
	require.NoError(b.t, err)
	address.User = url.UserPassword(user, password)
	b.Do(chromedp.Navigate(address.String()+"/"), chromedp.Navigate("about:blank"))
	b.Heard() // addresses with a user in them are none of the origin's
}

// Click clicks on the first visible element.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.Do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// ClickText clicks with the mouse on the first visible element of a kind whose
// text begins with the given one, once it is there and rests.
func (b *Browser) ClickText(selector, text string) {
	b.t.Helper()
	b.clickAt(fmt.Sprintf(`[...document.querySelectorAll(%s)].find((e) => e.innerText.trim().startsWith(%s) && e.getClientRects().length > 0)`,
		quote(selector), quote(text)))
}

// Type gives an element the focus, once it can have it, and enters a text.
func (b *Browser) Type(selector, text string) {
	b.t.Helper()
	element := fmt.Sprintf(`document.querySelector(%s)`, quote(selector))
	b.Eventually(fmt.Sprintf(`(%[1]s?.focus(), %[1]s?.contains(document.activeElement) ?? false)`, element))
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	_, err := chromedp.Call(ctx, input.InsertText, input.InsertTextParams{Text: text})
	require.NoError(b.t, err)
	b.Eventually(fmt.Sprintf(`%s.innerText.includes(%s)`, element, quote(text)))
	// An editor may lay its text out anew when it loses the focus: not under the
	// mouse of the next click.
	b.Eventually(fmt.Sprintf(`(document.activeElement.blur(), !%s.contains(document.activeElement))`, element))
}

// clickAt clicks in the middle of the element that an expression finds.
func (b *Browser) clickAt(element string) {
	b.t.Helper()
	var last []float64
	rests := func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, Patience)
		defer cancel()
		at, err := chromedp.Run(ctx, chromedp.Evaluate[[]float64](`(() => {
			const e = `+element+`;
			if (!e) return [];
			e.scrollIntoView({block: "nearest", behavior: "instant"});
			const r = e.getBoundingClientRect();
			return [r.x + r.width / 2, r.y + r.height / 2];
		})()`))
		same := err == nil && len(at) == 2 && slices.Equal(at, last)
		last = at
		return same
	}
	b.await(rests, element)
	b.Do(chromedp.MouseClickXY(last[0], last[1]))
}

// Eval is the value of an expression in the page.
func Eval[T any](b *Browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err, expression)
	return value
}

// Eventually waits until an expression is true, on whatever page the browser
// comes to.
func (b *Browser) Eventually(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	isTrue := func() bool {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool](expression))
		return err == nil && is
	}
	b.await(isTrue, expression)
}

// await tells what the page shows instead of what it was waited for.
func (b *Browser) await(condition func() bool, what string) {
	b.t.Helper()
	if !assert.Eventually(b.t, condition, Patience, 50*time.Millisecond, what) {
		b.t.Fatalf("on %s:\n%s", Eval[string](b, `location.href`), Eval[string](b, `document.body.innerText`))
	}
}

// textOf also reads what is too far down to be rendered: it has no innerText.
const textOf = `(e) => e ? e.innerText || e.textContent : "(not on the page)"`

// Text is what a reader sees in the first element that fits, without line
// breaks; "(not on the page)" if none does.
func (b *Browser) Text(selector string) string {
	b.t.Helper()
	text := Eval[string](b, fmt.Sprintf(`(%s)(document.querySelector(%s))`, textOf, quote(selector)))
	return strings.Join(strings.Fields(text), " ")
}

// Texts are what a reader sees in all elements that fit, as it is.
func (b *Browser) Texts(selector string) []string {
	b.t.Helper()
	return Eval[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%s)].map(%s)`, quote(selector), textOf))
}

// Path is the page's path and query.
func (b *Browser) Path() string {
	b.t.Helper()
	return Eval[string](b, `location.pathname + location.search`)
}

// ColorScheme lets the reader prefer "dark" or "light".
func (b *Browser) ColorScheme(scheme string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(b.t, err)
}

func quote(s string) string {
	q, _ := json.Marshal(s) // a string always has a JSON form
	return string(q)
}
