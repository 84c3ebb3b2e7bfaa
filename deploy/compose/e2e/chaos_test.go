//go:build compose

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/tracing/audit"
)

// orders is how many go through the chaos.
func orders(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("COMPOSE_ORDERS"), "500"))
	require.NoError(t, err)
	return n
}

// TestOrdersOutliveTheChaos passes orders through the stack while each of its servers
// and workers is killed with -9 once, and one is cut off from its network for a while.
// In the end every order is CLOSED, once, in all three databases and in Temporal; and
// once what the kills tore is repaired from history, every trace is whole.
func TestOrdersOutliveTheChaos(t *testing.T) {
	c := ready(t)
	others := c.rows(t, "shop", "SELECT order_id FROM orders")
	load := c.simulate(t, orders(t))
	mishaps := []func() (string, error){
		c.killed(t, "shop"), c.killed(t, "jaeger"), c.killed(t, "crm"), c.killed(t, "temporal"), c.killed(t, "mes"),
		c.killed(t, "collector"), c.killed(t, "postgres"), c.cutOff(t, "collector"),
	}
	for i, happen := range mishaps {
		load.await((i + 1) * orders(t) / (len(mishaps) + 2))
		at := time.Now()
		what, err := happen()
		require.NoError(t, err)
		t.Logf("%s %s, well again %s later; %s", at.Format(time.TimeOnly), what, time.Since(at).Round(time.Second), load.progress())
	}
	ends := load.ends()
	require.Len(t, ends, orders(t))
	t.Logf("%d orders in %s", len(ends), time.Since(load.began).Round(time.Second))

	c.requireClosedOnce(t, ends, others)
	c.requireWhole(t, ends)
}

// requireClosedOnce looks in the systems' databases and in Temporal; others are the
// orders that were there before.
func (c *composed) requireClosedOnce(t *testing.T, ends []end, others []string) {
	t.Helper()
	var ids []string
	for _, e := range ends {
		ids = append(ids, e.OrderID)
	}
	slices.Sort(ids)
	require.Equal(t, ids, slices.Compact(slices.Clone(ids)), "no number is given twice")
	for _, system := range lifecycle.Systems() {
		var stages []string
		for step := range lifecycle.Steps() {
			if step.System == system {
				stages = append(stages, string(step.Stage))
			}
		}
		slices.Sort(stages)
		database := string(system)
		closed := c.rows(t, database, "SELECT order_id FROM orders WHERE outcome = 'closed'")
		require.Subset(t, closed, ids, "%s: every order is closed", system)
		once := c.rows(t, database, `SELECT order_id FROM stages GROUP BY order_id HAVING string_agg(stage, ',' ORDER BY stage COLLATE "C") = '`+strings.Join(stages, ",")+"'")
		require.Subset(t, once, ids, "%s: every stage is recorded, and once", system)
		all := c.rows(t, database, "SELECT order_id FROM orders")
		require.ElementsMatch(t, slices.Concat(others, ids), all, "%s: nobody started another order", system)
	}
	eventually(t, patience, func() error { // visibility comes after the fact
		runs, err := c.runs(t.Context())
		if err != nil {
			return err
		}
		for _, id := range ids {
			if !slices.Equal(runs[id], []string{"Completed"}) {
				return fmt.Errorf("%s in Temporal: %v", id, runs[id])
			}
		}
		return nil
	})
}

// requireWhole has the starter write what is missing, as soon as nothing can be on its
// way any more, and reads every trace.
func (c *composed) requireWhole(t *testing.T, ends []end) {
	t.Helper()
	eventually(t, 10*time.Minute, func() error {
		out, err := c.compose(t.Context(), "run", "--rm", "-T", "--no-deps", "starter", "trace", "repair", "--all", "--rate=0", "--json")
		if err != nil {
			return err
		}
		var sum audit.Summary
		if err := json.Unmarshal([]byte(out), &sum); err != nil {
			return err
		}
		t.Logf("of %d traces %d are whole already, %d are repaired with %d spans", sum.Looked, sum.Whole, sum.Repaired, sum.Added)
		for _, e := range ends {
			if err := c.whole(t.Context(), e.TraceID); err != nil {
				return fmt.Errorf("%s: %w", e.OrderID, err)
			}
		}
		return nil
	})
}

// end is what simulate says of an order.
type end struct {
	OrderID string `json:"order_id"`
	TraceID string `json:"trace_id"`
	State   string `json:"state"`
	Error   string `json:"error"`
}

// load is simulate at work, in a container of the stack.
type load struct {
	t     *testing.T
	began time.Time
	out   bytes.Buffer
	done  chan struct{}
	err   error

	mu    sync.Mutex
	lines []byte // what it tells of its progress
}

func (c *composed) simulate(t *testing.T, n int) *load {
	t.Helper()
	l := &load{t: t, began: time.Now(), done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := c.command(ctx, "run", "--rm", "-T", "--no-deps", "--entrypoint=simulate", "demo", fmt.Sprintf("--orders=%d", n), "--parallel=16", "--json")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdout, cmd.Stderr = &l.out, l
	require.NoError(t, cmd.Start())
	go func() {
		defer close(l.done)
		l.err = cmd.Wait()
	}()
	t.Cleanup(func() { cancel(); <-l.done })
	return l
}

// Write takes what simulate tells.
func (l *load) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, text...)
	return len(text), nil
}

var progress = regexp.MustCompile(`(\d+) of \d+ orders closed[^\n]*`)

// progress is the last that simulate told.
func (l *load) progress() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := progress.FindAllString(string(l.lines), -1)
	if len(all) == 0 {
		return "0 of them"
	}
	return all[len(all)-1]
}

// await waits until so many orders are closed.
func (l *load) await(n int) {
	l.t.Helper()
	eventually(l.t, 20*time.Minute, func() error {
		found := progress.FindStringSubmatch(l.progress())
		if found != nil {
			if closed, err := strconv.Atoi(found[1]); err == nil && closed >= n {
				return nil
			}
		}
		select {
		case <-l.done:
			return l.err
		default:
			return fmt.Errorf("waiting for %d: %s", n, l.progress())
		}
	})
}

// ends waits for the last order.
func (l *load) ends() (all []end) {
	l.t.Helper()
	<-l.done
	for line := range strings.Lines(l.out.String()) {
		var e end
		require.NoError(l.t, json.Unmarshal([]byte(line), &e), line)
		if e.State != "CLOSED" {
			l.t.Errorf("%s, trace %s, is %s: %s", e.OrderID, e.TraceID, e.State, e.Error)
		}
		all = append(all, e)
	}
	if l.err != nil && len(all) == 0 {
		require.NoError(l.t, l.err, "%s", l.lines)
	}
	return all
}
