package workers

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/access"
	"ordertrace/workers/encryption"
)

func TestOnlyOperatorsAreShownPayloads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	lines := access.Line("operators-token", "operator-1", "operator") + "\n" + access.Line("managers-token", "manager-1", "manager") + "\n"
	require.NoError(t, os.WriteFile(file, []byte(lines), 0o600))
	callers, err := access.Open(access.Config{TokensFile: file})
	require.NoError(t, err)
	basic := func(user, password string) string {
		r := http.Request{Header: http.Header{}}
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	for name, tc := range map[string]struct {
		authorization string
		allowed       bool
	}{
		"an operator's bearer token": {"Bearer operators-token", true},
		"an operator's browser":      {basic("anyone", "operators-token"), true},
		"a manager's bearer token":   {"Bearer managers-token", false},
		"a manager's browser":        {basic("operator-1", "managers-token"), false},
		"an unknown token":           {"Bearer x", false},
		"the token as the user":      {basic("operators-token", ""), false},
		"an empty token":             {"Bearer ", false},
		"nothing":                    {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := (&http.Request{Header: http.Header{"Authorization": {tc.authorization}}}).WithContext(t.Context())
			require.Equal(t, tc.allowed, operators(callers)(r))
		})
	}
}

func TestCodecIsServedWhereItIsOfUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(file, []byte(access.Line("operators-token", "operator-1", "operator")+"\n"), 0o600))
	keys, err := encryption.ParseKeys(encryption.NewKey("a"))
	require.NoError(t, err)
	shop := Kind{System: lifecycle.Shop}
	for name, tc := range map[string]struct {
		kind   Kind
		config Config
		keys   encryption.Keys
		served bool
	}{
		"the shop's worker":             {shop, Config{CodecTokensFile: file}, keys, true},
		"with the API's callers":        {shop, Config{TokensFile: file}, keys, true},
		"without keys":                  {shop, Config{CodecTokensFile: file}, encryption.Keys{}, false},
		"without anybody to be allowed": {shop, Config{}, keys, false},
		"another worker":                {crmKind, Config{CodecTokensFile: file}, keys, false},
	} {
		t.Run(name, func(t *testing.T) {
			tc.config.CodecAddr, tc.config.DrainTimeout = freeAddress(t), time.Minute
			var stack closers
			failed := make(chan error, 1)
			require.NoError(t, serveCodec(t.Context(), tc.kind, tc.config, tc.keys, failed, &stack))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+tc.config.CodecAddr+"/decode", bytes.NewBufferString("{}"))
			require.NoError(t, err)
			req.Header.Set("Authorization", "Bearer operators-token")
			resp, err := http.DefaultClient.Do(req)
			if !tc.served {
				require.ErrorContains(t, err, "connection refused")
				return
			}
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.NoError(t, resp.Body.Close())
			http.DefaultClient.CloseIdleConnections()
			require.NoError(t, stack.close())
			require.ErrorIs(t, <-failed, http.ErrServerClosed)
		})
	}
}

// A worker that encrypts nothing says so, once.
func TestPlainPayloadsAreSaid(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	_, err := payloadKeys(Config{})
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("PAYLOAD_KEYS_FILE")), log.String())
	log.Reset()
	_, err = payloadKeys(Config{Payloads: encryption.Config{Keys: encryption.NewKey("a")}})
	require.NoError(t, err)
	require.Empty(t, log.String())
}

func TestWorkersRefuseWrongKeys(t *testing.T) {
	alone(t, freeAddress(t))
	err := Run(context.WithoutCancel(t.Context()), crmKind, config(t, lifecycle.CRM, "--payload-keys-file=/nowhere/keys"))
	require.ErrorContains(t, err, "/nowhere/keys")
}
