// Package store opens a system's own database: SQLite by default, PostgreSQL by
// DSN, with the same SQL text and the same migrations on both.
//
// What both accept, and so all SQL of the systems keeps to: $1 placeholders,
// ON CONFLICT, RETURNING, and the column types TEXT, BIGINT, DOUBLE PRECISION
// and TIMESTAMP. Times are UTC with microseconds (see Now).
package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/XSAM/otelsql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// A Schema is a set of goose migrations with a version table of its own.
type Schema struct {
	Name       string // names the version table: "<name>_schema"
	Migrations fs.FS  // goose SQL files at its root
}

// Config says which database to open.
type Config struct {
	// DSN is "sqlite:PATH" or "postgres://user@host/database". Required.
	// The folder of PATH is created.
	DSN string
	// Schemas are migrated in their order before Open returns.
	Schemas []Schema
	// TracerProvider takes the spans of queries. Default: the global one.
	TracerProvider trace.TracerProvider
}

// Open opens the database and brings its schemas up to date. Processes that
// start at once wait for each other.
func Open(ctx context.Context, c Config) (*sql.DB, error) {
	if c.TracerProvider == nil {
		c.TracerProvider = otel.GetTracerProvider()
	}
	switch kind, rest, _ := strings.Cut(c.DSN, ":"); kind {
	case "sqlite":
		return openSQLite(ctx, rest, c)
	case "postgres", "postgresql":
		return openPostgres(ctx, c)
	default:
		// The DSN may hold a password: it stays out of the error.
		return nil, fmt.Errorf("database DSN: want sqlite:PATH or postgres://…, not %q", kind+":…")
	}
}

// maxConnections leaves room for several processes of each system in the 100
// connections that a PostgreSQL server grants by default.
const maxConnections = 10

func openPostgres(ctx context.Context, c Config) (*sql.DB, error) {
	db, err := otelsql.Open("pgx", c.DSN, tracing("postgresql", c.TracerProvider)...)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	db.SetConnMaxIdleTime(5 * time.Minute)
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
	if err == nil {
		err = migrate(ctx, db, goose.DialectPostgres, c.Schemas, goose.WithSessionLocker(locker))
	}
	return orClose(db, err)
}

// migrate runs what is missing of each schema.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, schemas []Schema, more ...goose.ProviderOption) error {
	for _, s := range schemas {
		options := append([]goose.ProviderOption{
			goose.WithTableName(s.Name + "_schema"),
			goose.WithDisableGlobalRegistry(true),
			goose.WithSlog(slog.New(slog.DiscardHandler)),
		}, more...)
		provider, err := goose.NewProvider(dialect, db, s.Migrations, options...)
		if err != nil {
			return fmt.Errorf("migrations of %s: %w", s.Name, err)
		}
		applied, err := provider.Up(ctx)
		if err != nil {
			return fmt.Errorf("migrate schema %s (is the database another system's?): %w", s.Name, err)
		}
		for _, m := range applied {
			slog.InfoContext(ctx, "migrated", "schema", s.Name, "version", m.Source.Version)
		}
	}
	return nil
}

func orClose(db *sql.DB, err error) (*sql.DB, error) {
	if err != nil {
		_ = db.Close() // the first error tells more
		return nil, err
	}
	return db, nil
}

// InTx runs fn in a transaction: committed if fn returns nil, else rolled back.
func InTx(ctx context.Context, db *sql.DB, fn func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // it is the way out of an error, or does nothing
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Now is the time as both databases keep it: UTC, to the microsecond.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
