package crm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// A Parcel is what the CRM knows of one.
type Parcel struct {
	Order    string                   `json:"order_id,omitempty"` // empty until an order was shipped as it
	Carrier  string                   `json:"carrier"`            // in lower case, letters and digits
	Tracking string                   `json:"tracking_number"`    // in upper case, letters and digits
	Status   lifecycle.ParcelStatus   `json:"status,omitempty"`   // empty until the carrier said one
	At       *time.Time               `json:"at,omitempty"`       // since when, by the carrier's clock
	Events   []lifecycle.CarrierEvent `json:"events,omitempty"`   // the oldest first; not in a list
}

const parcelColumns = `order_id, carrier, tracking_number, status, status_at`

// parcelRoutes adds the routes by which managers see parcels.
func (s *System) parcelRoutes(mux *http.ServeMux, p api.People) {
	p.Handle(mux, "GET /parcels", s.listParcels)
	p.Handle(mux, "GET /orders/{order}/parcel", s.showParcel)
}

// listParcels serves GET /parcels, those that something was heard of last first:
// ?trouble=true lists those that somebody has to look after, ?unclaimed=true
// those that no order was shipped as.
func (s *System) listParcels(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	parcels, err := s.parcels(r.Context(), query.Get("trouble") == "true", query.Get("unclaimed") == "true", api.Limit(r))
	api.Answer(w, r, http.StatusOK, parcels, err)
}

func (s *System) parcels(ctx context.Context, trouble, unclaimed bool, limit int) ([]Parcel, error) {
	where := `1 = 1`
	if trouble {
		where += ` AND trouble = 1`
	}
	if unclaimed {
		where += ` AND order_id IS NULL`
	}
	rows, err := s.DB().QueryContext(ctx,
		`SELECT `+parcelColumns+` FROM parcels WHERE `+where+` ORDER BY updated_at DESC, carrier, tracking_number LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list parcels: %w", err)
	}
	defer rows.Close()
	parcels := []Parcel{}
	for rows.Next() {
		p, err := scanParcel(rows.Scan)
		if err != nil {
			return nil, err
		}
		parcels = append(parcels, p)
	}
	return parcels, rows.Err()
}

// showParcel serves GET /orders/{order}/parcel, with what the carrier said of it.
func (s *System) showParcel(w http.ResponseWriter, r *http.Request) {
	p, err := s.parcelOf(r.Context(), r.PathValue("order"))
	api.Answer(w, r, http.StatusOK, p, err)
}

func (s *System) parcelOf(ctx context.Context, order string) (Parcel, error) {
	if !oneLine(order, maxIdentifier) {
		return Parcel{}, noParcel(order)
	}
	p, err := scanParcel(s.DB().QueryRowContext(ctx, `SELECT `+parcelColumns+` FROM parcels WHERE order_id = $1`, order).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return p, noParcel(order)
	}
	if err == nil {
		p.Events, err = events(ctx, s.DB(), parcelID{p.Carrier, p.Tracking}, "")
	}
	return p, err
}

func noParcel(order string) error { return notFound("no parcel of order %q is known here", order) }

func scanParcel(scan func(...any) error) (p Parcel, err error) {
	var order sql.NullString
	var at sql.NullTime
	if err := scan(&order, &p.Carrier, &p.Tracking, &p.Status, &at); err != nil {
		return p, fmt.Errorf("read parcel: %w", err)
	}
	p.Order = order.String
	if at.Valid {
		utc := at.Time.UTC()
		p.At = &utc
	}
	return p, nil
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// events are the parcel's, the oldest first; which narrows them down.
func events(ctx context.Context, db querier, id parcelID, which string) ([]lifecycle.CarrierEvent, error) {
	rows, err := db.QueryContext(ctx,
		`SELECT event_id, status, happened_at FROM carrier_events WHERE carrier = $1 AND tracking_number = $2 `+which+`
		ORDER BY happened_at, received_at, event_id`, id.carrier, id.tracking)
	if err != nil {
		return nil, fmt.Errorf("list carrier's events: %w", err)
	}
	defer rows.Close()
	all := []lifecycle.CarrierEvent{}
	for rows.Next() {
		var e lifecycle.CarrierEvent
		if err := rows.Scan(&e.ID, &e.Status, &e.At); err != nil {
			return nil, fmt.Errorf("read carrier's event: %w", err)
		}
		e.At = e.At.UTC()
		all = append(all, e)
	}
	return all, rows.Err()
}
