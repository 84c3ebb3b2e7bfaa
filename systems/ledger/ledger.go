// Package ledger is what the three systems have in common: the orders that a
// system knows and the stages that it recorded of them, each once.
package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// A Ledger keeps the orders of one system in its database.
type Ledger struct {
	db     *sql.DB
	system lifecycle.System
	stages []lifecycle.Stage // what the system owns, in order
}

// Config says which system's ledger to open.
type Config struct {
	System         lifecycle.System
	DSN            string               // see store.Config
	Migrations     fs.FS                // of the system's own tables: goose SQL files at its root
	TracerProvider trace.TracerProvider // default: the global one
}

// Open opens the system's database and brings its tables up to date.
func Open(ctx context.Context, c Config) (*Ledger, error) {
	own, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Config{
		DSN:            c.DSN,
		TracerProvider: c.TracerProvider,
		Schemas: []store.Schema{
			{Name: string(c.System) + "_ledger", Migrations: own},
			{Name: string(c.System), Migrations: c.Migrations},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.System, err)
	}
	return &Ledger{db: db, system: c.System, stages: lifecycle.Owned(c.System)}, nil
}

// DB is the system's database, for its own tables.
func (l *Ledger) DB() *sql.DB { return l.db }

// Close closes the database.
func (l *Ledger) Close() error { return l.db.Close() }

// Ping fails when the database does not answer.
func (l *Ledger) Ping(ctx context.Context) error { return l.db.PingContext(ctx) }

// A Change is what a system does to its own tables when it records a stage. It
// returns what the stage adds to the facts.
type Change func(ctx context.Context, tx *sql.Tx, known lifecycle.Facts) (lifecycle.Facts, error)

// Record records a stage once under its key, in one transaction with the
// system's own change. A key that is recorded already is answered as it was the
// first time, and change is not called.
//
// It fails with FixInput for a key that is not api.Key's or input that cannot be
// kept, and with LookUp when the order is unknown and this is not the system's
// first stage (not_found), or when it has ended, is being taken back, lacks the
// stage before, or is past this visit, or when the key's own stage was taken back
// (conflict); and with whatever change fails with.
func (l *Ledger) Record(ctx context.Context, order string, stage lifecycle.Stage, key string, in api.StageRequest, change Change) (api.StageAnswer, error) {
	e, err := l.entry(order, stage, key, in)
	if err != nil {
		return api.StageAnswer{}, err
	}
	var answer api.StageAnswer
	err = store.InTx(ctx, l.db, func(tx *sql.Tx) error {
		answer, err = l.record(ctx, tx, e, change)
		return err
	})
	if errors.Is(err, errRepeated) {
		return answer, nil
	}
	return answer, err
}

// errRepeated rolls back the transaction of a call that has nothing to do.
var errRepeated = errors.New("done before")

func (l *Ledger) record(ctx context.Context, tx *sql.Tx, e entry, change Change) (answer api.StageAnswer, err error) {
	now := store.Now()
	if e.stage == l.stages[0] {
		if err := open(ctx, tx, e, now); err != nil {
			return answer, err
		}
	}
	a, err := hold(ctx, tx, e.order, now)
	if err != nil {
		return answer, err
	}
	// Only now, with the order held, does nobody else record the same key.
	passed, err := passed(ctx, tx, e.order)
	if err != nil {
		return answer, err
	}
	answer, err = passed.answer(e.key)
	switch {
	case err != nil:
		return answer, err
	case answer.Done:
		return answer, errRepeated
	}
	if err := l.mayFollow(a, passed, e); err != nil {
		return answer, err
	}
	known := a.Facts.With(e.in.Facts)
	added, err := change(ctx, tx, known)
	if err != nil {
		return answer, err
	}
	answer = api.StageAnswer{Facts: added, Done: true}
	return answer, write(ctx, tx, known.With(added), e, answer, len(passed), now)
}

// Answered looks a stage up without recording it: Done is true if the key is
// recorded. It fails as Record would where it can be known beforehand.
func (l *Ledger) Answered(ctx context.Context, order string, stage lifecycle.Stage, key string, in api.StageRequest) (api.StageAnswer, error) {
	e, err := l.entry(order, stage, key, in)
	if err != nil {
		return api.StageAnswer{}, err
	}
	a, unread := read(ctx, l.db, order)
	passed, err := passed(ctx, l.db, order)
	if err != nil {
		return api.StageAnswer{}, err
	}
	answer, err := passed.answer(key)
	switch {
	case err != nil || answer.Done:
		return answer, err
	case stage == l.stages[0] && isUnknown(unread):
		return answer, nil
	case unread != nil:
		return answer, unread
	default:
		return answer, l.mayFollow(a, passed, e)
	}
}

// mayFollow tells whether the order, having passed the stages that it has, may
// come to the entry's stage on the entry's visit.
func (l *Ledger) mayFollow(a account, passed visits, e entry) error {
	if a.Outcome != "" {
		return hasEnded(a)
	}
	if a.undoing {
		return conflict("order %s is being cancelled: it comes to no stage any more", e.order)
	}
	if i := slices.Index(l.stages, e.stage); i > 0 && passed.last(l.stages[i-1]) == 0 {
		return conflict("order %s cannot come to %s: %s never recorded its %s", e.order, e.stage, l.system, l.stages[i-1])
	}
	if last := passed.last(e.stage); last >= e.visit {
		return conflict("order %s is past visit %d to %s: the last was %d", e.order, e.visit, e.stage, last)
	}
	return nil
}
