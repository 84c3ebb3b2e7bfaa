package store_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"ordertrace/systems/store"
	"ordertrace/systems/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func schema(files ...string) []store.Schema {
	fsys := fstest.MapFS{}
	for i, sql := range files {
		fsys["0000"+string(rune('1'+i))+"_x.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql)}
	}
	return []store.Schema{{Name: "test", Migrations: fsys}}
}

const rings = `CREATE TABLE rings (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, made_at TIMESTAMP NOT NULL);`

func open(t *testing.T, c store.Config) *sql.DB {
	t.Helper()
	db, err := store.Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestProcessesThatStartAtOnceMigrateOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		c := store.Config{DSN: dsn, Schemas: schema(rings, `INSERT INTO rings VALUES (1, 'first', '2026-01-01 00:00:00');`)}
		var started sync.WaitGroup
		for range 6 {
			started.Go(func() {
				db, err := store.Open(context.Background(), c)
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		started.Wait()
		var n int
		require.NoError(t, open(t, c).QueryRow(`SELECT count(*) FROM rings`).Scan(&n))
		require.Equal(t, 1, n)
	})
}

func TestTimesComeBackInUTCToTheMicrosecond(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		db := open(t, store.Config{DSN: dsn, Schemas: schema(rings)})
		at := time.Date(2026, 11, 23, 1, 2, 3, 4000, time.UTC)
		for i, d := range []time.Duration{time.Second, 0, 100 * time.Millisecond, time.Microsecond} {
			_, err := db.Exec(`INSERT INTO rings (id, name, made_at) VALUES ($1, $2, $3)`, i, "ring", at.Add(d))
			require.NoError(t, err)
		}
		rows, err := db.Query(`SELECT made_at FROM rings ORDER BY made_at`)
		require.NoError(t, err)
		defer rows.Close()
		var got []time.Time
		for rows.Next() {
			var at time.Time
			require.NoError(t, rows.Scan(&at))
			got = append(got, at.UTC())
		}
		require.NoError(t, rows.Err())
		require.Equal(t, []time.Time{at, at.Add(time.Microsecond), at.Add(100 * time.Millisecond), at.Add(time.Second)}, got)
	})
}

func TestATransactionThatFailsLeavesNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		db := open(t, store.Config{DSN: dsn, Schemas: schema(rings)})
		broken := errors.New("broken")
		err := store.InTx(t.Context(), db, func(tx *sql.Tx) error {
			_, err := tx.Exec(`INSERT INTO rings (id, name, made_at) VALUES (1, 'x', $1)`, store.Now())
			require.NoError(t, err)
			return broken
		})
		require.ErrorIs(t, err, broken)
		var n int
		require.NoError(t, db.QueryRow(`SELECT count(*) FROM rings`).Scan(&n))
		require.Zero(t, n)
	})
}

func TestSpansTellTheStatementAndNeverItsArguments(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		spans := tracetest.NewSpanRecorder()
		tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		db := open(t, store.Config{DSN: dsn, Schemas: schema(rings), TracerProvider: tracers})
		require.NoError(t, db.PingContext(t.Context()))
		require.Empty(t, spans.Ended(), "what no request caused is no span")

		ctx, request := tracers.Tracer("test").Start(t.Context(), "request")
		require.NoError(t, store.InTx(ctx, db, func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, `INSERT INTO rings (id, name, made_at) VALUES (7, $1, $2)`, "secret", store.Now()); err != nil {
				return err
			}
			var name string
			return tx.QueryRowContext(ctx, `SELECT name FROM rings WHERE name = $1`, "secret").Scan(&name)
		}))
		request.End()

		var names []string
		for _, s := range spans.Ended() {
			names = append(names, s.Name())
			require.Equal(t, request.SpanContext().TraceID(), s.SpanContext().TraceID())
			for _, a := range s.Attributes() {
				require.NotContains(t, a.Value.String(), "secret")
			}
		}
		require.Equal(t, []string{"INSERT rings", "SELECT rings", "COMMIT", "request"}, names)
		require.Contains(t, spans.Ended()[0].Attributes(),
			attribute.String("db.query.text", "INSERT INTO rings (id, name, made_at) VALUES (7, $1, $2)"))
	})
}

func TestSpansTellErrorsByTheirCode(t *testing.T) {
	codes := map[string]string{"sqlite": "1555", "postgresql": "23505"} // the primary key is there
	storetest.Each(t, func(t *testing.T, dsn string) {
		spans := tracetest.NewSpanRecorder()
		tracers := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
		db := open(t, store.Config{DSN: dsn, Schemas: schema(rings), TracerProvider: tracers})
		ctx, request := tracers.Tracer("test").Start(t.Context(), "request")
		defer request.End()
		for range 2 {
			_, _ = db.ExecContext(ctx, `INSERT INTO rings (id, name, made_at) VALUES (7, $1, $2)`, "secret", store.Now())
		}
		told := attribute.NewSet(spans.Ended()[1].Attributes()...)
		system, _ := told.Value("db.system.name")
		for _, key := range []attribute.Key{"error.type", "db.response.status_code"} {
			code, _ := told.Value(key)
			require.Equal(t, codes[system.AsString()], code.AsString(), key)
		}
	})
}

func TestBadAddressesAreRefusedWithoutTheirPassword(t *testing.T) {
	for name, dsn := range map[string]string{
		"empty":       "",
		"other kind":  "mysql://user:hush@host/db",
		"no address":  "postgres://user:hush@127.0.0.1:bad/db",
		"no server":   "postgres://user:hush@127.0.0.1:1/db",
		"not a place": "sqlite:/dev/null/x.db",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Open(t.Context(), store.Config{DSN: dsn, Schemas: schema(rings)})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "hush")
		})
	}
}
