package tracepage_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

func TestWaterfall(t *testing.T) {
	s := begin(t)
	carrier := s.carrierMessage(s.now.Add(-4 * day))
	id := traceIDOf(s.closedOrder("A-1", s.now.Add(-20*day), carrier))
	s.flush(s.jaeger)

	s.look(t, "the waterfall shows the ten stages in order", func(t *testing.T, b *browser) {
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
	})

	s.look(t, "a span without its parent is a root with a warning", func(t *testing.T, b *browser) {
		b.open("/trace/"+id, ".waterfall")
		require.Equal(t, "INSERT work_orders", b.text(".row.orphan .operation"))
		require.Equal(t, "1", eval[string](b, `document.querySelector(".row.orphan").getAttribute("aria-level")`))
		require.Contains(t, b.text(".warnings"), "1 span has a parent that Jaeger does not hold")
		b.click(".row.orphan")
		require.Contains(t, b.text(".details"), "the parent span dead010203040506 is not in this trace")
	})

	s.look(t, "a click on a span shows what it says", func(t *testing.T, b *browser) {
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
	})

	s.look(t, "tags link to Temporal as the UI config says", func(t *testing.T, b *browser) {
		b.open("/trace/"+id, ".waterfall")
		pattern := productUIConfig(t)["linkPatterns"].([]any)[0].(map[string]any)
		want := strings.ReplaceAll(pattern["url"].(string), "#{temporalWorkflowID}", "A-1")
		require.Equal(t, want, eval[string](b, `document.querySelector(".summary a.outside").href`))
		b.click(".row.failed")
		require.Contains(t, eval[[]string](b, `[...document.querySelectorAll(".details .tags a")].map((a) => a.href)`), want)
	})

	s.look(t, "a link leads to the other trace", func(t *testing.T, b *browser) {
		b.open("/trace/"+id+"?uiFind=signal", ".waterfall")
		b.click(".row.found")
		require.Contains(t, b.text(".details .links"), "linked to another trace")
		b.click(".details .links a")
		b.eventually(`document.querySelector("h1")?.innerText.startsWith("POST /carrier")`)
		require.Equal(t, "/trace/"+traceIDOf(carrier)+"?uiFind="+spanIDOf(carrier), b.path())
		require.Equal(t, 1, eval[int](b, `document.querySelectorAll(".details").length`), "the span is open")
	})

	s.look(t, "hostile text stays text", func(t *testing.T, b *browser) {
		b.open("/trace/"+id+"?uiFind=onerror", ".waterfall")
		b.click(".row.found")
		require.Equal(t, hostileText, eval[string](b, `document.querySelector(".row.found .operation").textContent`))
		require.Contains(t, b.text(".details"), hostileText)
		require.NotContains(t, b.text(".details"), "never a link")
		require.Zero(t, eval[int](b, `document.querySelectorAll("main img, main script").length`))
		require.Equal(t, "undefined", eval[string](b, `typeof window.hostile`))
		require.Zero(t, eval[int](b, `[...document.links].filter((a) => a.protocol === "javascript:").length`))
	})

	s.look(t, "trace IDs are read in every form", func(t *testing.T, b *browser) {
		trimmed := strings.TrimLeft(traceIDOf(carrier), "0")
		for _, address := range []string{"/trace/" + id, "/trace/" + strings.ToUpper(id), "/trace/" + trimmed} {
			b.open(address, ".waterfall")
		}
		b.open("/trace/not-an-id", ".notice")
		require.Contains(t, b.text(".notice"), "This is not a trace ID")
		b.open("/dependencies", ".notice")
		require.Contains(t, b.text(".notice"), "There is no such page here")
	})

	s.look(t, "the keyboard does all that the mouse does", func(t *testing.T, b *browser) {
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
	})

	s.look(t, "a zoom shows a millisecond of sixteen days", func(t *testing.T, b *browser) {
		b.open("/trace/"+id+"?uiFind=signal", ".waterfall")
		b.click(".row.found")
		b.do(chromedp.Click(chromedp.JSPath(`[...document.querySelectorAll(".details button")].find((b) => b.innerText === "Zoom to this span")`)))
		require.Equal(t, []string{"16d 4m 45.01s", "+500µs", "+1ms"}, b.texts(".axis-ticks span"))
		require.Greater(t, eval[float64](b, `document.querySelector(".row.found .bar").getBoundingClientRect().width / document.querySelector(".axis-ticks").clientWidth`), 0.7)
	})

	s.look(t, "narrow and dark", func(t *testing.T, b *browser) {
		colorScheme(t, b, "dark")
		b.do(chromedp.EmulateViewport(360, 700))
		for path, selector := range map[string]string{"/search": ".orders", "/trace/" + id: ".waterfall"} {
			b.open(path, selector)
			require.LessOrEqual(t, eval[int](b, `document.documentElement.scrollWidth`), 360, "%s needs no sideways scrolling", path)
			require.Equal(t, "rgb(18, 23, 26)", eval[string](b, `getComputedStyle(document.body).backgroundColor`))
		}
		colorScheme(t, b, "light")
		b.do(chromedp.ResetViewport())
	})
}

func colorScheme(t *testing.T, b *browser, scheme string) {
	t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	require.NoError(t, err)
}
