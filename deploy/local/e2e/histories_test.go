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
	r.keep(t, o.ID, "sent-back")
}

// A cancelled order is cancelled in every system that has met it.
func TestCancelledOrder(t *testing.T) {
	r := shared
	o := r.start(t)
	r.until(t, o.ID, "CLOSED")
	require.NoError(t, r.temporal.CancelWorkflow(t.Context(), o.ID, ""))
	require.Error(t, r.temporal.GetWorkflow(t.Context(), o.ID, "").Get(t.Context(), nil))
	r.requireOutcome(t, o.ID, lifecycle.OutcomeCancelled)
	r.keep(t, o.ID, "cancelled")
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
	r.keep(t, o.ID, "closed")
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
	b, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&h)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(root, "workflow", "testdata", "histories", name+".json"), b, 0o644))
}
