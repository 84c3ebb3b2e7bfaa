package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"ordertrace/lifecycle"
	"ordertrace/workers/orders"
)

// until says when a follower has seen enough.
type until func(lifecycle.Status) bool

func untilEnd(s lifecycle.Status) bool { return s.Outcome != "" }

func untilAt(stage lifecycle.Stage) until {
	return func(s lifecycle.Status) bool {
		if s.Outcome != "" || (s.Waiting != nil && s.Waiting.Stage == stage) {
			return true
		}
		for _, p := range s.Passed {
			if p.Stage == stage {
				return true
			}
		}
		return false
	}
}

// follow tells on standard error how an order goes, as its history grows, until
// it has seen enough or the order has ended. It fails if the order did not end
// well.
func follow(e *environment, order string, enough until) error {
	temporal, err := e.temporal()
	if err != nil {
		return err
	}
	var told progress
	var last lifecycle.Status
	history := temporal.GetWorkflowHistory(e.ctx, order, "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return aboutOrder(err, order)
		}
		if event.EventType != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue // nothing that the order decided
		}
		if last, err = queryStatus(e.ctx, e, order); err != nil {
			return err
		}
		told.tell(e.stderr, last)
		if enough(last) && last.Outcome == "" {
			return nil
		}
	}
	err = temporal.GetWorkflow(e.ctx, order, "").Get(e.ctx, nil)
	switch {
	case err == nil:
		return nil
	case last.Cancel != nil:
		err = errors.New("it was cancelled")
	default:
		err = orders.Typed(err, order)
	}
	return hinted(fmt.Errorf("order %s did not close: %w", order, err), "`starter show %s` tells more", order)
}

// progress remembers what was told already.
type progress struct {
	passed    int
	waiting   lifecycle.Stage
	overdue   bool
	parcel    lifecycle.ParcelStatus
	cancelled bool
}

// tell tells what is new.
func (p *progress) tell(w io.Writer, s lifecycle.Status) {
	for ; p.passed < len(s.Passed); p.passed++ {
		passage := s.Passed[p.passed]
		line(w, passage.At, strings.TrimSpace(string(passage.Stage)+" "+mover(s, p.passed)))
		p.waiting = ""
	}
	if s.Parcel != p.parcel {
		p.parcel = s.Parcel
		more(w, "parcel: "+parcel(s))
	}
	if s.Cancel != nil && !p.cancelled {
		p.cancelled = true
		more(w, "cancelled by "+s.Cancel.By)
	}
	if s.Waiting == nil {
		return
	}
	if s.Waiting.Stage != p.waiting {
		p.waiting, p.overdue = s.Waiting.Stage, false
		p.tellWait(w, s)
	}
	if s.Waiting.Overdue && !p.overdue {
		p.overdue = true
		line(w, s.Waiting.Due, "overdue: "+string(s.Waiting.Stage))
	}
}

func (p *progress) tellWait(w io.Writer, s lifecycle.Status) {
	line(w, s.Waiting.Since, fmt.Sprintf("waits for %s (%s)", s.Waiting.Stage, s.Waiting.For))
	if s.Problem != "" {
		more(w, s.Problem)
	}
	switch s.Waiting.Stage {
	case lifecycle.Closed:
		more(w, "close it with: starter close "+s.OrderID)
	case lifecycle.FileUploaded:
		more(w, "give it a model with: starter upload "+s.OrderID+" --model FILE")
	default:
		more(w, fmt.Sprintf("move it on with: starter advance %s %s --by WHO", s.OrderID, s.Waiting.Stage))
	}
}

func line(w io.Writer, at time.Time, words string) {
	fmt.Fprintf(w, "%s  %s\n", at.Local().Format("15:04:05"), words)
}

func more(w io.Writer, words string) { fmt.Fprintf(w, "          %s\n", words) }
