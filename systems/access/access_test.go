package access

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func tokensFile(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600))
	return file
}

func requireCode(t *testing.T, code string, err error) {
	t.Helper()
	var e *lifecycle.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, e)
}

func TestATokenOfTheFileIsItsOwners(t *testing.T) {
	known, err := Open(Config{TokensFile: tokensFile(t, "# people", "", Line("s3cret", "operator-7", "operator"),
		Line("other", "manager-3", "manager", "operator")+" # on leave in May")})
	require.NoError(t, err)
	c, err := known.Caller(t.Context(), "s3cret")
	require.NoError(t, err)
	require.Equal(t, api.Caller{ID: "operator-7", Roles: []lifecycle.Role{lifecycle.Operator}}, c)
	c, err = known.Caller(t.Context(), "other")
	require.NoError(t, err)
	require.True(t, c.Is(lifecycle.Manager))
	for _, token := range []string{"", "S3cret", "s3cret ", Line("s3cret", "x", "y")[:64]} {
		_, err = known.Caller(t.Context(), token)
		requireCode(t, lifecycle.CodeUnauthorized, err)
	}
}

func TestATokensFileThatIsWrongIsRefused(t *testing.T) {
	for name, line := range map[string]string{
		"a token itself":  "s3cret operator-7 operator",
		"no role":         strings.Repeat("a", 64) + " operator-7",
		"an unknown role": Line("s3cret", "operator-7", "operator", "king"),
		"a half digest":   strings.Repeat("a", 32) + " operator-7 operator",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(Config{TokensFile: tokensFile(t, "", line)})
			require.ErrorContains(t, err, ":2: ")
		})
	}
	_, err := Open(Config{TokensFile: "absent"})
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSomebodyMustBeKnown(t *testing.T) {
	_, err := Open(Config{})
	require.ErrorContains(t, err, "API_TOKENS_FILE")
	_, err = Open(Config{Issuer: "https://issuer.example"})
	require.ErrorContains(t, err, "API_AUDIENCE")
}

// issuer is an OpenID provider's keys and discovery, over HTTP.
type issuer struct {
	*httptest.Server
	key  *rsa.PrivateKey
	kid  atomic.Value // the key's name
	away atomic.Bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i := &issuer{key: key}
	i.kid.Store("k")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: i.kid.Load().(string), Algorithm: "RS256", Use: "sig"}}})
	})
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i.away.Load() {
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) token(t *testing.T, key any, alg jose.SignatureAlgorithm, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", i.kid.Load()))
	require.NoError(t, err)
	all := map[string]any{"iss": i.URL, "aud": "ordertrace", "sub": "operator-7", "groups": []string{"operator", "trace-viewer"},
		"exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range claims {
		all[k] = v
	}
	token, err := jwt.Signed(signer).Claims(all).Serialize()
	require.NoError(t, err)
	return token
}

func TestAProvidersTokenIsItsSubjects(t *testing.T) {
	i := newIssuer(t)
	known, err := Open(Config{Issuer: i.URL, Audience: "ordertrace", TokensFile: tokensFile(t, Line("s3cret", "starter", "service"))})
	require.NoError(t, err)

	i.away.Store(true)
	_, err = known.Caller(t.Context(), i.token(t, i.key, jose.RS256, nil))
	requireCode(t, lifecycle.CodeUnavailable, err)
	i.away.Store(false)
	c, err := known.Caller(t.Context(), i.token(t, i.key, jose.RS256, nil))
	require.NoError(t, err, "the provider is back")
	require.Equal(t, api.Caller{ID: "operator-7", Roles: []lifecycle.Role{lifecycle.Operator}}, c, "groups that are no roles give none")
	c, err = known.Caller(t.Context(), "s3cret")
	require.NoError(t, err, "both are known at once")
	require.Equal(t, "starter", c.ID)

	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for name, token := range map[string]string{
		"signed by a stranger":  i.token(t, stranger, jose.RS256, nil),
		"signed with a secret":  i.token(t, []byte(strings.Repeat("s", 32)), jose.HS256, nil),
		"for somebody else":     i.token(t, i.key, jose.RS256, map[string]any{"aud": "shop"}),
		"of another issuer":     i.token(t, i.key, jose.RS256, map[string]any{"iss": "https://issuer.example"}),
		"out of date":           i.token(t, i.key, jose.RS256, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}),
		"of nobody":             i.token(t, i.key, jose.RS256, map[string]any{"sub": ""}),
		"with groups of a king": i.token(t, i.key, jose.RS256, map[string]any{"groups": "king"}),
		"no token":              "a.b.c",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := known.Caller(t.Context(), token)
			requireCode(t, lifecycle.CodeUnauthorized, err)
		})
	}
}

// A new key that cannot be fetched is the provider's trouble, not the caller's.
func TestAProviderThatIsAwayRefusesNobody(t *testing.T) {
	i := newIssuer(t)
	known, err := Open(Config{Issuer: i.URL, Audience: "ordertrace"})
	require.NoError(t, err)
	_, err = known.Caller(t.Context(), i.token(t, i.key, jose.RS256, nil))
	require.NoError(t, err)

	i.kid.Store("next")
	i.away.Store(true)
	_, err = known.Caller(t.Context(), i.token(t, i.key, jose.RS256, nil))
	requireCode(t, lifecycle.CodeUnavailable, err)
	i.away.Store(false)
	_, err = known.Caller(t.Context(), i.token(t, i.key, jose.RS256, nil))
	require.NoError(t, err)
}
