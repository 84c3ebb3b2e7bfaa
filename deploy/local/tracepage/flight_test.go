package tracepage_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/deploy/local/browsertest"
)

func TestOrderInFlight(t *testing.T) {
	s := begin(t)
	b := s.browser
	id := trace.TraceID{0: 0x01, 15: 0xef}
	b.Open("/trace/"+id.String(), ".notice")
	require.Contains(t, b.Text(".notice"), "may not have arrived yet")

	root := s.span(missingParent(id), "starter", "StartWorkflow:Order", s.now, instant, ofOrder("A-3"))
	s.span(root, "shop", "RunActivity:INITIATED", s.now.Add(time.Second), time.Second, ofOrder("A-3")) // as the SDK's own interceptor names it
	s.flush(s.jaeger)
	b.Eventually(`document.querySelectorAll(".row").length === 2`)
	require.Contains(t, b.Text("h1"), "A-3 in progress")
	require.Contains(t, b.Text(".summary"), "Last stage INITIATED")
	require.Contains(t, b.Text(".warnings"), "The parent may still arrive")
	troubles, _ := b.Heard()
	require.NotEmpty(t, troubles)
	for _, trouble := range troubles {
		require.Contains(t, trouble, "404", "all that the console may have against a trace that is not there")
	}

	require.NotRegexp(t, `false|null|undefined|NaN`, b.Text("main"))

	b.Click(`.row[data-index="1"]`)
	b.Do(chromedp.SendKeys(chromedp.CSS(`input[name="uiFind"]`), "order"))
	s.span(root, "order", "Order cancelled", s.now.Add(3*time.Second), instant, ofOrder("A-3"))
	s.flush(s.jaeger)
	b.Eventually(`document.querySelector("h1").innerText.includes("cancelled")`)
	require.Equal(t, "RunActivity:INITIATED", b.Text(".details h3"), "what was open stays open")
	require.Equal(t, "order", browsertest.Eval[string](b, `document.activeElement.value`), "and the keyboard stays where it was")
	require.NotRegexp(t, `false|null|undefined|NaN`, b.Text("main"))
	require.Empty(t, b.Text(".age"), "an order that has ended is not read again")
	b.Quiet()
}

func TestManySpans(t *testing.T) {
	s := begin(t)
	b := s.browser
	const many = 5000
	root := s.span(t.Context(), "starter", "StartWorkflow:Order", s.now, instant, ofOrder("A-4"))
	parent := root
	for i := range many - 1 {
		child := s.span(parent, "mes", "heartbeat", s.now.Add(time.Duration(i)*time.Second), time.Second, ofOrder("A-4"))
		if parent = root; i%10 != 0 {
			parent = child
		}
		if i%500 == 0 {
			require.NoError(t, s.providers["mes"].ForceFlush(t.Context()), "the queue holds 2048")
		}
	}
	s.flush(s.jaeger)
	began := time.Now()
	b.Open("/trace/"+traceIDOf(root), ".waterfall")
	require.Equal(t, many, browsertest.Eval[int](b, `document.querySelectorAll(".row").length`))
	b.Click(".row")
	require.Equal(t, 1, browsertest.Eval[int](b, `document.querySelectorAll(".details").length`))
	t.Logf("%d spans drawn and one opened in %v", many, time.Since(began).Round(time.Millisecond))
	b.Quiet()
}

func TestJaegerIsGone(t *testing.T) {
	s := begin(t)
	b := s.browser
	root := s.span(t.Context(), "starter", "StartWorkflow:Order", s.now, instant, ofOrder("A-5"))
	s.flush(s.jaeger)
	b.Open("/trace/"+traceIDOf(root), ".waterfall")
	s.jaeger.stop()
	b.Click(`button[name="refresh"]`)
	b.Eventually(`document.querySelector(".age").innerText.startsWith("Jaeger does not answer")`)
	require.Equal(t, []string{"StartWorkflow:Order"}, b.Texts(".row .operation"), "what was read stays")
}
