package tracing

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
)

func TestLogsOfTheSDKQuoteNobody(t *testing.T) {
	refused := temporal.NewNonRetryableApplicationError(`there is no material "Jane Doe"`, "fix_input", nil)
	for name, tc := range map[string]struct {
		key   string
		value any
		want  string
	}{
		"an activity's error":       {"Error", refused, `"Error":"fix_input"`},
		"one that is wrapped":       {"error", fmt.Errorf("undo: %w", refused), `"error":"fix_input"`},
		"a trouble of the worker's": {"Error", errors.New("no key k1"), `"Error":"no key k1"`},
		"signals":                   {"SignalNames", []string{"Jane Doe", "x"}, `"SignalNames":2`},
		"anything else":             {"WorkflowID", "ord-1", `"WorkflowID":"ord-1"`},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			h := slog.NewJSONHandler(&out, &slog.HandlerOptions{ReplaceAttr: Discreet})
			logger := log.NewStructuredLogger(slog.New(LogHandler(h)))
			logger.Error("Activity error.", tc.key, tc.value)
			log.With(logger, tc.key, tc.value).Warn("the same")
			require.NotContains(t, out.String(), "Jane")
			require.Equal(t, 2, bytes.Count(out.Bytes(), []byte(tc.want)), out.String())
		})
	}
}
