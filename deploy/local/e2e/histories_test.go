package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"

	"ordertrace/lifecycle"
	"ordertrace/systems/mesh/meshtest"
)

var save = flag.Bool("save", false, "save the histories of orders as new goldens of the replay tests")

// An order that the MES refuses waits for a better model, and goes on with it.
func TestRefusedModelIsReplaced(t *testing.T) {
	r := shared
	huge := filepath.Join(t.TempDir(), "huge.stl")
	f, err := os.Create(huge)
	require.NoError(t, err)
	require.NoError(t, meshtest.WriteBinary(f, "cube", meshtest.Cube(900)))
	require.NoError(t, f.Close())

	o := r.start(t, "--model", huge)
	s := r.waits(t, o.ID, lifecycle.FileUploaded)
	require.Contains(t, s.Problem, "model: the model cannot be priced")

	r.mustStarter(t, "upload", o.ID, "--model", ring)
	r.until(t, o.ID, "CLOSED")
	r.mustStarter(t, "close", o.ID)
	r.until(t, o.ID, "end")
	require.NoError(t, r.temporal.GetWorkflow(t.Context(), o.ID, "").Get(t.Context(), nil))
	r.keep(t, o.ID, "people-sent-back")
}

// An order that is cancelled late is cancelled, and undone, in all systems.
func TestCancelledOrder(t *testing.T) {
	r := shared
	everyone := r.everyone()
	o := r.order(t)
	for _, step := range everyone.Steps(trackingOf(o.ID)) {
		if step.Stage == lifecycle.Shipped {
			break
		}
		require.NoError(t, everyone.Take(t.Context(), o.ID, step))
	}
	require.NoError(t, everyone.Await(t.Context(), o.ID, lifecycle.Shipped))
	require.NoError(t, r.temporal.CancelWorkflow(t.Context(), o.ID, ""))
	require.Error(t, r.ended(t, o.ID))
	r.requireAgreement(t, o.ID)
	r.keep(t, o.ID, "people-cancelled")
}

// Signals that do not fit do no harm.
func TestSignalsThatDoNotFit(t *testing.T) {
	r := shared
	o := r.start(t)
	r.until(t, o.ID, "CLOSED")
	for _, input := range []any{"close it", 42, map[string]string{"by": "carier"}, []string{"carrier"}} {
		require.NoError(t, r.temporal.SignalWorkflow(t.Context(), o.ID, "", "close", input))
	}
	require.NoError(t, r.temporal.SignalWorkflow(t.Context(), o.ID, "", "clsoe", nil))
	require.NoError(t, r.temporal.SignalWorkflow(t.Context(), o.ID, "", "close", map[string]string{"by": "carrier"}))
	s := r.until(t, o.ID, "end")
	require.Len(t, s.Ignored, 4)
	r.requireClosedEverywhere(t, o.ID)
	r.keep(t, o.ID, "people-closed")
}

// keep saves an order's history, if that is asked for.
func (r *rig) keep(t *testing.T, id, name string) {
	t.Helper()
	if !*save {
		return
	}
	var h historypb.History
	events := r.temporal.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		h.Events = append(h.Events, event)
	}
	keys, err := r.PayloadKeys()
	require.NoError(t, err)
	require.NoError(t, decodeAll(t.Context(), keys, &h))
	b, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&h)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "workflow", "testdata", "histories", name+".json"), b, 0o644))
}
