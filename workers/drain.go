package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"ordertrace/tracing"
)

// closers end what was started, the last first.
type closers []closer

type closer struct {
	name  string
	close func() error
}

func (c *closers) add(name string, f func() error) { *c = append(*c, closer{name, f}) }

func (c *closers) close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		if err := (*c)[i].close(); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", (*c)[i].name, err))
		}
	}
	return errors.Join(errs...)
}

func shutdown(s *http.Server, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// flush sends the last spans. What cannot leave in time is lost, and nothing
// else.
func flush(t *tracing.Telemetry, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := t.Shutdown(ctx); err != nil {
		slog.Warn("last spans", "error", err)
	}
}

func ignoreClosed(f func() error) func() error {
	return func() error {
		if err := f(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}
