package mes

import (
	"context"
	"database/sql"
	"fmt"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/store"
)

// unattended is the operator of an order that no person took.
const unattended = "unattended"

// work moves an order's work order on to a stage.
func work(ctx context.Context, tx *sql.Tx, order string, stage lifecycle.Stage, in api.StageRequest) (lifecycle.Facts, error) {
	var (
		added lifecycle.Facts
		err   error
		now   = store.Now()
	)
	switch stage {
	case lifecycle.ManufacturingStarted:
		added.Operator = operator(in)
		_, err = tx.ExecContext(ctx,
			`INSERT INTO work_orders (order_id, operator, started_at) VALUES ($1, $2, $3)
			ON CONFLICT (order_id) DO UPDATE SET operator = $2`, order, added.Operator, now) // a hand-over: the work goes on
	case lifecycle.ManufacturingCompleted:
		_, err = tx.ExecContext(ctx, `UPDATE work_orders SET completed_at = $2 WHERE order_id = $1`, order, now)
	case lifecycle.Packaging:
		_, err = tx.ExecContext(ctx, `UPDATE work_orders SET packed_at = $2 WHERE order_id = $1`, order, now)
	case lifecycle.Shipped:
		added.Carrier, added.Tracking = in.Facts.Carrier, in.Facts.Tracking
		_, err = tx.ExecContext(ctx, `UPDATE work_orders SET shipped_at = $2, carrier = $3, tracking_number = $4 WHERE order_id = $1`,
			order, now, added.Carrier, added.Tracking)
	}
	if err != nil {
		return lifecycle.Facts{}, fmt.Errorf("work order at %s: %w", stage, err)
	}
	return added, nil
}

// takeBack undoes what a stage did to the order's work order and its quotes. Who
// did the work, for which somebody may be paid, stands in the ledger.
func takeBack(ctx context.Context, tx *sql.Tx, order string, stage lifecycle.Stage) error {
	var (
		err error
		now = store.Now()
	)
	switch stage {
	case lifecycle.PriceCalculated:
		_, err = tx.ExecContext(ctx, `UPDATE quotes SET withdrawn_at = $2 WHERE order_id = $1`, order, now)
	case lifecycle.ManufacturingStarted:
		_, err = tx.ExecContext(ctx, `UPDATE work_orders SET operator = '', released_at = $2 WHERE order_id = $1`, order, now)
	case lifecycle.ManufacturingCompleted:
		_, err = tx.ExecContext(ctx, `UPDATE work_orders SET completed_at = NULL, scrapped_at = $2 WHERE order_id = $1`, order, now)
	case lifecycle.Packaging:
		_, err = tx.ExecContext(ctx, `UPDATE work_orders SET packed_at = NULL WHERE order_id = $1`, order)
	case lifecycle.Shipped:
		return &lifecycle.Error{
			Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "the order was shipped: that cannot be taken back",
		}
	}
	if err != nil {
		return fmt.Errorf("take back %s: %w", stage, err)
	}
	return nil
}

// operator is who takes the order: who the facts name, or who moved it on.
func operator(in api.StageRequest) string {
	switch {
	case in.Facts.Operator != "":
		return in.Facts.Operator
	case in.By != "":
		return in.By
	default:
		return unattended
	}
}
