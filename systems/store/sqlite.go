package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/XSAM/otelsql"
	"github.com/pressly/goose/v3"
)

// busyTimeout is how long, in milliseconds, a statement waits for another
// process that writes to the same file.
const busyTimeout = "10000"

func openSQLite(ctx context.Context, path string, c Config) (*sql.DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database path: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("database folder: %w", err)
	}
	unlock, err := lockFile(ctx, path+".lock")
	if err != nil {
		return nil, fmt.Errorf("lock database %s: %w", filepath.Base(path), err)
	}
	defer unlock()
	db, err := otelsql.Open("sqlite", fileURI(path, url.Values{
		"_busy_timeout": {busyTimeout},
		"_foreign_keys": {"on"},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"}, // a fact that was answered must outlive a power cut
		"_txlock":       {"immediate"},
		"_time_format":  {"sqlite"}, // sorts as text
		"_timezone":     {"UTC"},
	}), tracing("sqlite", c.TracerProvider)...)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	// SQLite has one writer, and makes the others poll. One connection makes
	// them queue in their order instead; what they do takes microseconds.
	db.SetMaxOpenConns(1)
	return orClose(db, migrate(ctx, db, goose.DialectSQLite3, c.Schemas))
}

func fileURI(path string, params url.Values) string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: params.Encode()}
	return u.String()
}

// lockFile keeps other processes out until unlock, or until this one dies. The
// lock is SQLite's own on an empty database beside the real one: neither the
// switch to WAL nor goose's migrations wait for another process by themselves.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	db, err := sql.Open("sqlite", fileURI(path, url.Values{"_busy_timeout": {"60000"}, "_txlock": {"exclusive"}}))
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return func() {
		_ = tx.Rollback() // it held nothing but the lock
		_ = db.Close()
	}, nil
}
