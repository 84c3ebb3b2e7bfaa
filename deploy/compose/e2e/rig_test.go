//go:build compose

// Package e2e runs the very docker-compose.yml, in a copy of the repository as a new
// user has it, on a Docker engine of its own and with stand-ins for the images that
// cannot be pulled (deploy/standins). Then it uses the stack as people do, and breaks it.
//
//	make test-compose                      500 orders in the chaos
//	COMPOSE_ORDERS=50 make test-compose    fewer
package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/joho/godotenv"
	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/standins"
)

const root = "../../.."

var (
	shared  *composed
	missing string // why there is no engine
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	engine, err := standins.Start(ctx, standins.Config{Root: root, Progress: os.Stderr})
	if unavailable := (*standins.UnavailableError)(nil); errors.As(err, &unavailable) {
		missing = unavailable.Error()
		return m.Run(), nil
	}
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, engine.Close()) }()
	if err := engine.Prepare(ctx); err != nil {
		return 1, err
	}
	shared, err = newComposed(ctx, engine)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, shared.remove(ctx, code != 0)) }()
	if err := shared.start(ctx); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// ready is the stack, running and well.
func ready(t *testing.T) *composed {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	return shared
}

// composed is the stack of docker-compose.yml in a folder of its own.
type composed struct {
	engine  *standins.Engine
	program string // docker-compose
	folder  string // the copy of the repository
	ports   stack.Ports
	setup   string            // what the README's first command printed
	demo    string            // and the second
	secrets map[string]string // .env
}

const (
	project = "ordertrace-e2e"
	tag     = "e2e" // of our own images
)

func newComposed(ctx context.Context, engine *standins.Engine) (*composed, error) {
	c := &composed{engine: engine}
	var err error
	if c.program, err = engine.Compose(ctx); err != nil {
		return nil, err
	}
	if c.ports, err = stack.FreePorts(); err != nil {
		return nil, err
	}
	if c.folder, err = os.MkdirTemp("", "ordertrace-compose"); err != nil {
		return nil, err
	}
	return c, checkOut(ctx, c.folder)
}

// checkOut copies what git has or would take.
func checkOut(ctx context.Context, folder string) error {
	cmd := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	names, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(names), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, but git does not know yet
		}
		if err != nil {
			return err
		}
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			return err
		}
		target := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(target), 0o755), os.WriteFile(target, content, info.Mode().Perm())); err != nil {
			return err
		}
	}
	return nil
}

// start is what the README says: two commands. Between them three people are let in.
func (c *composed) start(ctx context.Context) (err error) {
	if err := c.down(ctx); err != nil { // what a killed run has left
		return err
	}
	began := time.Now()
	if c.setup, err = c.compose(ctx, "-f", "deploy/compose/setup.yml", "run", "--rm", "-T", "setup"); err != nil {
		return err
	}
	told("the first command of the README", began)
	if c.secrets, err = godotenv.Read(filepath.Join(c.folder, ".env")); err != nil {
		return err
	}
	if err := c.letIn(ctx); err != nil {
		return err
	}
	began = time.Now()
	if c.demo, err = c.compose(ctx, "run", "--rm", "-T", "demo"); err != nil {
		logs, _ := c.compose(ctx, "logs", "--tail=30")
		return fmt.Errorf("%w\n%s", err, logs)
	}
	told("the second command of the README", began)
	return nil
}

func told(what string, began time.Time) {
	fmt.Fprintf(os.Stderr, "%s: %s\n", what, time.Since(began).Round(time.Second))
}

// remove takes the stack away with its data, and shows its last words first if it failed.
func (c *composed) remove(ctx context.Context, failed bool) error {
	if failed {
		logs, _ := c.compose(ctx, "logs", "--tail=20")
		fmt.Fprintln(os.Stderr, logs)
	}
	return errors.Join(c.down(ctx), os.RemoveAll(c.folder))
}

// down goes by the project's name alone: the file cannot be read without its secrets.
func (c *composed) down(ctx context.Context) error {
	cmd := c.command(ctx, "--project-name="+project, "down", "--volumes", "--remove-orphans", "--timeout=10")
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("docker compose down: %w\n%s", err, out)
	}
	// Our own images are made anew; what they were made of is kept.
	_, err := c.engine.Docker(ctx, "image", "rm", "--force", "--no-prune", "ordertrace:"+tag, "ordertrace-proxy:"+tag)
	if err != nil && strings.Contains(err.Error(), "No such image") {
		return nil
	}
	return err
}

// compose is what somebody types in the repository after "docker compose", with ports
// of their own. It returns what is printed.
func (c *composed) compose(ctx context.Context, args ...string) (string, error) {
	var out, messages bytes.Buffer
	cmd := c.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		all := strings.Split(out.String()+messages.String(), "\n")
		return out.String(), fmt.Errorf("docker compose %s: %w\n%s", strings.Join(args, " "), err, strings.Join(all[max(0, len(all)-60):], "\n"))
	}
	return out.String(), nil
}

func (c *composed) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Dir = c.folder
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(c.engine.Env(), "COMPOSE_PROJECT_NAME="+project, "ORDERTRACE_TAG="+tag,
		fmt.Sprintf("PROXY_PORT=%d", c.ports.UI), fmt.Sprintf("SHOP_PORT=%d", c.ports.Shop),
		fmt.Sprintf("CRM_PORT=%d", c.ports.CRM), fmt.Sprintf("MES_PORT=%d", c.ports.MES))
	return cmd
}

// mustCompose is compose for a test.
func (c *composed) mustCompose(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.compose(t.Context(), args...)
	require.NoError(t, err)
	return out
}

// inspect fills in a template of `docker inspect` for a service's container.
func (c *composed) inspect(ctx context.Context, service, template string) (string, error) {
	out, err := c.engine.Docker(ctx, "inspect", "--format", template, project+"-"+service+"-1")
	return strings.TrimSpace(out), err
}

// address is that of a service in its network, which this machine reaches too.
func (c *composed) address(ctx context.Context, service string) (string, error) {
	all, err := c.inspect(ctx, service, "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}")
	if err != nil {
		return "", err
	}
	first, _, _ := strings.Cut(all, " ")
	if first == "" {
		return "", fmt.Errorf("%s has no address", service)
	}
	return first, nil
}

// eventually polls until the condition has nothing to say against it.
func eventually(t *testing.T, limit time.Duration, condition func() error) {
	t.Helper()
	deadline, tick := time.NewTimer(limit), time.NewTicker(500*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			require.NoError(t, err, "not in %s", limit)
		case <-t.Context().Done():
			require.NoError(t, t.Context().Err())
		}
	}
}

// patience is for what takes seconds on an idle machine.
const patience = 3 * time.Minute
