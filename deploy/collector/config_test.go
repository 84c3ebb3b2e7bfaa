package collector

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/stack"
)

func TestEveryConfigurationLoads(t *testing.T) {
	program, err := stack.Collector(t.Context(), building(t))
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		files []string
		env   []string
	}{
		"one collector":          {[]string{"config.yaml"}, nil},
		"the first of two tiers": {[]string{"config.yaml", "balancing.yaml"}, nil},
		"in front of Kafka":      {[]string{"config.yaml", "to-kafka.yaml"}, []string{"COLLECTOR_KAFKA_BROKERS=kafka-1:9092,kafka-2:9092"}},
		"behind Kafka":           {[]string{"config.yaml", "from-kafka.yaml"}, []string{"COLLECTOR_KAFKA_BROKERS=kafka-1:9092,kafka-2:9092"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"validate", feature}
			for _, file := range tc.files {
				args = append(args, "--config", file)
			}
			cmd := exec.CommandContext(t.Context(), program, args...)
			cmd.Env = append(cmd.Environ(), tc.env...)
			output, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", output)
		})
	}
	files, err := filepath.Glob("*.yaml")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"config.yaml", "balancing.yaml", "to-kafka.yaml", "from-kafka.yaml"}, files, "each has a line above")
}
