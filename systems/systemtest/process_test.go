package systemtest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/crm"
	"ordertrace/systems/mes"
	"ordertrace/systems/store/storetest"
)

func TestOrdersOutliveTheProcess(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := r.opened(t)
		before, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		r = r.reopen(t)
		after, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		require.Equal(t, before, after)
		r.record(t, order, r.stages[1])
	})
}

func TestADatabaseBelongsToOneSystem(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		first, err := crm.New(t.Context(), crm.Config{DSN: dsn})
		require.NoError(t, err)
		defer first.Close()
		_, err = mes.New(t.Context(), mes.Config{DSN: dsn})
		require.ErrorContains(t, err, "is the database another system's?")
	})
}

func TestHealthFollowsTheDatabase(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		status, body := r.get(t, "/healthz")
		require.Equal(t, http.StatusOK, status, body)
		require.NoError(t, r.Close())
		status, body = r.get(t, "/healthz")
		require.Equal(t, http.StatusServiceUnavailable, status, body)
		require.NotContains(t, body, "sql:", "the system's own words stay in its log")
	})
}

func TestACallThatIsBrokenOffLeavesAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := r.opened(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.system.Record(ctx, order, r.stages[1], api.Key(order, r.stages[1], 1), api.StageRequest{Facts: r.facts}, 0)
		require.ErrorIs(t, err, context.Canceled)
		r.record(t, order, r.stages[1])
	})
}

// No system could have recorded it, so nothing of it stands.
func TestThereIsNothingToUndoOfAnOrderThatCannotBe(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		require.NoError(t, r.Client.Undo(t.Context(), "a\x00b", r.stages[0]))
		err := r.Client.Settle(t.Context(), "a\x00b", api.OutcomeRequest{Outcome: lifecycle.OutcomeCancelled})
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
	})
}

func TestTimesAreOursInUTC(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		before := time.Now().Add(-time.Millisecond)
		order := r.opened(t)
		require.NoError(t, r.Client.Undo(t.Context(), order, r.stages[0]))
		got, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		for _, at := range []time.Time{got.CreatedAt, got.UpdatedAt, got.Stages[0].RecordedAt, *got.Stages[0].UndoneAt} {
			require.WithinRange(t, at, before, time.Now())
			require.Equal(t, time.UTC, at.Location())
		}
	})
}
