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
)

func TestErrorsSayWhatToDo(t *testing.T) {
	refused := func(r lifecycle.Remedy, code, field string) error {
		e := &lifecycle.Error{Remedy: r, Code: code, Field: field, Detail: "it is so"}
		return fmt.Errorf("wrapped: %w", temporal.NewNonRetryableApplicationError(e.Error(), string(r), nil, *e)) // as it comes over the wire: a value
	}
	lookUp := func(code string) error { return aboutOrder(refused(lifecycle.LookUp, code, ""), "ord-1") }
	answered := func(r lifecycle.Remedy, field string) error {
		return aboutSystem(fmt.Errorf("call: %w", &lifecycle.Error{Remedy: r, Code: "some", Field: field, Detail: "it is so"}), lifecycle.CRM)
	}
	tests := map[string]struct {
		err        error
		says, hint string
	}{
		"the number is taken":       {aboutOrder(serviceerror.NewWorkflowExecutionAlreadyStarted("x", "", ""), "ord-1"), "there is an order ord-1 already", "`starter show ord-1`"},
		"no such order":             {aboutOrder(serviceerror.NewNotFound("no rows"), "ord-1"), `there is no order "ord-1"`, "`starter list`"},
		"nobody answers":            {aboutOrder(serviceerror.NewUnavailable("down"), "ord-1"), "order ord-1: nobody answers", "are Temporal and the shop's worker up?"},
		"nobody answers in time":    {aboutOrder(context.DeadlineExceeded, "ord-1"), "order ord-1: nobody answers", "are Temporal"},
		"no worker takes the query": {aboutOrder(serviceerror.NewWorkflowNotReady("wait"), "ord-1"), "order ord-1: nobody answers", "are Temporal"},
		"anything else":             {aboutOrder(errors.New("odd"), "ord-1"), "order ord-1: odd", ""},

		"the order waits for another stage": {lookUp(lifecycle.CodeNotWaiting), "order ord-1: it is so", "`starter show ord-1`"},
		"the order has ended":               {lookUp(lifecycle.CodeEnded), "order ord-1: it is so", "`starter show ord-1`"},
		"another operator has the order":    {lookUp(lifecycle.CodeWrongPerson), "order ord-1: it is so", "`starter hand-over ord-1"},
		"the order is on its way":           {lookUp(lifecycle.CodeShipped), "order ord-1: it is so", "`starter close ord-1`"},
		"what was asked is wrong": {aboutOrder(refused(lifecycle.FixInput, lifecycle.CodeInvalidRequest, "by"), "ord-1"),
			"order ord-1: by: it is so", "mend the by and try again"},
		"something of it is wrong": {aboutOrder(refused(lifecycle.FixInput, lifecycle.CodeInvalidRequest, ""), "ord-1"), "order ord-1: it is so", "mend the input"},

		"a system finds the input wrong":  {answered(lifecycle.FixInput, "model"), "call: model: it is so", "mend the model"},
		"a system knows no such thing":    {answered(lifecycle.LookUp, ""), "call: it is so", "`starter ticket list`"},
		"a system has trouble of its own": {answered(lifecycle.Retry, ""), "the CRM: call: it is so", "try again in a moment"},
		"a system is down":                {aboutSystem(errors.New("refused"), lifecycle.CRM), "the CRM cannot be reached: refused", "another CRM with CRM_URL"},

		"no trace":  {aboutTrace(fmt.Errorf("jaeger: %w", jaeger.ErrNotFound), "ord-1"), "order ord-1: no such trace in Jaeger", "spans take a second"},
		"no Jaeger": {aboutTrace(errors.New("connection refused"), "ord-1"), "order ord-1: connection refused", "is Jaeger up?"},
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
	require.NoError(t, aboutSystem(nil, lifecycle.Shop))
}

func TestUntilAStage(t *testing.T) {
	passed := []lifecycle.Passage{{Stage: lifecycle.Initiated}, {Stage: lifecycle.FileUploaded}}
	tests := map[string]struct {
		status lifecycle.Status
		want   bool
	}{
		"not yet":      {lifecycle.Status{Passed: passed[:1]}, false},
		"waits for it": {lifecycle.Status{Waiting: &lifecycle.Wait{Stage: lifecycle.FileUploaded}}, true},
		"waits before": {lifecycle.Status{Waiting: &lifecycle.Wait{Stage: lifecycle.Initiated}}, false},
		"has passed":   {lifecycle.Status{Passed: passed}, true},
		"has ended":    {lifecycle.Status{Outcome: lifecycle.OutcomeFailed}, true},
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
		id := lifecycle.NewOrderID(late)
		require.Regexp(t, `^ord-261124-[a-z2-7]{6}$`, id)
		seen[id] = true
	}
	require.Len(t, seen, 100)
}
