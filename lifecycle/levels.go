package lifecycle

import (
	_ "embed" // the table below
	"fmt"
	"os"
	"time"

	"go.yaml.in/yaml/v3"
)

// Levels are the service levels of the gates: how long an order may wait for a
// stage before it is overdue. A stage without one is never overdue.
type Levels map[Stage]time.Duration

//go:embed levels.yaml
var builtInLevels []byte

// LoadLevels reads a table of service levels, YAML as in levels.yaml; that one
// if no file is named. It fails if the file cannot be read, names a stage that
// does not exist, or holds anything but durations above zero.
func LoadLevels(file string) (Levels, error) {
	data, name := builtInLevels, "levels.yaml"
	if file != "" {
		var err error
		if data, err = os.ReadFile(file); err != nil {
			return nil, fmt.Errorf("service levels: %w", err)
		}
		name = file
	}
	levels := Levels{}
	if err := yaml.Unmarshal(data, &levels); err != nil {
		return nil, fmt.Errorf("service levels: %s: %w", name, err)
	}
	for stage, level := range levels {
		if _, err := Find(stage); err != nil {
			return nil, fmt.Errorf("service levels: %s: %w", name, err)
		}
		if level <= 0 {
			return nil, fmt.Errorf("service levels: %s: %s: want a duration above zero, such as 72h", name, stage)
		}
	}
	return levels, nil
}
