package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
)

type traceCmd struct {
	Draw   drawCmd   `cmd:"" default:"withargs" help:"Draw an order's trace in the terminal."`
	Verify verifyCmd `cmd:"" help:"Compare an order's trace with its history, fact by fact."`
	Repair repairCmd `cmd:"" help:"Write the spans that are missing from orders' traces, from their history."`
	Export exportCmd `cmd:"" help:"Save an order's trace as a file, for a ticket: Jaeger's JSON, which its UI opens."`
}

type drawCmd struct {
	Order string `arg:"" help:"The order's number."`
	Width int    `default:"60" help:"How wide the bars are, in characters."`
	All   bool   `help:"Draw also what goes on inside a stage or a request."`
}

// traced is the answer of the command trace.
type traced struct {
	OrderID   string        `json:"order_id"`
	TraceID   string        `json:"trace_id"`
	JaegerURL string        `json:"jaeger_url"`
	Spans     []jaeger.Span `json:"spans"`
}

func (c *drawCmd) Run(e *environment) error {
	id, err := orderTrace(e, c.Order)
	if err != nil {
		return err
	}
	spans, err := e.jaeger.Trace(e.ctx, id)
	if err != nil {
		return aboutTrace(err, c.Order)
	}
	t := traced{OrderID: c.Order, TraceID: id.String(), JaegerURL: e.jaeger.TraceURL(id), Spans: spans}
	return e.answer(t, func(w io.Writer) {
		fmt.Fprintf(w, "order %s, %d spans, %s\n\n", t.OrderID, len(spans), t.JaegerURL)
		if !c.All {
			spans = story(spans)
		}
		waterfall(w, spans, max(c.Width, 10))
		if hidden := len(t.Spans) - len(spans); hidden > 0 {
			fmt.Fprintf(w, "\n%d spans inside these are drawn with --all\n", hidden)
		}
	})
}

// orderTrace reads an order's trace ID from the first event of its history.
func orderTrace(e *environment, order string) (trace.TraceID, error) {
	temporal, err := e.temporal()
	if err != nil {
		return trace.TraceID{}, err
	}
	anchor, err := temporal.Anchor(e.ctx, order)
	return anchor.TraceID(), aboutOrder(err, order)
}

// waterfall draws spans as a tree with bars on one time axis.
func waterfall(w io.Writer, spans []jaeger.Span, width int) {
	rows := rowsOf(spans)
	if len(rows) == 0 {
		return
	}
	first, last := rows[0].Start, rows[0].End()
	names, services := 0, 0
	for _, r := range rows {
		first, last = earlier(first, r.Start), later(last, r.End())
		names, services = max(names, len(r.label())), max(services, len(r.Service))
	}
	total := max(last.Sub(first), time.Microsecond)
	for _, r := range rows {
		from := int(float64(width) * float64(r.Start.Sub(first)) / float64(total))
		from = min(from, width-1)
		length := max(1, int(float64(width)*float64(r.Duration)/float64(total)))
		length = min(length, width-from)
		mark := " "
		if r.Failed() {
			mark = "!"
		}
		fmt.Fprintf(w, "%-*s  %-*s %s|%s%s%s| %s\n", services, r.Service, names, r.label(), mark,
			strings.Repeat(" ", from), strings.Repeat("=", length), strings.Repeat(" ", width-from-length), brief(r.Duration))
	}
}

type row struct {
	jaeger.Span
	depth  int
	orphan bool
}

func (r row) label() string {
	label := strings.Repeat("  ", r.depth) + r.Name
	if attempt := r.tag(tracing.KeyAttempt); attempt != "" && attempt != "1" {
		label += " #" + attempt
	}
	if awaited := r.tag(tracing.KeyAwaited); awaited != "" {
		label += " (" + awaited + ")"
	}
	if status := r.tag(semconv.HTTPResponseStatusCodeKey); isRequest(r.Span) && status >= "400" {
		label += " " + status
	}
	if r.orphan {
		label += " (its parent is missing)"
	}
	return label
}

func (r row) tag(key attribute.Key) string { return r.Tags[string(key)] }

// rowsOf orders spans as a tree, children by their start. A span whose parent is
// missing stands as a root.
func rowsOf(spans []jaeger.Span) []row {
	known := make(map[string]bool, len(spans))
	children := make(map[string][]jaeger.Span, len(spans))
	for _, s := range spans {
		known[s.ID] = true
	}
	for _, s := range spans {
		parent := s.Parent
		if !known[parent] {
			parent = ""
		}
		children[parent] = append(children[parent], s)
	}
	var out []row
	var walk func(parent string, depth int)
	walk = func(parent string, depth int) {
		below := children[parent]
		delete(children, parent) // once, though a span may be there twice
		for _, s := range below {
			out = append(out, row{s, depth, s.Parent != "" && !known[s.Parent]})
			walk(s.ID, depth+1)
		}
	}
	walk("", 0)
	return out
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// brief is a duration in at most three digits of its unit.
func brief(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%.1fd", d.Hours()/24)
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	default:
		return d.String()
	}
}
