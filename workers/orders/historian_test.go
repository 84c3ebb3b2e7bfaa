package orders

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"ordertrace/tracing"
	"ordertrace/workers/encryption"
)

var update = flag.Bool("update", false, "write the facts of the saved histories anew")

const histories = "../../workflow/testdata/histories"

// The facts of orders that ended in each way there is, as real ones did.
func TestFactsOfSavedHistories(t *testing.T) {
	saved, err := filepath.Glob(filepath.Join(histories, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, saved)
	for _, file := range saved {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			facts, err := Historian(encryption.Keys{}).Facts(load(t, file))
			require.NoError(t, err)
			got := table(facts)
			golden := filepath.Join("testdata", "facts", name+".txt")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err, "write it with -update, and read it")
			require.Equal(t, string(want), string(got))
		})
	}
}

// What history tells of a run has no words of anybody.
func TestFactsAreUnderOneAnchor(t *testing.T) {
	facts, err := Historian(encryption.Keys{}).Facts(load(t, filepath.Join(histories, "people-api.json")))
	require.NoError(t, err)
	require.Equal(t, "RunWorkflow:Order", facts[0].Name)
	for _, f := range facts[1:] {
		require.Equal(t, facts[0].ID, f.Parent.SpanID(), f.Name)
		require.Equal(t, facts[0].Parent.TraceID(), f.Parent.TraceID(), f.Name)
	}
}

func load(t *testing.T, file string) tracing.History {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	h, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
	require.NoError(t, err)
	start := h.Events[0].GetWorkflowExecutionStartedEventAttributes()
	run := start.GetOriginalExecutionRunId()
	for _, e := range h.Events { // a reset run goes on from another one
		if reset := e.GetWorkflowTaskFailedEventAttributes().GetNewRunId(); reset != "" {
			run = reset
		}
	}
	return tracing.History{Namespace: "default", WorkflowID: start.GetWorkflowId(), RunID: run, Events: h.Events}
}

// table is one fact a line: its ID, when it began and how long it was, its name and
// what it says.
func table(facts []tracing.Fact) []byte {
	var out bytes.Buffer
	began := facts[0].From
	for _, f := range facts {
		fmt.Fprintf(&out, "%s <- %-16s %12v %12v  %-6s %s", f.ID, f.Parent.SpanID(), f.From.Sub(began).Truncate(time.Microsecond), f.End().Sub(f.From), f.Service, f.Name)
		for _, key := range []string{"temporalAttempt", "order.awaited", "order.outcome", "error.type"} {
			for _, a := range f.Attributes {
				if string(a.Key) == key {
					fmt.Fprintf(&out, " %s=%s", key, a.Value.String())
				}
			}
		}
		if f.Repaired != "" {
			fmt.Fprintf(&out, " (%s)", f.Repaired)
		}
		fmt.Fprintln(&out)
	}
	return out.Bytes()
}
