package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func TestTheCRMClosesAnOrderByItsStage(t *testing.T) {
	only(t, lifecycle.CRM, func(t *testing.T, s system) {
		order := s.opened(t)
		in := api.StageRequest{By: "manager-1", Reason: "fetched by the customer", Facts: s.facts}
		_, err := s.Record(t.Context(), order, lifecycle.Closed, api.Key(order, lifecycle.Closed, 1), in, 0)
		require.NoError(t, err)
		got := s.order(t, order)
		require.Equal(t, []string{string(lifecycle.OutcomeClosed), in.By, in.Reason}, []string{string(got.Outcome), got.By, got.Reason})
		require.NoError(t, s.Settle(t.Context(), order, api.OutcomeRequest{Outcome: lifecycle.OutcomeClosed}))
		requireError(t, s.Settle(t.Context(), order, cancelled("customer")), lifecycle.LookUp, lifecycle.CodeConflict)
	})
}

func TestTheCRMWatchesForAnOrdersParcel(t *testing.T) {
	only(t, lifecycle.CRM, func(t *testing.T, s system) {
		expect := func(order, tracking string) ([]lifecycle.CarrierEvent, error) {
			return s.ExpectParcel(t.Context(), lifecycle.Parcel{Order: order, Carrier: "UPS", Tracking: tracking})
		}
		order, other := s.opened(t), s.opened(t)
		tracking := "1Z" + thisRun + order[len(order)-1:]
		for range 2 {
			events, err := expect(order, tracking)
			require.NoError(t, err)
			require.Empty(t, events)
		}
		_, err := expect(other, tracking)
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
		_, err = expect(order, tracking+"0")
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
		_, err = expect(newOrder(), tracking+"1")
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
		_, err = expect(other, "")
		require.Equal(t, "tracking_number", requireError(t, err, lifecycle.FixInput, lifecycle.CodeInvalidRequest).Field)
	})
}
