package crm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ordertrace/systems/api"
	"ordertrace/systems/store"
)

const selectTicket = `SELECT ticket_id, order_id, trace_id, span_id, subject, opened_by, opened_at, found_at IS NOT NULL FROM tickets `

var errNoTicket = notFound("there is no such ticket")

func scanTicket(scan func(...any) error) (ticket api.Ticket, found bool, err error) {
	err = scan(&ticket.ID, &ticket.Order, &ticket.Trace, &ticket.Span, &ticket.Subject, &ticket.By, &ticket.OpenedAt, &found)
	ticket.OpenedAt = ticket.OpenedAt.UTC()
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoTicket
	} else if err != nil {
		err = fmt.Errorf("read ticket: %w", err)
	}
	return ticket, found, err
}

// read reads a ticket, and tells whether its order and trace are found. Fails
// with LookUp and not_found.
func (t tickets) read(ctx context.Context, id string) (ticket api.Ticket, found bool, err error) {
	if !oneLine(id, maxOrder) { // it would be refused by one of the databases
		return ticket, false, errNoTicket
	}
	return scanTicket(t.DB().QueryRowContext(ctx, selectTicket+`WHERE ticket_id = $1`, id).Scan)
}

// keyed reads the ticket that was opened under an idempotency key. Fails with
// LookUp and not_found.
func (t tickets) keyed(ctx context.Context, key string) (api.Ticket, error) {
	ticket, _, err := scanTicket(t.DB().QueryRowContext(ctx, selectTicket+`WHERE idempotency_key = $1`, key).Scan)
	return ticket, err
}

// of lists the tickets of an order or of its trace, or all if neither is named,
// the newest first.
func (t tickets) of(ctx context.Context, order, id string, limit int) ([]api.Ticket, error) {
	rows, err := t.DB().QueryContext(ctx, selectTicket+`
		WHERE ($1 = '' AND $2 = '') OR ($1 <> '' AND order_id = $1) OR ($2 <> '' AND trace_id = $2)
		ORDER BY opened_at DESC, ticket_id DESC LIMIT $3`, order, id, limit)
	if err != nil {
		return nil, fmt.Errorf("list tickets: %w", err)
	}
	defer rows.Close()
	out := []api.Ticket{}
	for rows.Next() {
		ticket, _, err := scanTicket(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, ticket)
	}
	return out, rows.Err()
}

// insert keeps a new ticket, and tells whether it is one: the key may have come
// in between.
func (t tickets) insert(ctx context.Context, key string, ticket api.Ticket, found bool) (isNew bool, err error) {
	done, err := t.DB().ExecContext(ctx,
		`INSERT INTO tickets (ticket_id, idempotency_key, order_id, trace_id, span_id, subject, opened_by, opened_at, found_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (idempotency_key) DO NOTHING`,
		ticket.ID, sql.NullString{String: key, Valid: key != ""}, ticket.Order, ticket.Trace, ticket.Span, ticket.Subject, ticket.By,
		ticket.OpenedAt, sql.NullTime{Time: ticket.OpenedAt, Valid: found})
	if err != nil {
		return false, fmt.Errorf("keep ticket: %w", err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// found keeps what was found of a ticket.
func (t tickets) found(ctx context.Context, ticket api.Ticket) error {
	_, err := t.DB().ExecContext(ctx, `UPDATE tickets SET order_id = $2, trace_id = $3, found_at = $4 WHERE ticket_id = $1`,
		ticket.ID, ticket.Order, ticket.Trace, store.Now())
	if err != nil {
		return fmt.Errorf("keep what was found: %w", err)
	}
	return nil
}
