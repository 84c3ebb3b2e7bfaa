//go:build compose

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// recovers is how long a server may take until it is well again.
const recovers = 5 * time.Minute

// killed ends a service's first process with -9, as a crash would, and waits until the
// engine has started it again and it is well.
func (c *composed) killed(t *testing.T, service string) func() (string, error) {
	return func() (string, error) {
		ctx := t.Context()
		before, err := c.life(ctx, service)
		if err != nil {
			return service, err
		}
		if err := syscall.Kill(before.pid, syscall.SIGKILL); err != nil {
			return service, fmt.Errorf("kill %s: %w", service, err)
		}
		eventually(t, recovers, func() error {
			now, err := c.life(ctx, service)
			switch {
			case err != nil:
				return err
			case now.started == before.started || now.pid == 0:
				return fmt.Errorf("%s has not started again", service)
			case now.health != "healthy" && now.health != "none":
				return fmt.Errorf("%s is %s", service, now.health)
			}
			return nil
		})
		return service, nil
	}
}

// life is one of a container's process.
type life struct {
	pid     int // 0 between two lives
	started string
	health  string // "none" if nobody asks
}

func (c *composed) life(ctx context.Context, service string) (life, error) {
	out, err := c.inspect(ctx, service, "{{.State.Pid}} {{.State.StartedAt}} {{with .State.Health}}{{.Status}}{{else}}none{{end}}")
	if err != nil {
		return life{}, err
	}
	field := strings.Fields(out)
	if len(field) != 3 {
		return life{}, fmt.Errorf("%s: %s", service, out)
	}
	pid, err := strconv.Atoi(field[0])
	return life{pid: pid, started: field[1], health: field[2]}, err
}

// isolation is how long nothing gets through.
const isolation = 15 * time.Second

// cutOff takes a service out of its network for a while.
func (c *composed) cutOff(t *testing.T, service string) func() (string, error) {
	const network = project + "_back"
	container := project + "-" + service + "-1"
	return func() (string, error) {
		if _, err := c.engine.Docker(t.Context(), "network", "disconnect", network, container); err != nil {
			return "", err
		}
		mended := time.NewTimer(isolation)
		defer mended.Stop()
		select {
		case <-mended.C:
		case <-t.Context().Done():
		}
		_, err := c.engine.Docker(t.Context(), "network", "connect", "--alias", service, network, container)
		return service + " cut off", errors.Join(err, t.Context().Err())
	}
}
