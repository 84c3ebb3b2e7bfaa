package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"ordertrace/lifecycle"
	"ordertrace/tracing/jaeger"
	"ordertrace/workflow"
)

func TestErrorsSayWhatToDo(t *testing.T) {
	remedied := func(r lifecycle.Remedy, field string) error {
		e := &lifecycle.Error{Remedy: r, Field: field, Detail: "it is open"}
		return fmt.Errorf("wrapped: %w", temporal.NewNonRetryableApplicationError(e.Error(), string(r), nil, *e)) // as it comes over the wire: a value
	}
	tests := map[string]struct {
		err        error
		says, hint string
	}{
		"the number is taken":       {aboutOrder(serviceerror.NewWorkflowExecutionAlreadyStarted("x", "", ""), "ord-1"), "there is an order ord-1 already", "`starter show ord-1`"},
		"no such order":             {aboutOrder(serviceerror.NewNotFound("no rows"), "ord-1"), "order ord-1: no rows", "`starter list`"},
		"nobody answers":            {aboutOrder(serviceerror.NewUnavailable("down"), "ord-1"), "order ord-1: down", "are Temporal and the shop's worker up?"},
		"nobody answers in time":    {aboutOrder(context.DeadlineExceeded, "ord-1"), "order ord-1: context deadline", "nobody answers for it"},
		"no worker takes the query": {aboutOrder(serviceerror.NewWorkflowNotReady("wait"), "ord-1"), "order ord-1: wait", "nobody answers for it"},
		"anything else":             {aboutOrder(errors.New("odd"), "ord-1"), "order ord-1: odd", ""},
		"the model is wrong":        {refusal(remedied(lifecycle.FixInput, "model")), "model: it is open", "mend the model"},
		"something is wrong":        {refusal(remedied(lifecycle.FixInput, "")), "it is open", "mend the input"},
		"the order is elsewhere":    {refusal(remedied(lifecycle.LookUp, "")), "it is open", "`starter show ORDER`"},
		"it may pass":               {refusal(remedied(lifecycle.Retry, "")), "it is open", "try again in a moment"},
		"no trace":                  {aboutTrace(fmt.Errorf("jaeger: %w", jaeger.ErrNotFound), "ord-1"), "order ord-1: no such trace in Jaeger", "spans take a second"},
		"no Jaeger":                 {aboutTrace(errors.New("connection refused"), "ord-1"), "order ord-1: connection refused", "is Jaeger up?"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			tell(&out, tc.err)
			first, second, _ := strings.Cut(out.String(), "\n")
			require.True(t, strings.HasPrefix(first, "starter: "+tc.says), first)
			if tc.hint == "" {
				require.Empty(t, second)
				return
			}
			require.True(t, strings.HasPrefix(second, "hint: "), second)
			require.Contains(t, second, tc.hint)
		})
	}
	require.NoError(t, aboutOrder(nil, "ord-1"))
}

func TestStanding(t *testing.T) {
	since := time.Date(2026, 11, 23, 12, 0, 0, 0, time.Local)
	tests := map[string]workflow.Status{
		"starting":        {},
		"after SUBMITTED": {Stage: lifecycle.Submitted},
		"waits for CLOSED (carrier) since " + since.Format(time.RFC3339): {
			Stage: lifecycle.Shipped, Waiting: &workflow.Wait{Stage: lifecycle.Closed, For: lifecycle.Carrier, Since: since}},
		"closed":    {Stage: lifecycle.Closed, Outcome: lifecycle.OutcomeClosed},
		"cancelled": {Stage: lifecycle.Submitted, Outcome: lifecycle.OutcomeCancelled},
	}
	for want, s := range tests {
		require.Equal(t, want, standing(s))
	}
}

func TestUntilAStage(t *testing.T) {
	passed := []workflow.Passage{{Stage: lifecycle.Initiated}, {Stage: lifecycle.FileUploaded}}
	tests := map[string]struct {
		status workflow.Status
		want   bool
	}{
		"not yet":      {workflow.Status{Passed: passed[:1]}, false},
		"waits for it": {workflow.Status{Waiting: &workflow.Wait{Stage: lifecycle.FileUploaded}}, true},
		"waits before": {workflow.Status{Waiting: &workflow.Wait{Stage: lifecycle.Initiated}}, false},
		"has passed":   {workflow.Status{Passed: passed}, true},
		"has ended":    {workflow.Status{Outcome: lifecycle.OutcomeFailed}, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, untilAt(lifecycle.FileUploaded)(tc.status))
			require.Equal(t, tc.status.Outcome != "", untilEnd(tc.status))
		})
	}
}

func TestNewOrdersNumberIsOfItsDay(t *testing.T) {
	late := time.Date(2026, 11, 23, 23, 59, 0, 0, time.FixedZone("west", -5*3600))
	seen := map[string]bool{}
	for range 100 {
		id := newOrderID(late)
		require.Regexp(t, `^ord-261124-[a-z2-7]{6}$`, id)
		seen[id] = true
	}
	require.Len(t, seen, 100)
}
