package tracing

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.yaml.in/yaml/v3"
)

// collectorConfig is the part of the collector's configuration that is a wall.
type collectorConfig struct {
	Processors struct {
		Redaction struct {
			AllowAllKeys bool            `yaml:"allow_all_keys"`
			AllowedKeys  []attribute.Key `yaml:"allowed_keys"`
		}
		Transform struct {
			Traces []struct {
				Context    string
				Statements []string
			} `yaml:"trace_statements"`
		}
	}
}

func readCollectorConfig(t *testing.T) collectorConfig {
	t.Helper()
	content, err := os.ReadFile("../deploy/collector/config.yaml")
	require.NoError(t, err)
	var config collectorConfig
	require.NoError(t, yaml.Unmarshal(content, &config))
	return config
}

// The two walls may not drift apart: what the SDK lets out the collector lets on,
// and nothing else.
func TestTheCollectorAllowsTheSameKeys(t *testing.T) {
	redaction := readCollectorConfig(t).Processors.Redaction
	want := slices.Concat(slices.Collect(maps.Keys(spanKeys)), slices.Collect(maps.Keys(resourceKeys)))
	for _, rules := range events {
		want = slices.AppendSeq(want, maps.Keys(rules))
	}
	require.False(t, redaction.AllowAllKeys)
	require.ElementsMatch(t, want, redaction.AllowedKeys)
}

func TestTheCollectorLooksAtEachKeysValue(t *testing.T) {
	require.Len(t, events, 1, "the collector's filter keeps one event by its name")
	exception := slices.Collect(maps.Values(events))[0]
	for _, place := range []struct {
		context, path string
		rules         map[attribute.Key]rule
	}{
		{"resource", "resource.attributes", resourceKeys},
		{"span", "span.attributes", spanKeys},
		{"spanevent", "spanevent.attributes", exception},
	} {
		t.Run(place.context, func(t *testing.T) {
			want := slices.Collect(maps.Keys(place.rules))
			require.ElementsMatch(t, want, keysOf(t, place.context, fmt.Sprintf(`(?s)^keep_keys\(%s, \[(.*)\]\)$`, place.path)), "kept")
			require.ElementsMatch(t, want, keysOf(t, place.context, fmt.Sprintf(`^delete_key\(%s, (.*?)\) where not `, place.path)), "looked at")
		})
	}
}

var quoted = regexp.MustCompile(`"([^"]*)"`)

// keysOf are those that the statements of a context name where the pattern says.
func keysOf(t *testing.T, context, pattern string) []attribute.Key {
	t.Helper()
	var keys []attribute.Key
	for _, group := range readCollectorConfig(t).Processors.Transform.Traces {
		if group.Context != context {
			continue
		}
		for _, statement := range group.Statements {
			for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(statement, -1) {
				for _, key := range quoted.FindAllStringSubmatch(match[1], -1) {
					keys = append(keys, attribute.Key(key[1]))
				}
			}
		}
	}
	return keys
}
