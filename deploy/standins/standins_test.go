//go:build compose

package standins

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestImages builds every stand-in, and a second time nothing.
func TestImages(t *testing.T) {
	e, err := Start(t.Context(), Config{Root: "../..", Progress: os.Stderr})
	if unavailable := (*UnavailableError)(nil); errors.As(err, &unavailable) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	require.NoError(t, e.Prepare(t.Context(), strings.Fields(os.Getenv("ONLY"))...))
}
