package workflow_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

// FuzzSignals sends any bytes as the input of each signal to an order that waits
// at any gate. What the order does not take changes nothing but what it notes as
// ignored; what it takes does what the input says, and no more; and then the
// order can be finished as ever.
func FuzzSignals(f *testing.F) {
	signals := []string{workflow.SignalMove, workflow.SignalClose, workflow.SignalCarrier}
	f.Fuzz(func(t *testing.T, signal, gate uint8, data []byte) {
		name, at := signals[int(signal)%len(signals)], gates[int(gate)%len(gates)]
		var before, after lifecycle.Status
		p := newPlay(nil)
		p.hourly(append(p.upTo(t, lifecycle.Submitted, at),
			func() {
				before = p.status(t)
				p.SignalWorkflow(name, converter.NewRawValue(&commonpb.Payload{
					Metadata: map[string][]byte{converter.MetadataEncoding: []byte(converter.MetadataEncodingJSON)}, Data: data,
				}))
			},
			func() { after = p.status(t) },
		)...)
		p.RegisterDelayedCallback(func() { p.finish(t) }, 24*time.Hour)
		p.start(attended())

		require.NoError(t, p.GetWorkflowError(), "the order is lost")
		require.Equal(t, lifecycle.StageNames(), p.stages, "each stage once, in order")
		require.Equal(t, at, before.Waiting.Stage)
		if after.OrderID == "" { // the signal closed it
			after = p.status(t)
		}
		if ignored := after.Ignored; len(ignored) > 0 {
			require.Len(t, ignored, 1)
			require.Less(t, len(ignored[0]), 1000, "what was sent is not kept whole")
			after.Ignored = nil
			require.Equal(t, before, after)
			return
		}
		requireSaid(t, name, data, before, after)
	})
}

// finish moves the order on, gate by gate, until it ends.
func (p *play) finish(t *testing.T) {
	if w := p.status(t).Waiting; w != nil {
		m := move(w.Stage)
		if w.Stage == lifecycle.ManufacturingCompleted {
			m.By = p.status(t).Facts.Operator
		}
		p.grants(t, m)
	}
	p.RegisterDelayedCallback(func() { p.finish(t) }, time.Hour)
}

// requireSaid wants what changed to be what the input says.
func requireSaid(t *testing.T, signal string, data []byte, before, after lifecycle.Status) {
	t.Helper()
	at := before.Waiting.Stage
	switch signal {
	case workflow.SignalMove:
		var m lifecycle.Move
		require.NoError(t, json.Unmarshal(data, &m))
		require.Equal(t, at, m.Stage)
		require.NotEmpty(t, m.By)
		require.Equal(t, append(before.Moves, m), after.Moves)
		if at == lifecycle.Closed {
			require.Equal(t, lifecycle.OutcomeClosed, after.Outcome)
		} else {
			require.Equal(t, gates[slices.Index(gates, at)+1], after.Waiting.Stage, "one gate on")
		}
	case workflow.SignalClose:
		require.NotNil(t, after.Close)
		require.Contains(t, []string{"carrier", "manual"}, after.Close.By)
		require.LessOrEqual(t, len(after.Close.Reason), 500)
		require.LessOrEqual(t, len(after.Close.Person), 100)
	case workflow.SignalCarrier:
		var e lifecycle.CarrierEvent
		require.NoError(t, json.Unmarshal(data, &e))
		require.True(t, e.Status.Known())
		if !e.At.Before(before.ParcelAt) {
			require.Equal(t, e.Status, after.Parcel)
		}
		require.Equal(t, e.Status == lifecycle.ParcelDelivered, after.Close != nil)
	}
	if at != lifecycle.Closed && signal != workflow.SignalMove {
		after.Close, after.Parcel, after.ParcelAt = nil, "", time.Time{}
		require.True(t, reflect.DeepEqual(before, after), "it is kept until then: %+v became %+v", before, after)
	}
}
