package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/secrets"
	"ordertrace/tracing"
	"ordertrace/tracing/audit"
	"ordertrace/workers/orders"
	"ordertrace/workflow"
)

// BenchmarkAudit prints what it costs to bring an order's whole trace back, all its
// facts, and then to look at it again and find nothing missing. Each is the median
// of the orders; reading the two, history and trace, is part of both.
func BenchmarkAudit(b *testing.B) {
	const many = 50
	r := another(b, "OTEL_EXPORTER_OTLP_ENDPOINT="+closedPort(b), "FLUSH_TIMEOUT=1s") // nothing is told
	b.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.OTLPEndpoint())
	b.Setenv("OTEL_EXPORTER_OTLP_HEADERS", secrets.OTLPHeaders(r.Sender()))
	r.runMany(b, many)
	teller, err := tracing.NewTeller(b.Context())
	require.NoError(b, err)
	defer func() { require.NoError(b, teller.Shutdown(b.Context())) }()
	keys, err := r.PayloadKeys()
	require.NoError(b, err)
	a := audit.Auditor{
		Temporal: tracing.Connection{Client: r.temporal, Namespace: "default"}, Jaeger: r.jaeger,
		Historian: orders.Historian(keys), Teller: teller, Settled: -1,
	}
	cost := map[string][]float64{}
	for range b.N {
		for _, what := range []string{"repair", "audit"} {
			var sum audit.Summary
			since := time.Now()
			err := a.Each(b.Context(), audit.Scope{Type: workflow.Name}, func(v audit.Visit) error {
				cost[what] = append(cost[what], float64(time.Since(since).Microseconds())/1000)
				sum.Add(v)
				since = time.Now()
				return v.Err
			})
			require.NoError(b, err)
			require.Empty(b, sum.Unrepairable)
			cost["spans"] = append(cost["spans"], float64(sum.Added)/many)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(cost["audit"]), "ms/order-audit")
	b.ReportMetric(median(cost["repair"]), "ms/order-repair")
	b.ReportMetric(median(cost["repair"])/median(cost["audit"]), "repair/audit")
	b.ReportMetric(cost["spans"][0], "spans/order-repaired")
}
