package tracepage_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

func TestShots(t *testing.T) {
	j := startJaeger(t)
	s := newServices(t, j)
	now := time.Now()
	carrier := s.carrierMessage(now.Add(-17 * day))
	o := s.closedOrder("order-7f3c", now.Add(-20*day), carrier)
	s.closedOrder("B2B-1009", now.Add(-16*day-time.Hour), carrier)
	root := s.span(context.Background(), "starter", "StartWorkflow:Order", now.Add(-90*time.Second), 4*time.Millisecond, ofOrder("order-8a11"))
	s.span(root, "shop", "INITIATED", now.Add(-89*time.Second), 400*time.Millisecond, ofOrder("order-8a11"), attempt("INITIATED", 1))
	s.flush(j)
	b := newBrowser(t, j.url)
	shot := func(name string, w, h int64, dark bool, path, sel string, more ...chromedp.Action[chromedp.Void]) {
		scheme := "light"
		if dark {
			scheme = "dark"
		}
		chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		b.do(chromedp.EmulateViewport(w, h))
		b.open(path, sel)
		b.do(more...)
		png, _ := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		os.WriteFile("/tmp/job-tracepage-"+name+".png", png, 0o644)
	}
	id := traceIDOf(o)
	click := chromedp.Click(chromedp.CSS(`[data-index="12"]`))
	for _, dark := range []bool{false, true} {
		n := "light"
		if dark {
			n = "dark"
		}
		shot("list-wide-"+n, 1400, 700, dark, "/search", ".orders")
		shot("trace-wide-"+n, 1400, 1100, dark, "/trace/"+id, ".row")
		shot("open-wide-"+n, 1400, 1500, dark, "/trace/"+id, ".row", click)
	}
	shot("list-narrow", 390, 900, false, "/search", ".orders")
	shot("trace-narrow", 390, 1300, false, "/trace/"+id, ".row", click)
	shot("none", 1000, 500, false, "/trace/abcdef", ".notice")
	shot("empty", 1000, 500, false, "/search?service=shop&tags={\"temporalWorkflowID\":\"x\"}", ".notice")
	t.Log(b.heard())
}
