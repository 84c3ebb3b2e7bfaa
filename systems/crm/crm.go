// Package crm is the CRM: it confirms a deal with its price, and closes it.
package crm

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/ledger"
	"ordertrace/systems/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config says where the CRM keeps its data.
type Config struct {
	// DSN is the database: "sqlite:PATH" or "postgres://…". Required.
	DSN string
	// TracerProvider takes the CRM's spans. Default: the global one.
	TracerProvider trace.TracerProvider
	// JaegerUI is the base URL where people read traces. Default: tickets have no
	// link to theirs.
	JaegerUI string
	// CarrierSecrets are what the carrier signs its messages with: any of them,
	// so that they can be changed. None: the webhook takes no message.
	CarrierSecrets []string
	// CarrierWindow is how old a carrier's message may be. Default: seven days.
	CarrierWindow time.Duration
}

// System is the CRM.
type System struct {
	*ledger.Ledger
	tracers  trace.TracerProvider
	jaegerUI string
	seal     carrierSeal
}

var _ api.System = (*System)(nil)

// New opens the CRM's database. The caller closes the system.
func New(ctx context.Context, c Config) (*System, error) {
	if c.TracerProvider == nil {
		c.TracerProvider = otel.GetTracerProvider()
	}
	own, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	l, err := ledger.Open(ctx, ledger.Config{
		System: lifecycle.CRM, DSN: c.DSN, Migrations: own, TracerProvider: c.TracerProvider,
	})
	if err != nil {
		return nil, err
	}
	return &System{
		Ledger: l, tracers: c.TracerProvider, jaegerUI: c.JaegerUI,
		seal: newCarrierSeal(c.CarrierSecrets, c.CarrierWindow),
	}, nil
}

// Handler serves the contract of package api.
func (s *System) Handler() http.Handler {
	mux := http.NewServeMux()
	api.Register(mux, lifecycle.CRM, s)
	mux.HandleFunc("PUT /orders/{order}/parcel", s.expectParcel)
	return api.Traced(mux, "crm-api", otelhttp.WithTracerProvider(s.tracers))
}

// People adds the routes by which managers and carriers act.
func (s *System) People(mux *http.ServeMux, p api.People) {
	s.carrierRoutes(mux, p.Anyone()) // by their signature
	s.parcelRoutes(mux, p.For(lifecycle.Manager))
	s.ticketRoutes(mux, p.For(lifecycle.Manager))
}

// Record implements api.System. Its stages take no time: wait is not used.
func (s *System) Record(ctx context.Context, order string, stage lifecycle.Stage, key string, in api.StageRequest, _ time.Duration) (api.StageAnswer, error) {
	return s.Ledger.Record(ctx, order, stage, key, in, func(ctx context.Context, tx *sql.Tx, known lifecycle.Facts) (lifecycle.Facts, error) {
		if stage == lifecycle.Closed {
			return lifecycle.Facts{}, closeDeal(ctx, tx, order, in)
		}
		return lifecycle.Facts{}, confirm(ctx, tx, order, in, known.Price)
	})
}

// Undo implements api.System. Only an approval can be taken back: CLOSED ends its
// order, and the ledger keeps it so.
func (s *System) Undo(ctx context.Context, order string, stage lifecycle.Stage) error {
	return s.Ledger.Undo(ctx, order, stage, func(ctx context.Context, tx *sql.Tx) error { return withdraw(ctx, tx, order) })
}

// GiveUp does nothing: no stage of the CRM takes long.
func (s *System) GiveUp(context.Context, string, lifecycle.Stage, string) error { return nil }

// confirm opens the deal at its price. A later visit confirms it anew.
func confirm(ctx context.Context, tx *sql.Tx, order string, in api.StageRequest, price *lifecycle.Money) error {
	if price == nil || price.Amount <= 0 || len(price.Currency) != 3 {
		return &lifecycle.Error{
			Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidRequest, Field: "price",
			Detail: "a deal is confirmed at its price: an amount above zero, and a currency of three letters",
		}
	}
	_, err := tx.ExecContext(ctx,
		`INSERT INTO deals (order_id, price, currency, approved_by, approved_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (order_id) DO UPDATE SET price = $2, currency = $3, approved_by = $4, approved_at = $5`,
		order, price.Amount, price.Currency, in.By, store.Now())
	if err != nil {
		return fmt.Errorf("confirm deal: %w", err)
	}
	return nil
}

// withdraw takes the deal's approval back.
func withdraw(ctx context.Context, tx *sql.Tx, order string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE deals SET withdrawn_at = $2 WHERE order_id = $1`, order, store.Now()); err != nil {
		return fmt.Errorf("withdraw deal: %w", err)
	}
	return nil
}

// closeDeal closes the deal, and with it the order.
func closeDeal(ctx context.Context, tx *sql.Tx, order string, in api.StageRequest) error {
	_, err := tx.ExecContext(ctx, `UPDATE deals SET closed_by = $2, close_reason = $3, closed_at = $4 WHERE order_id = $1`,
		order, in.By, in.Reason, store.Now())
	if err != nil {
		return fmt.Errorf("close deal: %w", err)
	}
	_, err = ledger.End(ctx, tx, order, api.OutcomeRequest{Outcome: lifecycle.OutcomeClosed, By: in.By, Reason: in.Reason})
	return err
}
