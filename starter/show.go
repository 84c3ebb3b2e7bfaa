package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/cenkalti/backoff/v5"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

type showCmd struct {
	Order string `arg:"" help:"The order's number."`
	Until string `placeholder:"STAGE" help:"First wait until the order waits for this stage or has passed it; \"end\": until it has ended."`
}

func (c *showCmd) Run(e *environment) error {
	if c.Until != "" {
		until := untilEnd
		if c.Until != "end" {
			step, err := lifecycle.Find(lifecycle.Stage(c.Until))
			if err != nil {
				return hinted(err, "--until takes one of them, or end")
			}
			until = untilAt(step.Stage)
		}
		if err := follow(e, c.Order, until); err != nil {
			return err
		}
	}
	s, err := queryStatus(e.ctx, e, c.Order)
	if err != nil {
		return err
	}
	return e.answer(s, func(w io.Writer) { printStatus(w, s) })
}

// queryTries is how long an order is asked how it stands. A worker that has just
// died leaves its orders' queries unanswered for some seconds.
const queryTries = 30 * time.Second

func queryStatus(ctx context.Context, e *environment, order string) (lifecycle.Status, error) {
	o, err := e.orders()
	if err != nil {
		return lifecycle.Status{}, err
	}
	s, err := backoff.Retry(ctx, func() (lifecycle.Status, error) {
		s, err := o.Status(ctx, order)
		if err != nil && !mayPass(err) {
			return s, backoff.Permanent(err)
		}
		return s, err
	}, backoff.WithMaxElapsedTime(queryTries))
	return s, aboutOrder(err, order)
}

type listCmd struct {
	Limit int `default:"20" help:"How many, at most 1000."`
}

// listed is one row of the command list.
type listed struct {
	OrderID string    `json:"order_id"`
	RunID   string    `json:"run_id"`
	Started time.Time `json:"started"`
	Status  string    `json:"status"` // as Temporal has it: Running, Completed, …
	Stands  string    `json:"stands,omitempty"`
}

func (c *listCmd) Run(e *environment) error {
	temporal, err := e.temporal()
	if err != nil {
		return err
	}
	page, err := temporal.ListWorkflow(e.ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: int32(min(max(c.Limit, 1), 1000)), Query: fmt.Sprintf("WorkflowType = '%s'", workflow.Name),
	})
	if err != nil {
		return fmt.Errorf("orders: %w", err)
	}
	rows := make([]listed, 0, len(page.Executions))
	for _, x := range page.Executions {
		rows = append(rows, rowOf(e, x))
	}
	return e.answer(rows, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ORDER\tSTARTED\tSTATUS\tSTANDS")
		for _, r := range rows {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", r.OrderID, r.Started.Local().Format(time.DateTime), r.Status, r.Stands)
		}
		t.Flush()
	})
}

// rowOf asks only an open order where it stands: an ended one says it by its
// status.
func rowOf(e *environment, x *workflowpb.WorkflowExecutionInfo) listed {
	r := listed{
		OrderID: x.Execution.WorkflowId, RunID: x.Execution.RunId,
		Started: x.StartTime.AsTime(), Status: x.Status.String(),
	}
	if x.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		r.Stands = "unknown: nobody answers for it"
		if s, err := queryStatus(e.ctx, e, r.OrderID); err == nil {
			r.Stands = standing(s)
		}
	}
	return r
}
