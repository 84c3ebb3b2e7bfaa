package workflow_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

func said(status lifecycle.ParcelStatus) lifecycle.CarrierEvent {
	return lifecycle.CarrierEvent{ID: "evt-" + string(status), Status: status}
}

func TestCarrierIsHeard(t *testing.T) {
	p := newPlay(nil)
	carrier := func(input any) func() { return func() { p.SignalWorkflow(workflow.SignalCarrier, input) } }
	p.hourly(slices.Concat(p.upTo(t, lifecycle.Submitted, lifecycle.Closed), []func(){
		carrier(said("pre_transit")),
		carrier(said("in_transit")),
		carrier(said("in_transit")), // again: a fact that is told twice is true
		carrier(said("return_to_sender")),
		func() {
			s := p.status(t)
			require.Equal(t, lifecycle.ParcelReturnToSender, s.Parcel)
			require.Equal(t, lifecycle.Closed, s.Waiting.Stage, "somebody has to look: it does not close")
			require.Nil(t, s.Close)
		},
		carrier(said("failure")),
		carrier(said("delivered")),
	})...)
	p.start(attended())

	require.NoError(t, p.GetWorkflowError())
	var r workflow.Result
	require.NoError(t, p.GetWorkflowResult(&r))
	require.Equal(t, [2]string{"carrier", "delivered"}, [2]string{r.By, r.Reason})
	require.Equal(t, []string{
		"carrier pre_transit", "carrier in_transit", "carrier in_transit", "carrier return_to_sender", "carrier failure", "carrier delivered",
	}, p.notes)
	require.Equal(t, lifecycle.StageNames(), p.stages)
	require.Equal(t, []lifecycle.Parcel{{Order: p.endings[0].Order, Carrier: "dhl", Tracking: "JD0146"}}, p.parcels)
}

func TestCarrierIsNotUnderstood(t *testing.T) {
	for name, input := range map[string]any{
		"nothing": nil, "a word": "delivered", "a number": 7, "a list": []string{"delivered"}, "no status": map[string]string{"id": "e-1"},
		"an unknown status": said("lost"), "a status in capitals": said("DELIVERED"), "a status of another kind": map[string]any{"status": 7},
		"a time that is none": map[string]string{"status": "delivered", "at": "yesterday"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlay(nil)
			p.hourly(
				func() { p.SignalWorkflow(workflow.SignalCarrier, input) },
				func() {
					s := p.status(t)
					require.Equal(t, lifecycle.Closed, s.Waiting.Stage)
					require.Empty(t, s.Parcel)
					require.Len(t, s.Ignored, 1)
				},
				func() { p.SignalWorkflow(workflow.SignalClose, nil) },
			)
			p.start(complete())
			require.NoError(t, p.GetWorkflowError())
			require.Equal(t, []string{"ignored carrier"}, p.notes)
		})
	}
}

// Who closed an order first has closed it, whatever the carrier says.
func TestDeliveredAfterTheClose(t *testing.T) {
	p := newPlay(nil)
	p.whenStarted(string(lifecycle.Closed), func() { p.SignalWorkflow(workflow.SignalCarrier, said("delivered")) })
	p.hourly(append(p.upTo(t, lifecycle.Submitted, end), func() {})...)
	p.start(attended())
	require.NoError(t, p.GetWorkflowError())
	s := p.status(t)
	require.Equal(t, lifecycle.ParcelDelivered, s.Parcel)
	require.Equal(t, &lifecycle.Close{By: "manual", Person: "manager-1"}, s.Close)
}

// Carriers are sometimes faster than the operator who types the number in.
func TestEarlyEventsAreAnsweredWithTheParcel(t *testing.T) {
	tests := map[string]struct {
		early  []lifecycle.CarrierEvent
		closed bool
	}{
		"none":                 {nil, false},
		"on its way":           {[]lifecycle.CarrierEvent{said("pre_transit"), said("in_transit")}, false},
		"delivered":            {[]lifecycle.CarrierEvent{said("in_transit"), said("delivered")}, true},
		"delivered and late":   {[]lifecycle.CarrierEvent{said("delivered"), said("in_transit")}, true},
		"trouble does no harm": {[]lifecycle.CarrierEvent{said("failure")}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlay(nil)
			p.expect = func(lifecycle.Parcel) ([]lifecycle.CarrierEvent, error) { return tc.early, nil }
			p.hourly(append(p.upTo(t, lifecycle.Submitted, lifecycle.Closed), func() {
				require.False(t, tc.closed, "it should have ended")
				require.Len(t, p.notes, len(tc.early))
				p.grants(t, move(lifecycle.Closed))
			})...)
			p.start(attended())
			require.NoError(t, p.GetWorkflowError())
			require.Equal(t, lifecycle.StageNames(), p.stages)
			require.Len(t, p.notes, len(tc.early))
			require.Equal(t, tc.closed, p.status(t).Close.By == "carrier")
		})
	}
}

func TestParcelWithoutANumberIsNotExpected(t *testing.T) {
	p := newPlay(nil)
	p.hourly(append(p.upTo(t, lifecycle.Submitted, lifecycle.Shipped),
		func() { p.grants(t, lifecycle.Move{Stage: lifecycle.Shipped, By: "operator-1"}) },
		func() { p.grants(t, move(lifecycle.Closed)) },
	)...)
	p.start(attended())
	require.NoError(t, p.GetWorkflowError())
	require.Empty(t, p.parcels)
}

// An order that is on its way is not lost over its tracking number.
func TestParcelThatTheCRMDoesNotTake(t *testing.T) {
	t.Run("for now", func(t *testing.T) {
		p := newPlay(nil)
		p.expect = func(lifecycle.Parcel) ([]lifecycle.CarrierEvent, error) {
			if len(p.parcels) < 5 {
				return nil, errors.New("connection refused")
			}
			return []lifecycle.CarrierEvent{said("delivered")}, nil
		}
		p.hourly(p.upTo(t, lifecycle.Submitted, lifecycle.Closed)...)
		p.start(attended())
		require.NoError(t, p.GetWorkflowError())
		require.Len(t, p.parcels, 5)
	})
	t.Run("for good", func(t *testing.T) {
		p := newPlay(nil)
		p.expect = func(lifecycle.Parcel) ([]lifecycle.CarrierEvent, error) {
			return nil, refusal(lifecycle.LookUp, "", "another order has this number")
		}
		p.hourly(append(p.upTo(t, lifecycle.Submitted, lifecycle.Closed), func() {
			s := p.status(t)
			require.Equal(t, lifecycle.Closed, s.Waiting.Stage)
			require.Contains(t, s.Problem, "another order has this number")
			p.grants(t, move(lifecycle.Closed))
		})...)
		p.start(attended())
		require.NoError(t, p.GetWorkflowError())
		require.Len(t, p.parcels, 1)
	})
}
