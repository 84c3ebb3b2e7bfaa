package main

import (
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

// until says when a follower has seen enough.
type until func(workflow.Status) bool

func untilEnd(s workflow.Status) bool { return s.Outcome != "" }

func untilAt(stage lifecycle.Stage) until {
	return func(s workflow.Status) bool {
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
	history := temporal.GetWorkflowHistory(e.ctx, order, "", true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return aboutOrder(err, order)
		}
		if event.EventType != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue // nothing that the order decided
		}
		s, err := queryStatus(e.ctx, e, order)
		if err != nil {
			return err
		}
		told.tell(e, s)
		if enough(s) && s.Outcome == "" {
			return nil
		}
	}
	if err := temporal.GetWorkflow(e.ctx, order, "").Get(e.ctx, nil); err != nil {
		return refusal(fmt.Errorf("order %s did not close: %w", order, err))
	}
	return nil
}

// progress remembers what was told already.
type progress struct {
	passed  int
	waiting lifecycle.Stage
}

func (p *progress) tell(e *environment, s workflow.Status) {
	for ; p.passed < len(s.Passed); p.passed++ {
		fmt.Fprintf(e.stderr, "%s  %s\n", s.Passed[p.passed].At.Local().Format("15:04:05"), s.Passed[p.passed].Stage)
		p.waiting = ""
	}
	if s.Waiting == nil || s.Waiting.Stage == p.waiting {
		return
	}
	p.waiting = s.Waiting.Stage
	fmt.Fprintf(e.stderr, "%s  waits for %s (%s)\n", s.Waiting.Since.Local().Format("15:04:05"), s.Waiting.Stage, s.Waiting.For)
	if s.Problem != "" {
		fmt.Fprintf(e.stderr, "          %s\n          give it a better one: starter upload %s --model FILE\n", s.Problem, s.OrderID)
	}
	if s.Waiting.Stage == lifecycle.Closed {
		fmt.Fprintf(e.stderr, "          close it with: starter close %s\n", s.OrderID)
	}
}
