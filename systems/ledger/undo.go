package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"ordertrace/lifecycle"
	"ordertrace/systems/store"
)

// An UndoChange is what a system does to its own tables when a stage is taken
// back.
type UndoChange func(ctx context.Context, tx *sql.Tx) error

// Undo takes a stage of a cancelled order back, in all its visits, in one
// transaction with the system's own change, which is called only for a stage
// that stands. The records stay for the books, with the time.
//
// From the first call on the order records nothing any more: an attempt that
// comes late is a conflict, also at the stage that never was recorded. An order
// that is not known here leaves nothing to remember that by, and needs none: the
// workflow waits for its attempts' end before it undoes, so no call is on its
// way; and the outcome that follows is answered not_found, which it takes for
// settled.
//
// It fails with LookUp and conflict when the order ended other than cancelled,
// or while a later stage of the system's stands; and with whatever change fails
// with.
func (l *Ledger) Undo(ctx context.Context, order string, stage lifecycle.Stage, change UndoChange) error {
	err := store.InTx(ctx, l.db, func(tx *sql.Tx) error { return l.undo(ctx, tx, order, stage, change) })
	if errors.Is(err, errRepeated) {
		return nil
	}
	return err
}

func (l *Ledger) undo(ctx context.Context, tx *sql.Tx, order string, stage lifecycle.Stage, change UndoChange) error {
	if checkID(order) != nil {
		return errRepeated // nobody could have recorded it
	}
	now := store.Now()
	a, err := hold(ctx, tx, order, now)
	switch {
	case isUnknown(err):
		return errRepeated
	case err != nil:
		return err
	case a.Outcome == lifecycle.OutcomeCancelled:
		return errRepeated
	case a.Outcome != "":
		return hasEnded(a)
	}
	passed, err := passed(ctx, tx, order)
	if err != nil {
		return err
	}
	after := l.stages[slices.Index(l.stages, stage)+1:]
	if i := slices.IndexFunc(after, passed.stands); i >= 0 {
		return conflict("order %s stands at %s: stages are taken back last first", order, after[i])
	}
	if passed.stands(stage) {
		if err := change(ctx, tx); err != nil {
			return err
		}
	} else if a.undoing {
		return errRepeated
	}
	return strike(ctx, tx, order, stage, now)
}

// strike marks the stage's records as taken back, and the order as one that
// records no more.
func strike(ctx context.Context, tx *sql.Tx, order string, stage lifecycle.Stage, now time.Time) error {
	_, err := tx.ExecContext(ctx,
		`UPDATE stages SET undone_at = $3 WHERE order_id = $1 AND stage = $2`, order, string(stage), now)
	if err != nil {
		return fmt.Errorf("undo stage: %w", err)
	}
	_, err = tx.ExecContext(ctx,
		`UPDATE orders SET undoing_since = $2 WHERE order_id = $1 AND undoing_since IS NULL`, order, now)
	if err != nil {
		return fmt.Errorf("undo order: %w", err)
	}
	return nil
}
