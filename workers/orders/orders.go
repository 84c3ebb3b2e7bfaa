// Package orders is the order workflow as the systems in the workers' processes
// have it, over a Temporal client: start an order, ask something of it, tell it
// something, read it.
package orders

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/trace"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/tracing"
	"ordertrace/workflow"
)

// Orders implements api.Orders.
type Orders struct {
	Temporal tracing.Connection
	// UI is the base URL of the Temporal UI, for links.
	UI string
}

var _ api.Orders = Orders{}

// How long nobody may answer. An order that is asked while no worker is up may
// still grant what was asked, later.
const answerTimeout = 10 * time.Second

// Start implements api.Orders.
func (o Orders) Start(ctx context.Context, order string, in api.NewOrder) (started bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	_, err = o.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       order,
		TaskQueue:                                workflow.TaskQueue,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            fmt.Sprintf("%s order in %s", cmp.Or(in.Source, "b2c"), cmp.Or(in.Material, "a material to be chosen")),
	}, workflow.Name, workflow.Input{Customer: in.Customer, Source: in.Source, Material: in.Material, Model: in.Model, Attended: in.Attended})
	if isStarted(err) {
		return false, nil
	}
	return err == nil, Typed(err, order)
}

// Ask implements api.Orders.
func (o Orders) Ask(ctx context.Context, order, key string, r lifecycle.Request) (lifecycle.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	options := client.UpdateWorkflowOptions{
		WorkflowID: order, UpdateName: r.Verb(), Args: []any{r},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	if key != "" {
		sum := sha256.Sum256([]byte(key)) // callers' words stay out of the history
		options.UpdateID = r.Verb() + "/" + hex.EncodeToString(sum[:16])
	}
	var s lifecycle.Status
	update, err := o.Temporal.UpdateWorkflow(ctx, options)
	if err == nil {
		err = update.Get(ctx, &s)
	}
	switch err = Typed(err, order); {
	case err == nil:
		return s, nil
	case lifecycle.IsDone(err):
		return o.Status(ctx, order)
	case isNotFound(err):
		return o.judge(ctx, order, r)
	default:
		return s, err
	}
}

// judge answers for an order that takes no updates any more, as it would itself.
func (o Orders) judge(ctx context.Context, order string, r lifecycle.Request) (lifecycle.Status, error) {
	s, err := o.Status(ctx, order)
	if err != nil {
		return s, err
	}
	if err := r.Judge(s); err != nil && !lifecycle.IsDone(err) {
		return s, err
	}
	return s, nil
}

// Close implements api.Orders.
func (o Orders) Close(ctx context.Context, order string, c lifecycle.Close) error {
	return o.signal(ctx, order, workflow.SignalClose, c)
}

// Carrier implements api.Orders.
func (o Orders) Carrier(ctx context.Context, order string, e lifecycle.CarrierEvent) error {
	if e.Status == lifecycle.ParcelDelivered {
		return o.Close(ctx, order, lifecycle.Close{By: "carrier", Reason: string(e.Status)})
	}
	return o.signal(ctx, order, workflow.SignalCarrier, e)
}

func (o Orders) signal(ctx context.Context, order, name string, input any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err := Typed(o.Temporal.SignalWorkflow(ctx, order, "", name, input), order)
	if !isNotFound(err) {
		return err
	}
	s, err := o.Status(ctx, order)
	if err != nil {
		return err
	}
	return &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeEnded, Detail: fmt.Sprintf("the order has ended: it was %s", s.Outcome)}
}

// Status implements api.Orders.
func (o Orders) Status(ctx context.Context, order string) (s lifecycle.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	answer, err := o.Temporal.QueryWorkflow(ctx, order, "", workflow.QueryStatus)
	if err != nil {
		return s, Typed(err, order)
	}
	return s, answer.Get(&s)
}

const (
	pageSize = 200
	readers  = 8 // statuses that are read at once
)

// Waiting implements api.Orders. The index says where to look, and may be late;
// each order itself says whether it still waits.
func (o Orders) Waiting(ctx context.Context, stage lifecycle.Stage, limit int) ([]lifecycle.Status, error) {
	waiting := []lifecycle.Status{}
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running' AND %s = '%s'", workflow.Name, workflow.AttributeWaiting, stage)
	for token := []byte(nil); len(waiting) < limit; {
		page, err := o.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			PageSize: int32(min(limit-len(waiting), pageSize)), NextPageToken: token, Query: query,
		})
		if err != nil {
			return nil, Typed(err, "")
		}
		found := make([]lifecycle.Status, len(page.Executions))
		all, reading := errgroup.WithContext(ctx)
		all.SetLimit(readers)
		for i, x := range page.Executions {
			all.Go(func() (err error) {
				if found[i], err = o.Status(reading, x.Execution.WorkflowId); isNotFound(err) {
					return nil // ended and gone since
				}
				return err
			})
		}
		if err := all.Wait(); err != nil {
			return nil, err
		}
		for _, s := range found {
			if s.WaitsFor(stage) {
				waiting = append(waiting, s)
			}
		}
		if token = page.NextPageToken; len(token) == 0 {
			break
		}
	}
	return waiting, nil
}

// Anchor implements api.Orders.
func (o Orders) Anchor(ctx context.Context, order string) (trace.SpanContext, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	sc, err := o.Temporal.Anchor(ctx, order)
	return sc, Typed(err, order)
}

// OfTrace implements api.Orders.
func (o Orders) OfTrace(ctx context.Context, id trace.TraceID) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	page, err := o.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 1, Query: fmt.Sprintf("WorkflowType = '%s' AND %s = '%s'", workflow.Name, tracing.TraceIDAttribute, id),
	})
	if err != nil {
		return "", Typed(err, "")
	}
	if len(page.Executions) == 0 {
		return "", notFound("there is no order with the trace %s", id)
	}
	return page.Executions[0].Execution.WorkflowId, nil
}

// URL implements api.Orders.
func (o Orders) URL(order string) string {
	return fmt.Sprintf("%s/namespaces/%s/workflows/%s", o.UI, url.PathEscape(o.Temporal.Namespace), url.PathEscape(order))
}
