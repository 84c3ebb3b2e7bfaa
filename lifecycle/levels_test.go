package lifecycle_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

func TestServiceLevels(t *testing.T) {
	tests := map[string]struct {
		table string
		want  lifecycle.Levels
		err   string
	}{
		"good":             {table: "SHIPPED: 24h\nPACKAGING: 1h30m # fast\n", want: lifecycle.Levels{lifecycle.Shipped: 24 * time.Hour, lifecycle.Packaging: 90 * time.Minute}},
		"empty":            {table: "", want: lifecycle.Levels{}},
		"a comment alone":  {table: "# nothing is ever overdue\n", want: lifecycle.Levels{}},
		"an unknown stage": {table: "MELTED: 24h", err: `no stage "MELTED"`},
		"zero":             {table: "SHIPPED: 0s", err: "SHIPPED: want a duration above zero"},
		"below zero":       {table: "SHIPPED: -24h", err: "SHIPPED: want a duration above zero"},
		"a number":         {table: "SHIPPED: 24", err: "levels.yaml"},
		"words":            {table: "SHIPPED: soon", err: "levels.yaml"},
		"twice":            {table: "SHIPPED: 24h\nSHIPPED: 48h", err: "already defined"},
		"a list":           {table: "- SHIPPED", err: "levels.yaml"},
		"not YAML":         {table: "SHIPPED: [24h", err: "levels.yaml"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "levels.yaml")
			require.NoError(t, os.WriteFile(file, []byte(tc.table), 0o600))
			levels, err := lifecycle.LoadLevels(file)
			if tc.err != "" {
				require.ErrorContains(t, err, "service levels: "+file)
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, levels)
		})
	}
}

func TestServiceLevelsOfAMissingFile(t *testing.T) {
	_, err := lifecycle.LoadLevels(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "none.yaml")
}

// The table that comes with the program has a level for everyone who may keep
// an order waiting.
func TestBuiltInServiceLevels(t *testing.T) {
	levels, err := lifecycle.LoadLevels("")
	require.NoError(t, err)
	for s := range lifecycle.Steps() {
		waits := s.Stage != lifecycle.Initiated && s.By != lifecycle.Itself
		require.Equal(t, waits, levels[s.Stage] > 0, s.Stage)
	}
}
