package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/store"
)

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// account is an order as the ledger keeps it.
type account struct {
	api.Order
	undoing bool // its stages are taken back: it records none any more
}

const orderColumns = `order_id, stage, outcome, ended_by, reason, facts, created_at, updated_at, undoing_since IS NOT NULL`

// Order reads an order with its stages. Fails with LookUp and not_found.
func (l *Ledger) Order(ctx context.Context, order string) (api.Order, error) {
	if checkID(order) != nil {
		return api.Order{}, unknown(order)
	}
	a, err := read(ctx, l.db, order)
	if err != nil {
		return api.Order{}, err
	}
	a.Stages, err = l.records(ctx, order)
	return a.Order, err
}

// Orders lists the newest orders, at most limit, without their stages.
func (l *Ledger) Orders(ctx context.Context, limit int) ([]api.Order, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT `+orderColumns+` FROM orders ORDER BY created_at DESC, order_id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return collect(rows, func(rows *sql.Rows) (api.Order, error) {
		a, err := scanOrder(rows.Scan)
		return a.Order, err
	})
}

// Settle records how an order ended. The same outcome again does nothing;
// another one fails with LookUp and conflict, an unknown order with not_found.
func (l *Ledger) Settle(ctx context.Context, order string, in api.OutcomeRequest) error {
	if checkID(order) != nil {
		return unknown(order)
	}
	switch in.Outcome {
	case lifecycle.OutcomeClosed, lifecycle.OutcomeCancelled, lifecycle.OutcomeFailed:
	default:
		return fixInput("outcome", "an order ends %s, %s or %s, not %q",
			lifecycle.OutcomeClosed, lifecycle.OutcomeCancelled, lifecycle.OutcomeFailed, in.Outcome)
	}
	if err := plainText(map[string]string{"by": in.By, "reason": in.Reason}); err != nil {
		return err
	}
	return store.InTx(ctx, l.db, func(tx *sql.Tx) error {
		ended, err := End(ctx, tx, order, in)
		if err != nil || ended {
			return err
		}
		a, err := read(ctx, tx, order)
		if err == nil && a.Outcome != in.Outcome {
			err = hasEnded(a)
		}
		return err
	})
}

// End sets the outcome of an open order, and tells whether there was one.
func End(ctx context.Context, tx *sql.Tx, order string, in api.OutcomeRequest) (bool, error) {
	result, err := tx.ExecContext(ctx,
		`UPDATE orders SET outcome = $2, ended_by = $3, reason = $4, updated_at = $5 WHERE order_id = $1 AND outcome = ''`,
		order, string(in.Outcome), in.By, in.Reason, store.Now())
	if err != nil {
		return false, fmt.Errorf("end order: %w", err)
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// open makes an order known, unless it is.
func open(ctx context.Context, tx *sql.Tx, e entry, now time.Time) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO orders (order_id, stage, facts, created_at, updated_at) VALUES ($1, $2, '{}', $3, $3) ON CONFLICT (order_id) DO NOTHING`,
		e.order, string(e.stage), now)
	if err != nil {
		return fmt.Errorf("open order: %w", err)
	}
	return nil
}

// hold reads an order and locks it until the transaction ends. An UPDATE does
// on both databases what SELECT FOR UPDATE does on one.
func hold(ctx context.Context, tx *sql.Tx, order string, now time.Time) (account, error) {
	row := tx.QueryRowContext(ctx, `UPDATE orders SET updated_at = $2 WHERE order_id = $1 RETURNING `+orderColumns, order, now)
	return orUnknown(order, row)
}

func read(ctx context.Context, db querier, order string) (account, error) {
	return orUnknown(order, db.QueryRowContext(ctx, `SELECT `+orderColumns+` FROM orders WHERE order_id = $1`, order))
}

func orUnknown(order string, row *sql.Row) (account, error) {
	a, err := scanOrder(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return a, unknown(order)
	}
	return a, err
}

// write puts the stage that the order came to into both tables.
func write(ctx context.Context, tx *sql.Tx, facts lifecycle.Facts, e entry, answer api.StageAnswer, position int, now time.Time) error {
	given, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	known, err := json.Marshal(facts)
	if err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	_, err = tx.ExecContext(ctx,
		`INSERT INTO stages (idempotency_key, order_id, stage, visit, moved_by, reason, answer, recorded_at, position)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.key, e.order, string(e.stage), e.visit, e.in.By, e.in.Reason, string(given), now, position)
	if err != nil {
		return fmt.Errorf("record stage: %w", err)
	}
	_, err = tx.ExecContext(ctx, `UPDATE orders SET stage = $2, facts = $3 WHERE order_id = $1`, e.order, string(e.stage), string(known))
	if err != nil {
		return fmt.Errorf("move order: %w", err)
	}
	return nil
}

func (l *Ledger) records(ctx context.Context, order string) ([]api.Record, error) {
	rows, err := l.db.QueryContext(ctx,
		`SELECT stage, idempotency_key, moved_by, recorded_at, undone_at FROM stages WHERE order_id = $1 ORDER BY position`, order)
	if err != nil {
		return nil, fmt.Errorf("list stages: %w", err)
	}
	return collect(rows, func(rows *sql.Rows) (r api.Record, err error) {
		var undone sql.NullTime
		err = rows.Scan(&r.Stage, &r.Key, &r.By, &r.RecordedAt, &undone)
		r.RecordedAt = r.RecordedAt.UTC()
		if undone.Valid {
			at := undone.Time.UTC()
			r.UndoneAt = &at
		}
		return r, err
	})
}

func scanOrder(scan func(...any) error) (account, error) {
	var (
		a     account
		facts []byte
	)
	err := scan(&a.ID, &a.Stage, &a.Outcome, &a.By, &a.Reason, &facts, &a.CreatedAt, &a.UpdatedAt, &a.undoing)
	if err != nil {
		return account{}, fmt.Errorf("read order: %w", err)
	}
	if err := json.Unmarshal(facts, &a.Facts); err != nil {
		return account{}, fmt.Errorf("facts of order %s: %w", a.ID, err)
	}
	a.CreatedAt, a.UpdatedAt = a.CreatedAt.UTC(), a.UpdatedAt.UTC()
	return a, nil
}

// collect reads all rows and closes them. The result is never nil, so that an
// empty list is [] in JSON.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) ([]T, error) {
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}
