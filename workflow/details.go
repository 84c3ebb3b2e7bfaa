package workflow

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
)

// show sets the details that the Temporal UI draws beside the order. They are
// not part of the history, and cannot fail the order.
func (o *order) show(ctx workflow.Context) {
	var trace string
	if o.TraceURL != nil {
		trace = o.TraceURL(ctx)
	}
	workflow.SetCurrentDetails(ctx, details(o.Status, trace))
}

// details is Markdown, as the Temporal UI renders it.
func details(s lifecycle.Status, trace string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", headline(s))
	if s.Problem != "" {
		fmt.Fprintf(&b, "**Problem:** %s\n\n", plain(s.Problem))
	}
	if trace != "" {
		fmt.Fprintf(&b, "[Trace of this order](%s)\n\n", trace)
	}
	if s.Facts.Price != nil {
		fmt.Fprintf(&b, "Price: %s\n\n", s.Facts.Price)
	}
	if s.Parcel != "" {
		fmt.Fprintf(&b, "Parcel: %s\n\n", s.Parcel)
	}
	b.WriteString("| stage | passed |\n| --- | --- |\n")
	for _, p := range s.Passed {
		fmt.Fprintf(&b, "| %s | %s |\n", p.Stage, p.At.UTC().Format(time.RFC3339))
	}
	for i, line := range s.Ignored {
		if i == 0 {
			b.WriteString("\n**Ignored:**\n\n")
		}
		fmt.Fprintf(&b, "- %s\n", plain(line))
	}
	return b.String()
}

func headline(s lifecycle.Status) string {
	switch {
	case s.Outcome == lifecycle.OutcomeClosed:
		return fmt.Sprintf("**Closed** by %s%s", s.Close.By, because(s.Close.Reason))
	case s.Outcome != "":
		return fmt.Sprintf("**%s** after %s", s.Outcome, orStart(s.Stage))
	case s.Cancel != nil:
		return fmt.Sprintf("**Being cancelled** by %s%s", plain(s.Cancel.By), because(s.Cancel.Reason))
	case s.Waiting == nil:
		return fmt.Sprintf("**After %s**, moving on", orStart(s.Stage))
	}
	line := fmt.Sprintf("**Waits for %s** (%s) since %s", s.Waiting.Stage, s.Waiting.For, s.Waiting.Since.UTC().Format(time.RFC3339))
	if s.Waiting.Overdue {
		line += ", **overdue** since " + s.Waiting.Due.UTC().Format(time.RFC3339)
	}
	switch s.Waiting.Stage {
	case lifecycle.Closed:
		line += "\n\nTo close it, send the signal `close` with `{\"by\":\"manual\",\"reason\":\"…\"}` or without input."
	case lifecycle.FileUploaded:
		line += "\n\nTo go on, send it a model or material: `starter upload ORDER --model FILE --material NAME`."
	default:
		line += fmt.Sprintf("\n\nTo move it on, send the signal `advance` with `{\"stage\":\"%s\",\"by\":\"…\"}`.", s.Waiting.Stage)
	}
	return line
}

func orStart(s lifecycle.Stage) string {
	if s == "" {
		return "its start"
	}
	return string(s)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + plain(reason)
}

// plain keeps what someone else wrote from acting as Markdown.
func plain(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ", "[", "\\[", "]", "\\]", "<", "\\<", "|", "\\|", "*", "\\*", "`", "\\`", "!", "\\!").Replace(s)
}
