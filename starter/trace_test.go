package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/tracing/jaeger"
)

var update = flag.Bool("update", false, "write the golden files anew")

// bar is a span in whole milliseconds since noon.
func bar(id, parent, service, name string, from, length int, tags map[string]string) jaeger.Span {
	noon := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	return jaeger.Span{
		ID: id, Parent: parent, Service: service, Name: name, Tags: tags,
		Start: noon.Add(time.Duration(from) * time.Millisecond), Duration: time.Duration(length) * time.Millisecond,
	}
}

var failed = map[string]string{"error": "true"}

func TestWaterfall(t *testing.T) {
	tests := map[string][]jaeger.Span{
		"empty": nil,
		"one":   {bar("a", "", "order", "RunWorkflow:Order", 0, 1, nil)},
		"no time at all": {
			bar("a", "", "order", "RunWorkflow:Order", 0, 0, nil), bar("b", "a", "shop", "INITIATED", 0, 0, nil),
		},
		"order": {
			bar("s", "", "starter", "StartWorkflow:Order", 0, 20, nil),
			bar("a", "s", "order", "RunWorkflow:Order", 10, 1, nil),
			bar("1", "a", "shop", "INITIATED", 20, 100, map[string]string{"temporalAttempt": "1", "error": "true"}),
			bar("2", "a", "shop", "INITIATED", 200, 100, map[string]string{"temporalAttempt": "2"}),
			bar("h", "2", "shop-api", "PUT /orders/{order}/stages/{stage}", 210, 50, nil),
			bar("w", "a", "order", "await CLOSED", 300, 700, nil),
			bar("o", "a", "order", "Order closed", 999, 1, nil),
		},
		"its parent is missing": {
			bar("a", "", "order", "RunWorkflow:Order", 0, 1, nil),
			bar("h", "lost", "shop-api", "PUT /orders/{order}/stages/{stage}", 5, 5, failed),
			bar("i", "h", "shop-api", "INSERT", 6, 2, nil),
		},
		"the same span twice": {
			bar("a", "", "order", "RunWorkflow:Order", 0, 1, nil),
			bar("a", "", "order", "RunWorkflow:Order", 0, 2, nil),
			bar("1", "a", "shop", "INITIATED", 2, 8, nil),
		},
		"the child came before its parent": {
			bar("c", "p", "shop", "INITIATED", 0, 10, nil), bar("p", "", "order", "RunWorkflow:Order", 5, 1, nil),
		},
	}
	for name, spans := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			waterfall(&out, spans, 40)
			requireGolden(t, filepath.Join("testdata", "waterfall", name+".txt"), out.String())
			require.Equal(t, len(spans), bytes.Count(out.Bytes(), []byte("\n")), "every span has one line")
		})
	}
}

func requireGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestBrief(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "999ns": 999, "1µs": time.Microsecond, "1.5ms": 1523 * time.Microsecond, "250ms": 250 * time.Millisecond,
		"1.23s": 1234 * time.Millisecond, "59.99s": 59994 * time.Millisecond, "2m3s": 2*time.Minute + 3400*time.Millisecond,
		"30m0s": 30 * time.Minute, "47h0m0s": 47 * time.Hour, "2.0d": 48 * time.Hour, "21.5d": 516 * time.Hour,
	} {
		require.Equal(t, want, brief(d))
	}
}
