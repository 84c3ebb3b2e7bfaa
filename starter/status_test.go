package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

var (
	since = time.Date(2026, 11, 23, 12, 0, 0, 0, time.Local)
	due   = since.Add(24 * time.Hour)
)

func TestStanding(t *testing.T) {
	tests := map[string]lifecycle.Status{
		"starting":         {},
		"after SUBMITTED":  {Stage: lifecycle.Submitted},
		"comes to SHIPPED": {Stage: lifecycle.Packaging, Passing: lifecycle.Shipped},
		"being cancelled":  {Stage: lifecycle.Submitted, Cancel: &lifecycle.Cancellation{By: "jane"}},
		"closed":           {Stage: lifecycle.Closed, Outcome: lifecycle.OutcomeClosed},
		"cancelled":        {Stage: lifecycle.Submitted, Outcome: lifecycle.OutcomeCancelled, Cancel: &lifecycle.Cancellation{By: "jane"}},
		"waits for CLOSED (carrier) since " + since.Format(time.RFC3339): {
			Stage: lifecycle.Shipped, Waiting: &lifecycle.Wait{Stage: lifecycle.Closed, For: lifecycle.Carrier, Since: since}},
		"waits for PACKAGING (operator) since " + since.Format(time.RFC3339) + ", overdue since " + due.Format(time.RFC3339): {
			Waiting: &lifecycle.Wait{Stage: lifecycle.Packaging, For: lifecycle.Operator, Since: since, Due: due, Overdue: true}},
	}
	for want, s := range tests {
		require.Equal(t, want, standing(s))
	}
}

func TestRemarks(t *testing.T) {
	tests := map[string]struct {
		status lifecycle.Status
		want   []string
	}{
		"nothing to say": {lifecycle.Status{}, nil},
		"sent back":      {lifecycle.Status{Problem: "the model is open"}, []string{"sent back: the model is open"}},
		"rejected": {lifecycle.Status{Problem: "too thin", Rejected: &lifecycle.Rejection{By: "manager-1", Reason: "too thin"}},
			[]string{"rejected by manager-1: too thin"}},
		"cancelled": {lifecycle.Status{Cancel: &lifecycle.Cancellation{By: "jane", Reason: "a gift no more"}},
			[]string{"cancelled by jane: a gift no more"}},
		"cancelled for no reason": {lifecycle.Status{Cancel: &lifecycle.Cancellation{By: "jane"}}, []string{"cancelled by jane"}},
		"not all undone": {lifecycle.Status{Problem: "SUBMITTED was not undone", Cancel: &lifecycle.Cancellation{By: "jane"}},
			[]string{"problem: SUBMITTED was not undone", "cancelled by jane"}},
		"in production": {lifecycle.Status{Facts: lifecycle.Facts{Operator: "op-1", Material: "silver-925", Price: &lifecycle.Money{Amount: 1999, Currency: "EUR"}}},
			[]string{"price: 19.99 EUR in silver-925", "operator: op-1"}},
		"shipped":    {lifecycle.Status{Facts: lifecycle.Facts{Carrier: "UPS", Tracking: "1Z9"}}, []string{"parcel: UPS 1Z9"}},
		"on its way": {lifecycle.Status{Parcel: lifecycle.ParcelInTransit, Facts: lifecycle.Facts{Carrier: "UPS", Tracking: "1Z9"}}, []string{"parcel: UPS 1Z9 in_transit"}},
		"in somebody's hands": {lifecycle.Status{Parcel: lifecycle.ParcelOutForDelivery, ParcelAt: since},
			[]string{"parcel: out_for_delivery since " + since.Format(time.RFC3339)}},
		"comes back": {lifecycle.Status{Parcel: lifecycle.ParcelReturnToSender, Facts: lifecycle.Facts{Carrier: "UPS", Tracking: "1Z9"}},
			[]string{"parcel: UPS 1Z9 return_to_sender, somebody has to look after it"}},
		"closed by the carrier": {lifecycle.Status{Outcome: lifecycle.OutcomeClosed, Close: &lifecycle.Close{By: "carrier", Reason: "delivered"}},
			[]string{"closed by: carrier delivered"}},
		"closed by a person": {lifecycle.Status{Outcome: lifecycle.OutcomeClosed, Close: &lifecycle.Close{By: "manual", Person: "jane"}},
			[]string{"closed by: jane"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, remarks(tc.status)) })
	}
}

func TestAStatusSaysWhoMovedTheOrderWhere(t *testing.T) {
	s := lifecycle.Status{
		OrderID: "ord-1", Stage: lifecycle.Submitted, Passing: lifecycle.PriceCalculated,
		Passed: []lifecycle.Passage{
			{Stage: lifecycle.Initiated, At: since}, {Stage: lifecycle.FileUploaded, At: since},
			{Stage: lifecycle.Submitted, At: since}, // before it was sent back
			{Stage: lifecycle.FileUploaded, At: due}, {Stage: lifecycle.Submitted, At: due},
		},
		Moves:   []lifecycle.Move{{Stage: lifecycle.Submitted, By: "customer-1"}},
		Ignored: []string{"advance: the order does not wait for SHIPPED"},
	}
	var out bytes.Buffer
	printStatus(&out, s)
	early, late := since.Format(time.RFC3339), due.Format(time.RFC3339)
	require.Equal(t, []string{
		"order ord-1: comes to PRICE_CALCULATED",
		"  INITIATED      " + early, "  FILE_UPLOADED  " + early, "  SUBMITTED      " + early,
		"  FILE_UPLOADED  " + late, "  SUBMITTED      " + late + "  by customer-1",
		"ignored: advance: the order does not wait for SHIPPED",
	}, lines(out))
}

func lines(out bytes.Buffer) (all []string) {
	for line := range strings.Lines(out.String()) {
		all = append(all, strings.TrimSuffix(line, "\n"))
	}
	return all
}

func TestAFollowerTellsWhatIsNewOnce(t *testing.T) {
	wait := lifecycle.Wait{Stage: lifecycle.Packaging, For: lifecycle.Operator, Since: since, Due: due}
	overdue := wait
	overdue.Overdue = true
	passed := []lifecycle.Passage{{Stage: lifecycle.Initiated, At: since}}
	closing := lifecycle.Wait{Stage: lifecycle.Closed, For: lifecycle.Carrier, Since: due}
	steps := []struct {
		status lifecycle.Status
		want   []string
	}{
		{lifecycle.Status{OrderID: "ord-1", Passed: passed}, []string{"12:00:00  INITIATED"}},
		{lifecycle.Status{OrderID: "ord-1", Passed: passed, Waiting: &wait}, []string{
			"12:00:00  waits for PACKAGING (operator)", "          move it on with: starter advance ord-1 PACKAGING --by WHO"}},
		{lifecycle.Status{OrderID: "ord-1", Passed: passed, Waiting: &overdue}, []string{"12:00:00  overdue: PACKAGING"}},
		{lifecycle.Status{OrderID: "ord-1", Passed: append(passed, lifecycle.Passage{Stage: lifecycle.Packaging, At: due}),
			Moves: []lifecycle.Move{{Stage: lifecycle.Packaging, By: "op-1"}}, Waiting: &closing}, []string{
			"12:00:00  PACKAGING by op-1", "12:00:00  waits for CLOSED (carrier)", "          close it with: starter close ord-1"}},
		{lifecycle.Status{OrderID: "ord-1", Passed: append(passed, passed...), Waiting: &closing, Parcel: lifecycle.ParcelFailure}, []string{
			"          parcel: failure, somebody has to look after it"}},
		{lifecycle.Status{OrderID: "ord-1", Passed: append(passed, passed...), Parcel: lifecycle.ParcelFailure, Cancel: &lifecycle.Cancellation{By: "jane"}}, []string{
			"          cancelled by jane"}},
	}
	var told progress
	for _, step := range steps {
		for _, want := range [][]string{step.want, nil} {
			var out bytes.Buffer
			told.tell(&out, step.status)
			require.Equal(t, want, lines(out))
		}
	}
}
