package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"ordertrace/lifecycle"
)

func printStatus(w io.Writer, s lifecycle.Status) {
	fmt.Fprintf(w, "order %s: %s\n", s.OrderID, standing(s))
	for _, line := range remarks(s) {
		fmt.Fprintln(w, line)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, p := range s.Passed {
		row := fmt.Sprintf("  %s\t%s\t%s", p.Stage, moment(p.At), mover(s, i))
		fmt.Fprintln(t, strings.TrimRight(row, "\t"))
	}
	t.Flush()
	for _, line := range s.Ignored {
		fmt.Fprintf(w, "ignored: %s\n", line)
	}
}

// standing is how an order stands, in one line.
func standing(s lifecycle.Status) string {
	switch {
	case s.Outcome != "":
		return string(s.Outcome)
	case s.Cancel != nil:
		return "being cancelled"
	case s.Waiting != nil && s.Waiting.Overdue:
		return fmt.Sprintf("waits for %s (%s) since %s, overdue since %s", s.Waiting.Stage, s.Waiting.For, moment(s.Waiting.Since), moment(s.Waiting.Due))
	case s.Waiting != nil:
		return fmt.Sprintf("waits for %s (%s) since %s", s.Waiting.Stage, s.Waiting.For, moment(s.Waiting.Since))
	case s.Passing != "":
		return "comes to " + string(s.Passing)
	case s.Stage == "":
		return "starting"
	default:
		return "after " + string(s.Stage)
	}
}

// remarks are what else is worth knowing of an order, a line each.
func remarks(s lifecycle.Status) (lines []string) {
	add := func(format string, args ...any) {
		lines = append(lines, strings.TrimRight(fmt.Sprintf(format, args...), " :"))
	}
	switch {
	case s.Rejected != nil:
		add("rejected by %s: %s", s.Rejected.By, s.Rejected.Reason)
	case s.Problem != "" && s.Cancel != nil:
		add("problem: %s", s.Problem)
	case s.Problem != "":
		add("sent back: %s", s.Problem)
	}
	if s.Cancel != nil {
		add("cancelled by %s: %s", s.Cancel.By, s.Cancel.Reason)
	}
	if s.Facts.Price != nil {
		add("price: %s in %s", s.Facts.Price, s.Facts.Material)
	}
	if s.Facts.Operator != "" && s.Outcome == "" {
		add("operator: %s", s.Facts.Operator)
	}
	if s.Facts.Tracking != "" || s.Parcel != "" {
		add("parcel: %s", parcel(s))
	}
	if s.Outcome == lifecycle.OutcomeClosed && s.Close != nil {
		add("closed by: %s %s", closer(*s.Close), s.Close.Reason)
	}
	return lines
}

// parcel is the parcel's number, and what the carrier said of it last.
func parcel(s lifecycle.Status) string {
	words := strings.Join(strings.Fields(s.Facts.Carrier+" "+s.Facts.Tracking+" "+string(s.Parcel)), " ")
	if !s.ParcelAt.IsZero() {
		words += " since " + moment(s.ParcelAt)
	}
	if s.Parcel.Trouble() {
		words += ", somebody has to look after it"
	}
	return words
}

// mover says who moved the order to the stage that it passed, if a person did and
// it is its last visit to that stage.
func mover(s lifecycle.Status, passage int) string {
	stage := s.Passed[passage].Stage
	for _, later := range s.Passed[passage+1:] {
		if later.Stage == stage {
			return ""
		}
	}
	if m, ok := s.Moved(stage); ok {
		return "by " + m.By
	}
	if stage == lifecycle.Closed && s.Close != nil {
		return "by " + closer(*s.Close)
	}
	return ""
}

// closer is a person, if one is known.
func closer(c lifecycle.Close) string { return cmp.Or(c.Person, c.By) }

func moment(t time.Time) string { return t.Local().Format(time.RFC3339) }
