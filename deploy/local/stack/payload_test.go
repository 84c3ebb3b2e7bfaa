package stack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	apiaccess "ordertrace/systems/access"
	"ordertrace/workers/encryption"
)

func TestPayloadKeysOutliveTheStackAndAreRotatedByHand(t *testing.T) {
	state := t.TempDir()
	first := withSecrets(t, state)
	file := filepath.Join(state, "access", "payload-keys")
	require.Contains(t, first.Env(), "PAYLOAD_KEYS_FILE="+file)
	for _, c := range first.workerCommands("") {
		require.Contains(t, c.env, "PAYLOAD_KEYS_FILE="+file, c.name)
	}
	keys, err := first.PayloadKeys()
	require.NoError(t, err)
	require.True(t, keys.Encrypt())

	made, err := os.ReadFile(file)
	require.NoError(t, err)
	rotated := encryption.NewKey("next") + "\n" + string(made)
	require.NoError(t, os.WriteFile(file, []byte(rotated), 0o600))
	withSecrets(t, state)
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, rotated, string(kept))
}

func TestTheRunnersOwnPayloadKeysComeFirst(t *testing.T) {
	for name, value := range map[string]string{
		"PAYLOAD_KEYS":      encryption.NewKey("mine"),
		"PAYLOAD_KEYS_FILE": filepath.Join(t.TempDir(), "mine"),
	} {
		t.Run(name, func(t *testing.T) {
			if name == "PAYLOAD_KEYS_FILE" {
				require.NoError(t, os.WriteFile(value, []byte(encryption.NewKey("mine")), 0o600))
			}
			t.Setenv(name, value)
			s := withSecrets(t, t.TempDir())
			for _, variable := range s.Env() {
				require.NotContains(t, variable, "PAYLOAD_KEYS", "it is inherited")
			}
			keys, err := s.PayloadKeys()
			require.NoError(t, err)
			require.True(t, keys.Encrypt())
		})
	}
}

// A person's own line outlives the stack, and only the role operator reads payloads.
func TestOperatorsAreKnown(t *testing.T) {
	state := t.TempDir()
	first := withSecrets(t, state)
	file := filepath.Join(state, "access", "operators")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(b, apiaccess.Line("hers", "operator-2", "operator")...), 0o600))
	require.Equal(t, first.Operator(), withSecrets(t, state).Operator())
	require.NoError(t, os.Remove(first.OperatorFile()))
	second := withSecrets(t, state)
	require.NotEqual(t, first.Operator(), second.Operator(), "it is made anew")

	tokens, err := apiaccess.LoadTokens(file)
	require.NoError(t, err)
	for _, token := range []string{passwordOf(second.Operator()), "hers"} {
		c, err := tokens.Caller(t.Context(), token)
		require.NoError(t, err)
		require.True(t, c.Is(lifecycle.Operator))
	}
	for _, token := range []string{passwordOf(second.TraceViewer()), passwordOf(first.Operator())} {
		_, err = tokens.Caller(t.Context(), token)
		require.Error(t, err)
	}
}
