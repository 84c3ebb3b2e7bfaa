package mes_test

import (
	"context"
	"database/sql"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mes"
	"ordertrace/systems/store/storetest"
)

// workOrder is what the MES's own table says.
type workOrder struct {
	Operator                                                string
	Started, Completed, Packed, Shipped, Released, Scrapped bool
}

func (r running) workOrder(t *testing.T, order string) (w workOrder, started time.Time) {
	t.Helper()
	require.NoError(t, r.DB().QueryRow(`SELECT operator, started_at, started_at IS NOT NULL, completed_at IS NOT NULL, packed_at IS NOT NULL,
		shipped_at IS NOT NULL, released_at IS NOT NULL, scrapped_at IS NOT NULL FROM work_orders WHERE order_id = $1`, order).
		Scan(&w.Operator, &started, &w.Started, &w.Completed, &w.Packed, &w.Shipped, &w.Released, &w.Scrapped))
	return w, started
}

// visit records a stage, moved on by somebody, with the operator that is known.
func (r running) visit(t *testing.T, stage lifecycle.Stage, visit int, by, operator string) error {
	facts := r.facts()
	facts.Operator = operator
	_, err := r.Client.Record(t.Context(), "o", stage, api.Key("o", stage, visit), api.StageRequest{By: by, Facts: facts}, 0)
	return err
}

func TestACancelledOrdersWorkIsTakenBack(t *testing.T) {
	d := newDoor(t)
	storetest.Each(t, func(t *testing.T, dsn string) {
		r := start(t, d, mes.Config{DSN: dsn})
		for _, stage := range []lifecycle.Stage{
			lifecycle.PriceCalculated, lifecycle.ManufacturingStarted, lifecycle.ManufacturingCompleted, lifecycle.Packaging,
		} {
			require.NoError(t, r.visit(t, stage, 1, "op-7", "op-7"))
		}
		for _, step := range []struct {
			undo lifecycle.Stage
			want workOrder
		}{
			{lifecycle.Packaging, workOrder{Operator: "op-7", Started: true, Completed: true}},
			{lifecycle.ManufacturingCompleted, workOrder{Operator: "op-7", Started: true, Scrapped: true}},
			{lifecycle.ManufacturingStarted, workOrder{Started: true, Scrapped: true, Released: true}},
		} {
			require.NoError(t, r.Client.Undo(t.Context(), "o", step.undo))
			got, _ := r.workOrder(t, "o")
			require.Equal(t, step.want, got, step.undo)
		}
		require.Equal(t, []bool{false}, r.quotes(t))
		require.NoError(t, r.Client.Undo(t.Context(), "o", lifecycle.PriceCalculated))
		require.Equal(t, []bool{true}, r.quotes(t))

		requireError(t, r.visit(t, lifecycle.ManufacturingStarted, 2, "op-8", "op-8"), lifecycle.LookUp, lifecycle.CodeConflict)
		got, _ := r.workOrder(t, "o")
		require.Empty(t, got.Operator, "nobody takes it any more")
		order, err := r.Order(t.Context(), "o")
		require.NoError(t, err)
		require.Equal(t, "op-7", order.Stages[1].By, "the books know who did the work")
	})
}

// quotes tells of each of the order's quotes, in their order, whether it was
// withdrawn.
func (r running) quotes(t *testing.T) (withdrawn []bool) {
	t.Helper()
	rows, err := r.DB().Query(`SELECT withdrawn_at FROM quotes WHERE order_id = 'o' ORDER BY idempotency_key`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var at sql.NullTime
		require.NoError(t, rows.Scan(&at))
		withdrawn = append(withdrawn, at.Valid)
	}
	require.NoError(t, rows.Err())
	return withdrawn
}

func TestAShippedOrderIsNotTakenBack(t *testing.T) {
	d := newDoor(t)
	r := start(t, d, mes.Config{})
	stages := lifecycle.Owned(lifecycle.MES)
	for _, stage := range stages {
		require.NoError(t, r.visit(t, stage, 1, "op-7", "op-7"))
	}
	for _, stage := range slices.Backward(stages) {
		requireError(t, r.Client.Undo(t.Context(), "o", stage), lifecycle.LookUp, lifecycle.CodeConflict)
	}
	got, _ := r.workOrder(t, "o")
	require.Equal(t, workOrder{Operator: "op-7", Started: true, Completed: true, Packed: true, Shipped: true}, got)
	require.Equal(t, []bool{false}, r.quotes(t))
}

func TestAnOrderIsHandedOverBetweenOperators(t *testing.T) {
	d := newDoor(t)
	storetest.Each(t, func(t *testing.T, dsn string) {
		r := start(t, d, mes.Config{DSN: dsn})
		require.NoError(t, r.visit(t, lifecycle.PriceCalculated, 1, "", ""))
		require.NoError(t, r.visit(t, lifecycle.ManufacturingStarted, 1, "op-7", "op-7"))
		_, before := r.workOrder(t, "o")
		require.NoError(t, r.visit(t, lifecycle.ManufacturingStarted, 2, "op-8", "op-8"))
		require.NoError(t, r.visit(t, lifecycle.ManufacturingStarted, 1, "op-7", "op-7"), "a late attempt of the first operator's")
		for i, stage := range []lifecycle.Stage{"", lifecycle.ManufacturingCompleted, lifecycle.Packaging, lifecycle.Shipped} {
			if stage != "" {
				require.NoError(t, r.visit(t, stage, 1, "packer-1", []string{"", "op-8", "", "op-8"}[i]))
			}
			got, started := r.workOrder(t, "o")
			require.Equal(t, "op-8", got.Operator, stage)
			require.Equal(t, before, started, "the work began once")
			order, err := r.Order(t.Context(), "o")
			require.NoError(t, err)
			require.Equal(t, "op-8", order.Facts.Operator, stage)
		}
		order, err := r.Order(t.Context(), "o")
		require.NoError(t, err)
		require.Equal(t, []string{"", "op-7", "op-8"}, []string{order.Stages[0].By, order.Stages[1].By, order.Stages[2].By})
	})
}

func TestAnOrderThatWasRejectedIsQuotedAnew(t *testing.T) {
	d := newDoor(t)
	storetest.Each(t, func(t *testing.T, dsn string) {
		r := start(t, d, mes.Config{DSN: dsn})
		first, err := r.ask(t.Context(), "o", 0)
		require.NoError(t, err)
		better := r.facts()
		better.Material, better.Price = "gold-585-rose", first.Facts.Price // the workflow still knows the old price
		second, err := r.Client.Record(t.Context(), "o", lifecycle.PriceCalculated, api.Key("o", lifecycle.PriceCalculated, 2),
			api.StageRequest{Facts: better}, 0)
		require.NoError(t, err)
		require.Greater(t, second.Facts.Price.Amount, first.Facts.Price.Amount, "gold is dearer")
		order, err := r.Order(t.Context(), "o")
		require.NoError(t, err)
		require.Equal(t, second.Facts.Price, order.Facts.Price)
		require.Equal(t, "gold-585-rose", order.Facts.Material)

		require.NoError(t, r.Client.Undo(t.Context(), "o", lifecycle.PriceCalculated))
		require.Equal(t, []bool{true, true}, r.quotes(t))
	})
}

func TestAPricingThatIsUndoneHasEnded(t *testing.T) {
	for name, giveUp := range map[string]bool{"running": false, "given up a moment ago": true} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			storetest.Each(t, func(t *testing.T, dsn string) {
				r := start(t, d, mes.Config{DSN: dsn})
				_, err := r.ask(t.Context(), "o", 0)
				require.NoError(t, err)
				d.hold()
				asked := d.asked.Load()
				again := make(chan error, 1)
				go func() {
					_, err := r.Client.Record(context.WithoutCancel(t.Context()), "o", lifecycle.PriceCalculated,
						api.Key("o", lifecycle.PriceCalculated, 2), api.StageRequest{Facts: r.facts()}, 0)
					again <- err
				}()
				require.Eventually(t, func() bool { return d.asked.Load() == asked+1 }, time.Minute, time.Millisecond)
				if giveUp {
					require.NoError(t, r.Client.GiveUp(t.Context(), "o", lifecycle.PriceCalculated, api.Key("o", lifecycle.PriceCalculated, 2)))
				}
				require.NoError(t, r.Client.Undo(t.Context(), "o", lifecycle.PriceCalculated))
				e := requireError(t, <-again, lifecycle.Retry, lifecycle.CodeUnavailable)
				require.Contains(t, e.Detail, "given up")
				d.release()
				require.Equal(t, []bool{true}, r.quotes(t))
				requireError(t, r.visit(t, lifecycle.PriceCalculated, 2, "", ""), lifecycle.LookUp, lifecycle.CodeConflict)
				requireError(t, r.visit(t, lifecycle.PriceCalculated, 1, "", ""), lifecycle.LookUp, lifecycle.CodeConflict)
			})
		})
	}
}
