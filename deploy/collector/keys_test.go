package collector

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"go.yaml.in/yaml/v3"
)

// allowedKeys are those of config.yaml, which tracing/collector_test.go holds to be
// the SDK's.
func allowedKeys(t *testing.T) []string {
	t.Helper()
	var config struct {
		Processors struct {
			Redaction struct {
				AllowedKeys []string `yaml:"allowed_keys"`
			}
		}
	}
	content, err := os.ReadFile("config.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &config))
	return config.Processors.Redaction.AllowedKeys
}

// An allowed key is no way past the wall, in no place and by no kind of value.
func TestNoAllowedKeyTellsOfPeople(t *testing.T) {
	receiver := startReceiver(t)
	c := newCollector(t, receiver.address)
	c.start(t)
	vendor := c.sender(t, vendorMES)
	for _, key := range allowedKeys(t) {
		for what, canary := range canaries {
			t.Run(key+": "+what, func(t *testing.T) {
				r := asked(temporalScope)
				for _, value := range []*commonpb.AnyValue{str(canary), bytesOf(canary), list(str(canary)), table(text("k", canary))} {
					kv := attribute(key, value)
					s := span("SHIPPED", client, kv)
					s.Events = append(s.Events, event("exception", kv))
					scopeOf(r).Spans = append(scopeOf(r).Spans, s)

					other := asked(temporalScope, span("SHIPPED", internal))
					other.ResourceSpans[0].Resource.Attributes = []*commonpb.KeyValue{kv}
					r.ResourceSpans = append(r.ResourceSpans, other.ResourceSpans...)
				}
				require.NoError(t, vendor.send(t.Context(), r))
				passed := receiver.of(t, traceOf(r))
				require.Len(t, passed.ResourceSpans, 5, "all spans pass")
				require.False(t, tells(t, passed, canary), "%v", passed)
			})
		}
	}
}
