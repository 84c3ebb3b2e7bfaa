// Package shop is the online shop: it takes the customers' 3D models and opens
// their orders. Beside the contract of package api it serves
//
//	POST /models            check and keep a model: 201, or 200 if it is known -> lifecycle.Model
//	GET  /models/{digest}   the file itself, with its digest as ETag
package shop

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	"gocloud.dev/blob"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/ledger"
	"ordertrace/systems/mesh"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config says where the shop keeps its data.
type Config struct {
	// DSN is the database: "sqlite:PATH" or "postgres://…". Required.
	DSN string
	// Blobs is where model files are kept: a gocloud.dev/blob URL, such as
	// "file:///var/lib/shop/models", whose folder is created. Other schemes need
	// their driver imported by the program. Required.
	Blobs string
	// Spool is a folder for uploads while they are checked. The files have no
	// name there, so that nothing is left of a process that is killed.
	// Default: the system's folder for temporary files.
	Spool string
	// MaxModelBytes is the largest file that is taken. Default: 512 MiB.
	MaxModelBytes int64
	// Limits say which models are absurd. Default: those of package mesh.
	Limits mesh.Limits
	// TracerProvider takes the shop's spans. Default: the global one.
	TracerProvider trace.TracerProvider
}

const defaultMaxModelBytes = 512 << 20

// System is the shop.
type System struct {
	*ledger.Ledger
	config Config
	blobs  *blob.Bucket
	close  func() error
}

var _ api.System = (*System)(nil)

// New opens the shop's database and blob store. The caller closes the system.
func New(ctx context.Context, c Config) (*System, error) {
	if c.MaxModelBytes <= 0 {
		c.MaxModelBytes = defaultMaxModelBytes
	}
	if c.TracerProvider == nil {
		c.TracerProvider = otel.GetTracerProvider()
	}
	own, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	blobs, err := openBlobs(ctx, c.Blobs)
	if err != nil {
		return nil, fmt.Errorf("shop: blob store: %w", err)
	}
	l, err := ledger.Open(ctx, ledger.Config{
		System: lifecycle.Shop, DSN: c.DSN, Migrations: own, TracerProvider: c.TracerProvider,
	})
	if err != nil {
		return nil, errors.Join(err, blobs.Close())
	}
	return &System{
		Ledger: l, config: c, blobs: blobs,
		close: sync.OnceValue(func() error { return errors.Join(l.Close(), blobs.Close()) }),
	}, nil
}

// Close closes the database and the blob store.
func (s *System) Close() error { return s.close() }

// Handler serves the contract of package api and the models.
func (s *System) Handler() http.Handler {
	mux := http.NewServeMux()
	api.Register(mux, lifecycle.Shop, s)
	mux.HandleFunc("POST /models", s.uploadModel)
	mux.HandleFunc("GET /models/{digest}", s.downloadModel)
	return api.Traced(mux, "shop-api", otelhttp.WithTracerProvider(s.config.TracerProvider))
}

// Record implements api.System. Its stages take no time: wait is not used.
func (s *System) Record(ctx context.Context, order string, stage lifecycle.Stage, key string, in api.StageRequest, _ time.Duration) (api.StageAnswer, error) {
	change := map[lifecycle.Stage]func(context.Context, *sql.Tx, string, lifecycle.Facts) (lifecycle.Facts, error){
		lifecycle.Initiated:    fillBasket,
		lifecycle.FileUploaded: putModel,
		lifecycle.Submitted:    freeze,
	}[stage]
	return s.Ledger.Record(ctx, order, stage, key, in, func(ctx context.Context, tx *sql.Tx, _ lifecycle.Facts) (lifecycle.Facts, error) {
		return change(ctx, tx, order, in.Facts)
	})
}

// Undo implements api.System.
func (s *System) Undo(ctx context.Context, order string, stage lifecycle.Stage) error {
	return s.Ledger.Undo(ctx, order, stage, func(ctx context.Context, tx *sql.Tx) error { return takeBack(ctx, tx, order, stage) })
}

// GiveUp does nothing: no stage of the shop takes long.
func (s *System) GiveUp(context.Context, string, lifecycle.Stage, string) error { return nil }
