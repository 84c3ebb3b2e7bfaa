package crm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/store"
)

// A parcelID names a parcel. A tracking number is its carrier's own: two carriers
// may give the same one, so that it takes both, and no order hears of another's
// parcel. A carrier has to be named as EasyPost names it, but for case, spaces
// and punctuation ("DHL Express" is "DHLExpress", "DHL" is another): messages on
// a parcel that no order was shipped as are kept, and GET /parcels?unclaimed=true
// shows them.
type parcelID struct {
	carrier  string // letters and digits, in lower case
	tracking string // letters and digits, in upper case
}

func newParcelID(carrier, tracking string) (parcelID, error) {
	id := parcelID{carrier: strings.ToLower(plain(carrier)), tracking: strings.ToUpper(plain(tracking))}
	for field, s := range map[string]string{"carrier": id.carrier, "tracking_number": id.tracking} {
		if s == "" || len(s) > maxIdentifier {
			return id, fixInput(field, "want 1 to %d bytes of letters and digits", maxIdentifier)
		}
	}
	return id, nil
}

func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// expectParcel serves PUT /orders/{order}/parcel.
func (s *System) expectParcel(w http.ResponseWriter, r *http.Request) {
	var in api.ParcelRequest
	var events []lifecycle.CarrierEvent
	err := api.ReadJSON(w, r, &in)
	if err == nil {
		events, err = s.expect(r.Context(), lifecycle.Parcel{Order: r.PathValue("order"), Carrier: in.Carrier, Tracking: in.Tracking})
	}
	api.Answer(w, r, http.StatusOK, api.ParcelAnswer{Events: events}, err)
}

// expect binds a parcel to its order, and returns what the carrier said of it
// before, the oldest first: the order knows these from the answer. Repeated, it
// returns the same, and what the order was not told since.
//
// It fails with LookUp and not_found for an order that the CRM does not know, and
// with conflict for a parcel of another order, or an order with another parcel.
func (s *System) expect(ctx context.Context, p lifecycle.Parcel) ([]lifecycle.CarrierEvent, error) {
	id, err := newParcelID(p.Carrier, p.Tracking)
	if err != nil {
		return nil, err
	}
	var early []lifecycle.CarrierEvent
	err = store.InTx(ctx, s.DB(), func(tx *sql.Tx) error {
		now := store.Now()
		order, err := holdParcel(ctx, tx, id, now)
		if err != nil {
			return err
		}
		if order == "" {
			err = claim(ctx, tx, id, p.Order)
		} else if order != p.Order {
			err = conflict("the parcel is another order's, %s", order)
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx,
			`UPDATE carrier_events SET told_at = $3, early = 1 WHERE carrier = $1 AND tracking_number = $2 AND told_at IS NULL`,
			id.carrier, id.tracking, now)
		if err != nil {
			return fmt.Errorf("mark early events: %w", err)
		}
		early, err = events(ctx, tx, id, `AND early = 1`)
		return err
	})
	return early, err
}

// claim gives a parcel that is held, and nobody's, to its order.
func claim(ctx context.Context, tx *sql.Tx, id parcelID, order string) error {
	if !oneLine(order, maxIdentifier) {
		return notFound("there is no order %q here", order)
	}
	var has sql.NullString
	err := tx.QueryRowContext(ctx,
		`SELECT parcels.tracking_number FROM orders LEFT JOIN parcels ON parcels.order_id = orders.order_id WHERE orders.order_id = $1`,
		order).Scan(&has)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return notFound("there is no order %q here", order)
	case err != nil:
		return fmt.Errorf("find order: %w", err)
	case has.Valid:
		return conflict("order %s was shipped as another parcel, %s", order, has.String)
	}
	_, err = tx.ExecContext(ctx, `UPDATE parcels SET order_id = $3 WHERE carrier = $1 AND tracking_number = $2`, id.carrier, id.tracking, order)
	if err != nil {
		return fmt.Errorf("claim parcel: %w", err)
	}
	return nil
}

// knowledge is what the CRM knew when a message came.
type knowledge struct {
	order string // whose parcel it is; "" while that is not known
	told  bool   // the order knows the message already
}

// keep records a message, once. The parcel is held meanwhile, so that either the
// order's question finds the message, or the message finds the order.
func (s *System) keep(ctx context.Context, m message) (k knowledge, err error) {
	err = store.InTx(ctx, s.DB(), func(tx *sql.Tx) error {
		now := store.Now()
		if k.order, err = holdParcel(ctx, tx, m.parcel, now); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx,
			`INSERT INTO carrier_events (event_id, carrier, tracking_number, status, happened_at, received_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (event_id) DO NOTHING`,
			m.event.ID, m.parcel.carrier, m.parcel.tracking, string(m.event.Status), m.event.At, now)
		if err != nil {
			return fmt.Errorf("keep carrier's event: %w", err)
		}
		err = tx.QueryRowContext(ctx, `SELECT told_at IS NOT NULL FROM carrier_events WHERE event_id = $1`, m.event.ID).Scan(&k.told)
		if err != nil {
			return fmt.Errorf("find carrier's event: %w", err)
		}
		return showLatest(ctx, tx, m.parcel)
	})
	return k, err
}

// showLatest gives the parcel the status that its events amount to.
func showLatest(ctx context.Context, tx *sql.Tx, id parcelID) error {
	all, err := events(ctx, tx, id, "")
	if err != nil {
		return err
	}
	e := latest(all)
	trouble := 0
	if e.Status.Trouble() {
		trouble = 1
	}
	_, err = tx.ExecContext(ctx, `UPDATE parcels SET status = $3, status_at = $4, trouble = $5 WHERE carrier = $1 AND tracking_number = $2`,
		id.carrier, id.tracking, string(e.Status), e.At, trouble)
	if err != nil {
		return fmt.Errorf("show parcel's status: %w", err)
	}
	return nil
}

// latest is the event, of those of a parcel in their order, that tells how it
// stands. What was delivered stays so, unless it comes back.
func latest(events []lifecycle.CarrierEvent) (shown lifecycle.CarrierEvent) {
	delivered := false
	for _, e := range events {
		if delivered && e.Status != lifecycle.ParcelDelivered && e.Status != lifecycle.ParcelReturnToSender {
			continue
		}
		delivered = delivered || e.Status == lifecycle.ParcelDelivered
		shown = e
	}
	return shown
}

// holdParcel makes a parcel known, locks it until the transaction ends, and
// returns its order, if it has one. An upsert locks on both databases.
func holdParcel(ctx context.Context, tx *sql.Tx, id parcelID, now time.Time) (string, error) {
	var order sql.NullString
	err := tx.QueryRowContext(ctx,
		`INSERT INTO parcels (carrier, tracking_number, updated_at) VALUES ($1, $2, $3)
		ON CONFLICT (carrier, tracking_number) DO UPDATE SET updated_at = $3 RETURNING order_id`,
		id.carrier, id.tracking, now).Scan(&order)
	if err != nil {
		return "", fmt.Errorf("hold parcel: %w", err)
	}
	return order.String, nil
}

// orderOf is the order that was shipped as the parcel; "" if none is known.
func (s *System) orderOf(ctx context.Context, id parcelID) (string, error) {
	var order sql.NullString
	err := s.DB().QueryRowContext(ctx, `SELECT order_id FROM parcels WHERE carrier = $1 AND tracking_number = $2`, id.carrier, id.tracking).Scan(&order)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return order.String, err
}

func (s *System) untold(ctx context.Context, id parcelID) ([]lifecycle.CarrierEvent, error) {
	return events(ctx, s.DB(), id, `AND told_at IS NULL`)
}

func (s *System) markTold(ctx context.Context, event string) error {
	_, err := s.DB().ExecContext(ctx, `UPDATE carrier_events SET told_at = $2 WHERE event_id = $1 AND told_at IS NULL`, event, store.Now())
	if err != nil {
		return fmt.Errorf("mark carrier's event: %w", err)
	}
	return nil
}

func conflict(format string, args ...any) error {
	return &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: fmt.Sprintf(format, args...)}
}
