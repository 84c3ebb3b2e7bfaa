package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"ordertrace/lifecycle"
	"ordertrace/tracing/jaeger"
)

const (
	chaosOrders = 60
	chaosKills  = 18
	killEvery   = 1400 * time.Millisecond
	closeAfter  = 10 // orders later: most wait by then, some are still on their way
)

// Sixty orders in flight, a random worker killed every 1.4 s, all closed by
// signals without a header: every order is one trace with one root, and all that
// the workflow itself tells is there, once. What is excused is what a kill tears:
// the spans of an attempt that was running, or had just ended, and so, below it,
// spans of other processes whose parent died.
func TestTracesStayWholeUnderKills(t *testing.T) {
	r := another(t)
	model := r.upload(t)
	var orders []string
	closed := 0
	start, kill := time.NewTicker(killEvery*chaosKills/chaosOrders), time.NewTicker(killEvery)
	defer start.Stop()
	defer kill.Stop()
	for kills := 0; kills < chaosKills || closed < chaosOrders; {
		select {
		case <-start.C:
			if len(orders) < chaosOrders {
				orders = append(orders, newID("chaos"))
				r.startUntraced(t, orders[len(orders)-1], model)
			}
			if closed < chaosOrders && (closed < len(orders)-closeAfter || len(orders) == chaosOrders) {
				r.closeUntraced(t, orders[closed])
				closed++
			}
		case <-kill.C:
			if kills < chaosKills {
				_ = r.Kill(workerNames[rand.IntN(len(workerNames))], syscall.SIGKILL) // it may be between two lives
				kills++
			}
		}
	}
	var ends errgroup.Group
	for _, id := range orders {
		ends.Go(func() error { return r.temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil) })
	}
	require.NoError(t, ends.Wait())

	// A worker that was killed right after an order's last task told nobody of
	// it. Whoever replays the order does.
	statuses := map[string]lifecycle.Status{}
	for _, id := range orders {
		statuses[id] = r.status(t, id)
	}
	var torn, lost int
	for _, id := range orders {
		eventually(t, 20*time.Second, 500*time.Millisecond, func() (bool, string) {
			traces := r.tracesOf(t, id)
			why := wrongAfterKills(statuses[id], traces)
			return why == "", why + "\n" + draw(traces...)
		})
		spans := r.tracesOf(t, id)[0]
		torn += len(orphans(spans))
		for _, stage := range lifecycle.StageNames() {
			if len(named(spans, string(stage))) == 0 {
				lost++
			}
		}
	}
	t.Logf("%d of %d orders have one trace with one root; %d spans below torn attempts are orphans, %d stages lack their attempt",
		chaosOrders, chaosOrders, torn, lost)
}

// wrongAfterKills says what no kill excuses; empty if all is well.
func wrongAfterKills(s lifecycle.Status, traces [][]jaeger.Span) string {
	if report := jaeger.Examine(traces...); report.Traces != 1 || report.Roots != 1 || report.Copies > 0 {
		return report.String()
	}
	spans := traces[0]
	var wrong []string
	for _, o := range orphans(spans) {
		if isFact(o) || o.Service == "starter" {
			wrong = append(wrong, "orphan "+o.Name)
		}
	}
	names := count(spans)
	for _, name := range []string{"RunWorkflow:Order", "signal close", "Order closed"} {
		if names[name] != 1 {
			wrong = append(wrong, fmt.Sprintf("%d spans %s", names[name], name))
		}
	}
	if waits := names["await CLOSED"]; waits > 1 || waits == 0 && waited(s, named(spans, "signal close")) {
		wrong = append(wrong, fmt.Sprintf("%d spans await CLOSED", waits))
	}
	return strings.Join(wrong, ", ")
}

// waited tells whether the signal came after the order was shipped. One that
// came in the same workflow task may have been waited for or not.
func waited(s lifecycle.Status, signals []jaeger.Span) bool {
	for _, p := range s.Passed {
		if p.Stage == lifecycle.Shipped && len(signals) > 0 {
			return p.At.Truncate(time.Microsecond).Before(signals[0].Start)
		}
	}
	return false
}
