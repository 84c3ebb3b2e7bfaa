// Package tracepage_test opens the trace page in a real Chromium, as a real
// Jaeger serves it, on spans that came by OTLP.
package tracepage_test

import (
	"embed"
	"io/fs"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

// The page is part of the test's input: a change of it runs the test again.
//
//go:embed index.html static
var page embed.FS

func TestPageNeverMakesMarkupOfText(t *testing.T) {
	require.NoError(t, fs.WalkDir(page, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(page, path)
		for _, risky := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"} {
			require.NotContains(t, string(text), risky, path)
		}
		return err
	}))
}

func TestTracePage(t *testing.T) {
	j := startJaeger(t)
	b := newBrowser(t, j.url)
	s := newServices(t, j)
	now := time.Now()

	t.Run("an empty Jaeger says how to begin", func(t *testing.T) {
		b.open("/", ".notice")
		require.Equal(t, "/search", b.path(), "as the Jaeger UI does")
		require.Contains(t, b.text(".notice"), "Jaeger holds no traces yet")
		require.Contains(t, b.text(".notice"), "starter order")
		require.Contains(t, b.text("header"), "Stand-in for the Jaeger UI")
		require.Contains(t, b.text("footer"), "stands in for the Jaeger UI, which this Jaeger was built without")
		b.quiet()
	})

	carrier := s.carrierMessage(now.Add(-17 * day))
	order := s.closedOrder("A-1", now.Add(-20*day), carrier)
	s.closedOrder("A-2", now.Add(-19*day), carrier)
	id := traceIDOf(order)
	s.flush(j)

	t.Run("the list shows the orders, newest first", func(t *testing.T) {
		b.open("/search", ".orders")
		require.Equal(t, []string{"A-2", "POST /carrier", "A-1"}, listed(b))
		row := b.text(`tr[data-trace-id="` + id + `"]`)
		for _, want := range []string{id, "CLOSED closed", "20 days ago", "16d", "starter", "shop", "crm", "mes"} {
			require.Contains(t, row, want)
		}
		require.Equal(t, "1", b.text(`tr[data-trace-id="`+id+`"] .errors`))
		require.Equal(t, []string{"Runbook"}, b.texts("#menu a"), "only web addresses")
		b.quiet()
	})

	searches := map[string]struct {
		address string
		orders  []string
	}{
		"by order number, as the Jaeger UI writes it": {`/search?service=order&tags=%7B%22temporalWorkflowID%22%3A%22A-1%22%7D&lookback=30d&limit=20`, []string{"A-1"}},
		"by a tag":                     {`/search?tag=temporalWorkflowID:A-2`, []string{"A-2"}},
		"by service":                   {`/search?service=starter&lookback=30d`, []string{"A-2", "A-1"}},
		"by operation":                 {`/search?service=shop-api&operation=POST+/carrier&lookback=30d`, []string{"POST /carrier"}},
		"by duration":                  {`/search?minDuration=47h&service=order`, []string{"A-2", "A-1"}},
		"only the newest":              {`/search?limit=1&service=starter`, []string{"A-2"}},
		"between two times":            {`/search?lookback=custom&service=starter&start=` + micros(now.Add(-21*day)) + `&end=` + micros(now.Add(-19*day-time.Hour)), []string{"A-1"}},
		"by trace IDs":                 {`/search?traceID=` + id, []string{"A-1"}},
		"a lookback that is too short": {`/search?lookback=1h`, nil},
		"an order that is not there":   {`/search?tags={"temporalWorkflowID":"A-9"}`, nil},
	}
	for name, tt := range searches {
		t.Run("search "+name, func(t *testing.T) {
			b.open(tt.address, ".results .orders, .results .notice")
			require.Equal(t, tt.orders, listed(b))
			if tt.orders == nil {
				require.Contains(t, b.text(".notice"), "Look further back in time")
			}
			b.quiet()
		})
	}

	t.Run("an address with broken tags says what is wrong", func(t *testing.T) {
		b.open("/search?tags=A-1", ".notice")
		require.Contains(t, b.text(".notice"), "tags must be a JSON object")
		b.quiet()
	})

	t.Run("the box finds an order by its number", func(t *testing.T) {
		b.open("/search", ".orders")
		b.do(chromedp.SendKeys(chromedp.CSS(`input[name="find"]`), "A-1"+kb.Enter))
		b.eventually(`location.search.includes("temporalWorkflowID") && document.querySelectorAll(".orders tbody tr").length === 1`)
		require.Equal(t, []string{"A-1"}, listed(b))
		b.quiet()
	})

	t.Run("the box jumps to a trace ID", func(t *testing.T) {
		b.open("/search", ".orders")
		b.do(chromedp.SendKeys(chromedp.CSS(`input[name="find"]`), strings.ToUpper(id)+kb.Enter))
		b.eventually(`document.querySelector(".waterfall") !== null`)
		require.Equal(t, "/trace/"+id, b.path())
		b.quiet()
	})

	t.Run("a click on an order opens its waterfall", func(t *testing.T) {
		b.open("/search", ".orders")
		b.click(`tr[data-trace-id="` + id + `"] .row-link`)
		b.eventually(`document.querySelector(".waterfall") !== null`)
		require.Equal(t, "/trace/"+id, b.path())
		require.Contains(t, b.text("h1"), "A-1 closed")
		for _, fact := range []string{"Last stage CLOSED", "Duration 16d", "Spans 35", "Services 8", "Depth 4", "Errors 1"} {
			require.Contains(t, b.text(".summary"), fact)
		}
		require.Equal(t, []string{"0", "4d", "8d", "12d", "16d"}, b.texts(".axis-ticks span"))
		b.quiet()
	})

	t.Run("the waterfall shows the ten stages in order", func(t *testing.T) {
		b.open("/trace/"+id, ".waterfall")
		var stages []lifecycle.Stage
		for _, name := range b.texts(".row:not(.failed) .operation") {
			if lifecycle.Stage(name).Position() >= 0 {
				stages = append(stages, lifecycle.Stage(name))
			}
		}
		require.Equal(t, lifecycle.StageNames(), stages)
		require.Equal(t, []string{"PRICE_CALCULATED"}, b.texts(".row.failed .operation"))
		require.Equal(t, "error", b.text(".row.failed .mark.failed"))
		require.Equal(t, 8, eval[int](b, `document.querySelectorAll(".row.waiting").length`))
		require.Contains(t, eval[string](b, `getComputedStyle(document.querySelector(".row.waiting .bar")).backgroundImage`), "repeating-linear-gradient")
		require.GreaterOrEqual(t, eval[float64](b, `Math.min(...[...document.querySelectorAll(".bar")].map((bar) => bar.getBoundingClientRect().width))`), 3.0,
			"a millisecond in sixteen days can be seen")
		require.True(t, eval[bool](b, `[...document.querySelectorAll(".track")].every((track) => {
			const t = track.getBoundingClientRect(), b = track.querySelector(".bar").getBoundingClientRect();
			return b.left >= t.left - 0.5 && b.right <= t.right + 0.5;
		})`), "every bar lies in its track")
		b.quiet()
	})

	t.Run("a span without its parent is a root with a warning", func(t *testing.T) {
		b.open("/trace/"+id, ".waterfall")
		require.Equal(t, "INSERT work_orders", b.text(".row.orphan .operation"))
		require.Equal(t, "1", eval[string](b, `document.querySelector(".row.orphan").getAttribute("aria-level")`))
		require.Contains(t, b.text(".warnings"), "1 span has a parent that Jaeger does not hold")
		b.click(".row.orphan")
		require.Contains(t, b.text(".details"), "the parent span dead010203040506 is not in this trace")
		b.quiet()
	})

	t.Run("a click on a span shows what it says", func(t *testing.T) {
		b.open("/trace/"+id, ".waterfall")
		b.click(".row.failed")
		details := b.text(".details")
		for _, want := range []string{
			"PRICE_CALCULATED", "error: heartbeat timeout", "temporalAttempt 1", "order.stage PRICE_CALCULATED",
			"service.name mes", "+2m", "exception.message worker lost", "Duration 3m",
		} {
			require.Contains(t, details, want)
		}
		b.click(".row.failed")
		require.Zero(t, eval[int](b, `document.querySelectorAll(".details").length`), "a second click closes it")
		b.quiet()
	})

	t.Run("tags link to Temporal as the UI config says", func(t *testing.T) {
		b.open("/trace/"+id, ".waterfall")
		pattern := productUIConfig(t)["linkPatterns"].([]any)[0].(map[string]any)
		want := strings.ReplaceAll(pattern["url"].(string), "#{temporalWorkflowID}", "A-1")
		require.Equal(t, want, eval[string](b, `document.querySelector(".summary a.outside").href`))
		b.click(".row.failed")
		require.Contains(t, eval[[]string](b, `[...document.querySelectorAll(".details .tags a")].map((a) => a.href)`), want)
		b.quiet()
	})

	t.Run("a link leads to the other trace", func(t *testing.T) {
		b.open("/trace/"+id+"?uiFind=signal", ".waterfall")
		b.click(".row.found")
		require.Contains(t, b.text(".details .links"), "linked to another trace")
		b.click(".details .links a")
		b.eventually(`document.querySelector("h1")?.innerText.startsWith("POST /carrier")`)
		require.Equal(t, "/trace/"+traceIDOf(carrier)+"?uiFind="+spanIDOf(carrier), b.path())
		require.Equal(t, 1, eval[int](b, `document.querySelectorAll(".details").length`), "the span is open")
		b.quiet()
	})

	t.Run("hostile text stays text", func(t *testing.T) {
		b.open("/trace/"+id+"?uiFind=onerror", ".waterfall")
		b.click(".row.found")
		require.Equal(t, hostileText, eval[string](b, `document.querySelector(".row.found .operation").textContent`))
		require.Contains(t, b.text(".details"), hostileText)
		require.Zero(t, eval[int](b, `document.querySelectorAll("main img, main script").length`))
		require.Equal(t, "undefined", eval[string](b, `typeof window.hostile`))
		require.Zero(t, eval[int](b, `[...document.links].filter((a) => a.protocol === "javascript:").length`))
		b.quiet()
	})

	t.Run("trace IDs are read in every form", func(t *testing.T) {
		trimmed := strings.TrimLeft(traceIDOf(carrier), "0")
		for _, address := range []string{"/trace/" + id, "/trace/" + strings.ToUpper(id), "/trace/" + trimmed} {
			b.open(address, ".waterfall")
		}
		b.open("/trace/not-an-id", ".notice")
		require.Contains(t, b.text(".notice"), "This is not a trace ID")
		b.open("/dependencies", ".notice")
		require.Contains(t, b.text(".notice"), "There is no such page here")
		b.quiet()
	})

	t.Run("the keyboard does all that the mouse does", func(t *testing.T) {
		b.open("/trace/"+id, ".waterfall")
		press := func(keys string) { b.do(chromedp.KeyEvent(keys)) }
		focused := func() string { return b.text(".row:focus .operation") }
		b.do(chromedp.Focus(chromedp.CSS(`.row[tabindex="0"]`)))
		press(kb.ArrowDown)
		require.Equal(t, "RunWorkflow:Order", focused())
		press(kb.Enter)
		require.Equal(t, "RunWorkflow:Order", b.text(".details h3"))
		press(kb.Enter)
		press(kb.ArrowLeft)
		require.Equal(t, "false", eval[string](b, `document.activeElement.getAttribute("aria-expanded")`))
		require.Equal(t, 3, eval[int](b, `document.querySelectorAll(".row:not([hidden])").length`), "root, anchor, orphan")
		press(kb.ArrowRight)
		press(kb.ArrowRight)
		require.Equal(t, "INITIATED", focused())
		press(kb.End)
		require.Equal(t, "INSERT work_orders", focused())
		b.quiet()
	})

	t.Run("a zoom shows the seconds of one span", func(t *testing.T) {
		b.open("/trace/"+id+"?uiFind=INITIATED", ".waterfall")
		b.click(".row.found")
		b.do(chromedp.Click(chromedp.JSPath(`[...document.querySelectorAll(".details button")].find((b) => b.innerText === "Zoom to this span")`)))
		require.Greater(t, eval[float64](b, `document.querySelector(".row.found .bar").getBoundingClientRect().width / document.querySelector(".axis-ticks").clientWidth`), 0.7)
		b.quiet()
	})

	t.Run("narrow and dark", func(t *testing.T) {
		colorScheme(t, b, "dark")
		b.do(chromedp.EmulateViewport(360, 700))
		for path, selector := range map[string]string{"/search": ".orders", "/trace/" + id: ".waterfall"} {
			b.open(path, selector)
			require.LessOrEqual(t, eval[int](b, `document.documentElement.scrollWidth`), 360, "%s needs no sideways scrolling", path)
			require.Equal(t, "rgb(18, 23, 26)", eval[string](b, `getComputedStyle(document.body).backgroundColor`))
		}
		colorScheme(t, b, "light")
		b.do(chromedp.ResetViewport())
		b.quiet()
	})

	t.Run("an order in flight grows while one looks", func(t *testing.T) {
		unknown := "0123456789abcdef0123456789abcdef"
		b.open("/trace/"+unknown, ".notice")
		require.Contains(t, b.text(".notice"), "may not have arrived yet")
		troubles, _ := b.heard()
		require.Len(t, troubles, 1, "%v", troubles)
		require.Contains(t, troubles[0], "404")

		root := s.span(t.Context(), "starter", "StartWorkflow:Order", now, instant, ofOrder("A-3"))
		flight := traceIDOf(root)
		s.span(root, "shop", "INITIATED", now.Add(time.Second), time.Second, ofOrder("A-3"))
		s.flush(j)
		b.open("/trace/"+flight, ".waterfall")
		require.Contains(t, b.text("h1"), "A-3 in progress")
		b.click(`.row[data-index="1"]`)
		b.eventually(`document.querySelector(".age")?.innerText.startsWith("In flight")`)

		s.span(root, "order", "Order cancelled", now.Add(3*time.Second), instant, ofOrder("A-3"))
		s.flush(j)
		b.eventually(`document.querySelector("h1").innerText.includes("cancelled")`)
		require.Equal(t, "INITIATED", b.text(".details h3"), "what was open stays open")
		require.Empty(t, b.text(".age"), "an order that has ended is not read again")
		b.quiet()
	})

	t.Run("a thousand spans and more", func(t *testing.T) {
		const many = 5000
		root := s.span(t.Context(), "starter", "StartWorkflow:Order", now, instant, ofOrder("A-4"))
		parent := root
		for i := range many - 1 {
			child := s.span(parent, "mes", "heartbeat", now.Add(time.Duration(i)*time.Second), time.Second, ofOrder("A-4"))
			if parent = root; i%10 != 0 {
				parent = child
			}
			if i%500 == 0 {
				require.NoError(t, s.providers["mes"].ForceFlush(t.Context()), "the queue holds 2048")
			}
		}
		s.flush(j)
		began := time.Now()
		b.open("/trace/"+traceIDOf(root), ".waterfall")
		require.Equal(t, many, eval[int](b, `document.querySelectorAll(".row").length`))
		b.click(".row")
		require.Equal(t, 1, eval[int](b, `document.querySelectorAll(".details").length`))
		t.Logf("%d spans drawn and one opened in %v", many, time.Since(began).Round(time.Millisecond))
		b.quiet()
	})

	t.Run("a Jaeger that is gone", func(t *testing.T) {
		b.open("/trace/"+id, ".waterfall")
		j.stop()
		b.do(chromedp.Click(chromedp.JSPath(`[...document.querySelectorAll(".toolbar button")].find((b) => b.innerText === "Refresh")`)))
		b.eventually(`document.querySelector(".age").innerText.startsWith("Jaeger does not answer")`)
		require.Equal(t, 35, eval[int](b, `document.querySelectorAll(".row").length`), "what was read stays")
	})
}

func micros(at time.Time) string {
	return strconv.FormatInt(at.UnixMicro(), 10)
}

// listed are the names of the rows of the list, from top to bottom.
func listed(b *browser) []string {
	b.t.Helper()
	if found := b.texts(".orders .row-link"); len(found) > 0 {
		return found
	}
	return nil
}

func colorScheme(t *testing.T, b *browser, scheme string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(t, err)
}
