package e2e

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"ordertrace/workflow"
)

// A workflow task that Temporal does not accept, here because another signal came
// just before the end, is done again later. What it told must not stand in the
// trace beside what the second one tells.
func TestSignalsThatRaceWithTheEnd(t *testing.T) {
	r := shared
	refused := 0
	for range 5 {
		o := atTheLastGate(t, r)
		var senders errgroup.Group
		for range 4 {
			senders.Go(func() error {
				for {
					err := r.temporal.SignalWorkflow(t.Context(), o.ID, "", workflow.SignalClose, nil)
					var ended *serviceerror.NotFound
					if errors.As(err, &ended) {
						return nil
					}
					if err != nil {
						return err
					}
				}
			})
		}
		require.NoError(t, senders.Wait())
		require.NoError(t, r.ended(t, o.ID))
		events := r.events(t, o.ID)
		refused += events[enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED]
		want := closedOrder().plus(tally{
			"signal close":  events[enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED],
			"ignored close": len(r.status(t, o.ID).Ignored),
		})

		before := r.requireFacts(t, o.ID, want)
		r.restart(t, "shop", syscall.SIGKILL)
		r.status(t, o.ID)
		require.Equal(t, before, r.requireFacts(t, o.ID, want), "a replay from the history says something else")
	}
	t.Log(refused, "workflow tasks were not accepted")
	require.Positive(t, refused, "nothing was tried")
}

// events counts the events of an order's history by their type.
func (r *rig) events(t *testing.T, id string) map[enumspb.EventType]int {
	t.Helper()
	out := map[enumspb.EventType]int{}
	events := r.temporal.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		out[event.EventType]++
	}
	return out
}
