package proxy

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/proxy/identity"
)

// What is not set is named, and nothing runs.
func TestRunNamesWhatIsMissing(t *testing.T) {
	ready(t)
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	all := []string{
		"PROXY_PUBLIC_URL=http://x", "PROXY_LISTEN=x", "PROXY_JAEGER_URL=x", "PROXY_TEMPORAL_URL=x", "PROXY_OPERATOR_URL=x", "PROXY_CODEC_URL=x", "PROXY_CONTACT=x",
	}
	for name, tc := range map[string]struct {
		env  []string
		says string
	}{
		"the issuer":      {all, "PROXY_ISSUER is not set"},
		"a secret's file": {append(all, "PROXY_ISSUER=x"), "PROXY_CLIENT_SECRET_FILE is not set"},
		"an empty secret": {append(all, "PROXY_ISSUER=x", "PROXY_CLIENT_SECRET_FILE="+empty), empty + " is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "./run", "-t")
			cmd.Env = append(os.Environ(), tc.env...)
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, 64, exit.ExitCode(), "EX_USAGE of sysexits.h")
			require.Contains(t, string(out), tc.says)
		})
	}
}

// Without an identity provider nobody gets in, and nothing else breaks.
func TestNobodyEntersWithoutTheProvider(t *testing.T) {
	r := ready(t)
	ports, err := stack.FreePorts()
	require.NoError(t, err)
	p, err := r.startProxy(fmt.Sprintf("http://127.0.0.1:%d", ports.UI), fmt.Sprintf("PROXY_ISSUER=http://127.0.0.1:%d", ports.Jaeger))
	require.NoError(t, err)
	c := stranger(t, p)
	require.GreaterOrEqual(t, c.get("/jaeger/search", asBrowser).StatusCode, 500)
	require.Equal(t, unknown, r.verdict(c.get("/jaeger/api/services", asScript)))
	require.Equal(t, http.StatusNoContent, c.get("/healthz").StatusCode)
}

// A server behind that was away serves again with its first request.
func TestAServerBehindComesBack(t *testing.T) {
	r := ready(t)
	ports, err := stack.FreePorts()
	require.NoError(t, err)
	behind := fmt.Sprintf("127.0.0.1:%d", ports.Shop)
	public := fmt.Sprintf("http://127.0.0.1:%d", ports.UI)
	provider, err := identity.Start(people, identity.Client{ID: clientID, Secret: clientSecret, RedirectURIs: []string{public + "/oidc/callback"}})
	require.NoError(t, err)
	defer provider.Close()
	p, err := r.startProxy(public, "PROXY_ISSUER="+provider.URL, "PROXY_JAEGER_URL=http://"+behind)
	require.NoError(t, err)
	c := as(t, p, viewer)
	require.Equal(t, http.StatusServiceUnavailable, c.get("/jaeger/api/services", asScript).StatusCode)

	listener, err := net.Listen("tcp", behind)
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "back") })}
	go func() { _ = server.Serve(listener) }() // ends with Close
	defer server.Close()
	require.Equal(t, "back", c.get("/jaeger/api/services", asScript).body)
}

// Cookies are for TLS only, whether the proxy ends it or somebody in front does.
func TestTLS(t *testing.T) {
	r := ready(t)
	key, err := x509.MarshalPKCS8PrivateKey(r.lender.TLS.Certificates[0].PrivateKey)
	require.NoError(t, err)
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"cert": {Type: "CERTIFICATE", Bytes: r.lender.Certificate().Raw},
		"key":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	for name, tc := range map[string]struct {
		scheme string
		env    []string
	}{
		"here":     {"https", []string{"PROXY_TLS_CERT=" + filepath.Join(dir, "cert"), "PROXY_TLS_KEY=" + filepath.Join(dir, "key")}},
		"in front": {"http", nil},
	} {
		t.Run(name, func(t *testing.T) {
			ports, err := stack.FreePorts()
			require.NoError(t, err)
			address := fmt.Sprintf("://127.0.0.1:%d", ports.UI)
			p, err := r.startProxy(tc.scheme+address, append(tc.env, "PROXY_PUBLIC_URL=https"+address)...)
			require.NoError(t, err)
			a := stranger(t, p).get("/jaeger/search", asBrowser)
			require.Equal(t, signIn, r.verdict(a))
			require.NotEmpty(t, a.Cookies())
			for _, cookie := range a.Cookies() {
				require.True(t, cookie.Secure, cookie.Name)
			}
			require.Equal(t, "max-age=31536000", a.Header.Get("Strict-Transport-Security"))
		})
	}
}
