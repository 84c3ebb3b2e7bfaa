package tracepage_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/browsertest"
	"ordertrace/lifecycle"
)

func TestWaterfall(t *testing.T) {
	s := begin(t)
	carrier := s.carrierMessage(s.now.Add(-4 * day))
	id := traceIDOf(s.closedOrder(carrier, "A-1", s.now.Add(-20*day)))
	s.flush(s.jaeger)

	s.look(t, "the waterfall shows the ten stages in order", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/trace/"+id, ".waterfall")
		var stages []lifecycle.Stage
		for _, name := range b.Texts(".row:not(.failed) .operation") {
			if lifecycle.Stage(name).Position() >= 0 {
				stages = append(stages, lifecycle.Stage(name))
			}
		}
		require.Equal(t, lifecycle.StageNames(), stages)
		require.Equal(t, []string{"PRICE_CALCULATED"}, b.Texts(".row.failed .operation"))
		require.Equal(t, "error", b.Text(".row.failed .mark.failed"))
		require.Equal(t, 8, browsertest.Eval[int](b, `document.querySelectorAll(".row.waiting").length`))
		require.Contains(t, browsertest.Eval[string](b, `getComputedStyle(document.querySelector(".row.waiting .bar")).backgroundImage`), "repeating-linear-gradient")
		require.GreaterOrEqual(t, browsertest.Eval[float64](b, `Math.min(...[...document.querySelectorAll(".bar")].map((bar) => bar.getBoundingClientRect().width))`), 3.0,
			"a millisecond in sixteen days can be seen")
		require.True(t, browsertest.Eval[bool](b, `[...document.querySelectorAll(".track")].every((track) => {
			const t = track.getBoundingClientRect(), b = track.querySelector(".bar").getBoundingClientRect();
			return b.left >= t.left - 0.5 && b.right <= t.right + 0.5;
		})`), "every bar lies in its track")
	})

	s.look(t, "a span without its parent is a root with a warning", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/trace/"+id, ".waterfall")
		require.Equal(t, "INSERT work_orders", b.Text(".row.orphan .operation"))
		require.Equal(t, "1", browsertest.Eval[string](b, `document.querySelector(".row.orphan").getAttribute("aria-level")`))
		require.Contains(t, b.Text(".warnings"), "1 span has a parent that Jaeger does not hold")
		b.Click(".row.orphan")
		require.Contains(t, b.Text(".details"), "the parent span dead010203040506 is not in this trace")
	})

	s.look(t, "a click on a span shows what it says", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/trace/"+id, ".waterfall")
		b.Click(".row.failed")
		details := b.Text(".details")
		for _, want := range []string{
			"PRICE_CALCULATED", "error: heartbeat timeout", "temporalAttempt 1", "order.stage PRICE_CALCULATED",
			"service.name mes", "+2m", "exception.message worker lost", "Duration 3m",
		} {
			require.Contains(t, details, want)
		}
		b.Click(".row.failed")
		require.Zero(t, browsertest.Eval[int](b, `document.querySelectorAll(".details").length`), "a second click closes it")
	})

	s.look(t, "tags link to Temporal as the UI config says", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/trace/"+id, ".waterfall")
		pattern := productUIConfig(t)["linkPatterns"].([]any)[0].(map[string]any)
		want := strings.ReplaceAll(pattern["url"].(string), "#{temporalWorkflowID}", "A-1")
		require.Equal(t, want, browsertest.Eval[string](b, `document.querySelector(".summary a.outside").href`))
		b.Click(".row.failed")
		require.Contains(t, browsertest.Eval[[]string](b, `[...document.querySelectorAll(".details .tags a")].map((a) => a.href)`), want)
	})

	s.look(t, "a link leads to the other trace", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/trace/"+id+"?uiFind=signal", ".waterfall")
		b.Click(".row.found")
		require.Contains(t, b.Text(".details .links"), "linked to another trace")
		b.Click(".details .links a")
		b.Eventually(`document.querySelector("h1")?.innerText.startsWith("POST /carrier")`)
		require.Equal(t, "/trace/"+traceIDOf(carrier)+"?uiFind="+spanIDOf(carrier), b.Path())
		require.Equal(t, 1, browsertest.Eval[int](b, `document.querySelectorAll(".details").length`), "the span is open")
	})

	s.look(t, "hostile text stays text", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/trace/"+id+"?uiFind=onerror", ".waterfall")
		b.Click(".row.found")
		require.Equal(t, hostileText, browsertest.Eval[string](b, `document.querySelector(".row.found .operation").textContent`))
		require.Contains(t, b.Text(".details"), hostileText)
		require.NotContains(t, b.Text(".details"), "never a link")
		require.Zero(t, browsertest.Eval[int](b, `document.querySelectorAll("main img, main script").length`))
		require.Equal(t, "undefined", browsertest.Eval[string](b, `typeof window.hostile`))
		require.Zero(t, browsertest.Eval[int](b, `[...document.links].filter((a) => a.protocol === "javascript:").length`))
	})

	s.look(t, "trace IDs are read in every form", func(t *testing.T, b *browsertest.Browser) {
		trimmed := strings.TrimLeft(traceIDOf(carrier), "0")
		for _, address := range []string{"/trace/" + id, "/trace/" + strings.ToUpper(id), "/trace/" + trimmed} {
			b.Open(address, ".waterfall")
		}
		b.Open("/trace/not-an-id", ".notice")
		require.Contains(t, b.Text(".notice"), "This is not a trace ID")
		b.Open("/dependencies", ".notice")
		require.Contains(t, b.Text(".notice"), "There is no such page here")
	})

	s.look(t, "the keyboard does all that the mouse does", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/trace/"+id, ".waterfall")
		press := func(keys string) { b.Do(chromedp.KeyEvent(keys)) }
		focused := func() string { return b.Text(".row:focus .operation") }
		b.Do(chromedp.Focus(chromedp.CSS(`.row[tabindex="0"]`)))
		press(kb.ArrowDown)
		require.Equal(t, "RunWorkflow:Order", focused())
		press(kb.Enter)
		require.Equal(t, "RunWorkflow:Order", b.Text(".details h3"))
		press(kb.Enter)
		press(kb.ArrowLeft)
		require.Equal(t, "false", browsertest.Eval[string](b, `document.activeElement.getAttribute("aria-expanded")`))
		require.Equal(t, 3, browsertest.Eval[int](b, `document.querySelectorAll(".row:not([hidden])").length`), "root, anchor, orphan")
		press(kb.ArrowRight)
		press(kb.ArrowRight)
		require.Equal(t, "INITIATED", focused())
		press(kb.End)
		require.Equal(t, "INSERT work_orders", focused())
	})

	s.look(t, "a zoom shows a millisecond of sixteen days", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/trace/"+id+"?uiFind=signal", ".waterfall")
		b.Click(".row.found")
		b.Do(chromedp.Click(chromedp.JSPath(`[...document.querySelectorAll(".details button")].find((b) => b.innerText === "Zoom to this span")`)))
		require.Equal(t, []string{"16d 4m 45.01s", "+500µs", "+1ms"}, b.Texts(".axis-ticks span"))
		require.Greater(t, browsertest.Eval[float64](b, `document.querySelector(".row.found .bar").getBoundingClientRect().width / document.querySelector(".axis-ticks").clientWidth`), 0.7)
	})

	s.look(t, "narrow and dark", func(t *testing.T, b *browsertest.Browser) {
		b.ColorScheme("dark")
		b.Do(chromedp.EmulateViewport(360, 700))
		for path, selector := range map[string]string{"/search": ".orders", "/trace/" + id: ".waterfall"} {
			b.Open(path, selector)
			require.LessOrEqual(t, browsertest.Eval[int](b, `document.documentElement.scrollWidth`), 360, "%s needs no sideways scrolling", path)
			require.Equal(t, "rgb(18, 23, 26)", browsertest.Eval[string](b, `getComputedStyle(document.body).backgroundColor`))
		}
		b.ColorScheme("light")
		b.Do(chromedp.ResetViewport())
	})
}
