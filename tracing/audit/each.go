package audit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"ordertrace/tracing/jaeger"
)

// A Scope is which orders to look at.
type Scope struct {
	// Type is the workflows' type. Required.
	Type string
	// Since leaves out what has not moved, or was closed, before. Zero: nothing.
	Since time.Time
	// Page is where to go on: that of a Visit. nil: at the beginning.
	Page []byte
	// Rate is how many orders a second at most. Default: as fast as it goes.
	Rate float64
}

// A Visit is an order that was looked at.
type Visit struct {
	Report
	Err  error  // why it could not be looked at
	Page []byte // of the list, where the order stands
}

// OfAll tells whether an error would be the same with every other order: Jaeger
// cannot be reached or does not let one read, or spans do not arrive.
func OfAll(err error) bool {
	var unreachable *url.Error
	return errors.Is(err, ErrNotArriving) || errors.Is(err, jaeger.ErrUnauthorized) || errors.As(err, &unreachable)
}

const pageSize = 100

// Each audits the orders of a scope, one after the other, and calls visit after
// each. It ends with the first error of visit, of the list of orders, or of ctx.
func (a Auditor) Each(ctx context.Context, s Scope, visit func(Visit) error) error {
	query := fmt.Sprintf("WorkflowType = %q", s.Type)
	if !s.Since.IsZero() {
		query += fmt.Sprintf(" AND (ExecutionStatus = 'Running' OR CloseTime >= %q)", s.Since.UTC().Format(time.RFC3339Nano))
	}
	seen := map[string]bool{} // an order with several runs is in the list several times
	for page := s.Page; ; {
		found, err := a.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: a.Temporal.Namespace, Query: query, PageSize: pageSize, NextPageToken: page,
		})
		if err != nil {
			return fmt.Errorf("list of orders: %w", err)
		}
		for _, e := range found.GetExecutions() {
			id := e.GetExecution().GetWorkflowId()
			if seen[id] || !a.moved(ctx, e, s.Since) {
				continue
			}
			seen[id] = true
			report, err := a.Order(ctx, id)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := visit(Visit{Report: report, Err: err, Page: page}); err != nil {
				return err
			}
			if err := rest(ctx, s.pause()); err != nil {
				return err
			}
		}
		if page = found.GetNextPageToken(); len(page) == 0 {
			return nil
		}
	}
}

// moved tells whether anything happened to an open order since; if that is not to
// be known, it is looked at.
func (a Auditor) moved(ctx context.Context, e *workflowpb.WorkflowExecutionInfo, since time.Time) bool {
	if since.IsZero() || e.GetCloseTime() != nil {
		return true
	}
	last, err := a.Temporal.WorkflowService().GetWorkflowExecutionHistoryReverse(ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
		Namespace: a.Temporal.Namespace, MaximumPageSize: 1,
		Execution: &commonpb.WorkflowExecution{WorkflowId: e.GetExecution().GetWorkflowId(), RunId: e.GetExecution().GetRunId()},
	})
	if err != nil || len(last.GetHistory().GetEvents()) == 0 {
		return true
	}
	return !last.GetHistory().GetEvents()[0].GetEventTime().AsTime().Before(since)
}

// pause is between one order and the next.
func (s Scope) pause() time.Duration {
	if s.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / s.Rate)
}

func rest(ctx context.Context, pause time.Duration) error {
	if pause <= 0 {
		return ctx.Err()
	}
	over := time.NewTimer(pause)
	defer over.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-over.C:
		return nil
	}
}

// A Summary counts what an audit of many orders found.
type Summary struct {
	Looked   int `json:"looked"`
	Whole    int `json:"whole"`    // as they were found
	Repaired int `json:"repaired"` // whole now
	Added    int `json:"added"`    // spans
	NotWhole int `json:"not_whole"`
	// Unrepairable are orders that are not whole, and why: at most maxNamed.
	Unrepairable map[string]string `json:"unrepairable,omitempty"`
}

const maxNamed = 1000

// Add counts an order in.
func (s *Summary) Add(v Visit) {
	s.Looked++
	s.Added += v.Added
	switch why := v.Why(); {
	case why != "":
		s.NotWhole++
		if s.Unrepairable == nil {
			s.Unrepairable = map[string]string{}
		}
		if len(s.Unrepairable) < maxNamed {
			s.Unrepairable[v.WorkflowID] = why
		}
	case v.Added > 0:
		s.Repaired++
	default:
		s.Whole++
	}
}

// Why is why an order's trace is not whole, or could not be looked at; "" if it is.
func (v Visit) Why() string {
	if v.Err != nil {
		return v.Err.Error()
	}
	return v.Report.Why()
}
