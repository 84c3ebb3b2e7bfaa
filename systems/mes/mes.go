// Package mes is the manufacturing execution system: it measures and prices
// models, and follows a piece from its operator to its carrier.
package mes

import (
	"context"
	"database/sql"
	"embed"
	"io"
	"io/fs"
	"net/http"
	"runtime"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/ledger"
	"ordertrace/systems/mesh"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Models is where the MES gets models from: the shop's *api.Client.
type Models interface {
	// Model opens a model by its digest, and tells its size in bytes.
	Model(ctx context.Context, digest string) (io.ReadCloser, int64, error)
}

// Config says where the MES keeps its data and how it prices.
type Config struct {
	// DSN is the database: "sqlite:PATH" or "postgres://…". Required.
	DSN string
	// Shop is asked for the models. Required.
	Shop Models
	// RatesFile is the rate table to use. Default: the one built in (see
	// rates.yaml).
	RatesFile string
	// Limits say which models are absurd. Default: those of package mesh.
	Limits mesh.Limits
	// Pricings is how many models are read at once; the others wait. Each needs
	// about 25 bytes of memory a triangle. Default: the number of CPUs.
	Pricings int
	// Lease is how long a pricing goes on that nobody asks about.
	// Default: 5 minutes.
	Lease time.Duration
	// TracerProvider takes the MES's spans. Default: the global one.
	TracerProvider trace.TracerProvider
}

const defaultLease = 5 * time.Minute

func (c Config) withDefaults() Config {
	if c.Pricings <= 0 {
		c.Pricings = runtime.NumCPU()
	}
	if c.Lease <= 0 {
		c.Lease = defaultLease
	}
	if c.TracerProvider == nil {
		c.TracerProvider = otel.GetTracerProvider()
	}
	return c
}

// System is the MES.
type System struct {
	*ledger.Ledger
	config   Config
	rates    Rates
	pricings *jobs
	tracer   trace.Tracer
}

var _ api.System = (*System)(nil)

// New reads the rate table and opens the MES's database. The caller closes the
// system.
func New(ctx context.Context, c Config) (*System, error) {
	c = c.withDefaults()
	rates, err := LoadRates(c.RatesFile)
	if err != nil {
		return nil, err
	}
	own, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	l, err := ledger.Open(ctx, ledger.Config{
		System: lifecycle.MES, DSN: c.DSN, Migrations: own, TracerProvider: c.TracerProvider,
	})
	if err != nil {
		return nil, err
	}
	return &System{
		Ledger: l, config: c, rates: rates,
		pricings: newJobs(c.Pricings, c.Lease),
		tracer:   c.TracerProvider.Tracer("ordertrace/systems/mes"),
	}, nil
}

// Handler serves the contract of package api.
func (s *System) Handler() http.Handler {
	mux := http.NewServeMux()
	api.Register(mux, lifecycle.MES, s)
	return api.Traced(mux, "mes-api", otelhttp.WithTracerProvider(s.config.TracerProvider))
}

// Drain stops all pricings and takes no more: who waits for one is told to try
// again. Call it when the server begins to shut down, which waits for them.
func (s *System) Drain() { s.pricings.drain() }

// Close drains, waits for the pricings to end, and closes the database.
func (s *System) Close() error {
	s.Drain()
	s.pricings.wait()
	return s.Ledger.Close()
}

// Record implements api.System. A price is worked out apart from the call that
// asks for it, so that this may come back after wait and ask again.
func (s *System) Record(ctx context.Context, order string, stage lifecycle.Stage, key string, in api.StageRequest, wait time.Duration) (api.StageAnswer, error) {
	if stage == lifecycle.PriceCalculated {
		return s.price(ctx, pricing{order: order, key: key, in: in}, wait)
	}
	return s.Ledger.Record(ctx, order, stage, key, in, func(ctx context.Context, tx *sql.Tx, _ lifecycle.Facts) (lifecycle.Facts, error) {
		return work(ctx, tx, order, stage, in)
	})
}

// GiveUp stops a pricing.
func (s *System) GiveUp(_ context.Context, order string, stage lifecycle.Stage, key string) error {
	if stage == lifecycle.PriceCalculated {
		s.pricings.cancel(func(p jobKey) bool { return p == jobKey{order, key} }, errGivenUp)
	}
	return nil
}

// Undo implements api.System. A pricing that runs is stopped first, and has ended
// when its quotes are withdrawn: none comes after.
func (s *System) Undo(ctx context.Context, order string, stage lifecycle.Stage) error {
	if stage == lifecycle.PriceCalculated {
		if err := s.pricings.stop(ctx, func(p jobKey) bool { return p.order == order }, errGivenUp); err != nil {
			return err
		}
	}
	return s.Ledger.Undo(ctx, order, stage, func(ctx context.Context, tx *sql.Tx) error { return takeBack(ctx, tx, order, stage) })
}

// Settle records how the order ended, and stops its pricing.
func (s *System) Settle(ctx context.Context, order string, in api.OutcomeRequest) error {
	s.pricings.cancel(func(p jobKey) bool { return p.order == order }, errGivenUp)
	return s.Ledger.Settle(ctx, order, in)
}
