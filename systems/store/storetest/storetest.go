// Package storetest gives tests real databases: SQLite files, and databases of a
// PostgreSQL server that runs for the test binary alone.
package storetest

import (
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// Main is a package's TestMain: it runs the tests, looks for goroutines that
// they left behind, and stops the PostgreSQL server if one was started.
func Main(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		stopServer()
		os.Exit(code)
	}))
}

// Each runs a test on both kinds of database. The DSN is that of a new, empty
// one.
func Each(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite names a database file that does not exist yet, in a folder that does
// not either.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "data", "test.db")
}
