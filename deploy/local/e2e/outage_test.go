package e2e

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

var outages = map[string]func(testing.TB) string{
	"nobody listens":               closedPort,
	"it accepts and never answers": blackHole,
}

// With nobody to take spans, orders run, memory stays bounded, and workers end in
// time.
func TestOrdersRunWithoutJaeger(t *testing.T) {
	for name, endpoint := range outages {
		t.Run(name, func(t *testing.T) {
			const flush = 2 * time.Second
			r := another(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint(t), "FLUSH_TIMEOUT="+flush.String())
			r.runMany(t, 10)
			before := r.memory(t)
			began := time.Now()
			r.runMany(t, 50)
			t.Logf("50 orders in %v", time.Since(began).Round(time.Millisecond))
			for worker, kb := range r.memory(t) {
				t.Logf("%s: %d kB, was %d kB", worker, kb, before[worker])
				require.Less(t, kb-before[worker], 50_000, "%s grows", worker) // 50 orders are more than 5,000 spans
			}
			for _, worker := range workerNames {
				began := time.Now()
				r.restart(t, worker, syscall.SIGTERM)
				t.Logf("%s ended and began anew in %v", worker, time.Since(began).Round(time.Millisecond))
				require.Less(t, time.Since(began), flush+unusedConns+time.Second, worker)
			}
		})
	}
}

// BenchmarkOutage runs orders with Jaeger up and with it down, in turns, and
// prints orders per second as the medians of the rounds' ratios to Jaeger up.
func BenchmarkOutage(b *testing.B) {
	const rounds, orders = 7, 20
	up, down := another(b), map[string]*rig{}
	for name, endpoint := range outages {
		down[name] = another(b, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint(b), "FLUSH_TIMEOUT=1s")
	}
	seconds := func(r *rig) float64 {
		began := time.Now()
		r.runMany(b, orders)
		return time.Since(began).Seconds()
	}
	ratios, rate := map[string][]float64{}, []float64{}
	for range b.N {
		for range rounds {
			healthy := seconds(up)
			rate = append(rate, orders/healthy)
			for name, r := range down {
				ratios[name] = append(ratios[name], healthy/seconds(r))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(rate), "orders/s-up")
	for name := range down {
		b.ReportMetric(median(ratios[name]), "ratio:"+strings.ReplaceAll(name, " ", "-"))
	}
}

// unusedConns is how long net/http may wait for a connection that a client opened
// and never used, when a server shuts down.
const unusedConns = 5 * time.Second

// runMany takes orders from their start to their close, all at once.
func (r *rig) runMany(t testing.TB, n int) {
	t.Helper()
	model := r.upload(t)
	var ends errgroup.Group
	for range n {
		id := newID("many")
		r.startUntraced(t, id, model)
		r.closeUntraced(t, id)
		ends.Go(func() error { return r.temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil) })
	}
	require.NoError(t, ends.Wait())
}

// memory is what each worker has in memory now, in kB; empty where the system
// does not tell.
func (r *rig) memory(t *testing.T) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, worker := range workerNames {
		f, err := os.Open(fmt.Sprintf("/proc/%d/status", r.Pid(worker)))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if value, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
				var kb int
				_, err := fmt.Sscan(value, &kb)
				require.NoError(t, err)
				out[worker] = kb
			}
		}
		require.NoError(t, f.Close())
	}
	return out
}

func closedPort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return "http://" + listener.Addr().String()
}

// blackHole takes connections, and never answers.
func blackHole(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	t.Cleanup(func() { require.NoError(t, listener.Close()); <-ended })
	return "http://" + listener.Addr().String()
}
