package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/proxy/identity"
	"ordertrace/lifecycle"
	"ordertrace/systems/access"
)

const apiClient = "ordertrace-api"

// behindProxy is a proxy through which its own identity provider is reached, as
// docker-compose.yml has it, and a witness of what that provider is sent.
func behindProxy(t *testing.T, r *rig) (*proxy, *witness) {
	t.Helper()
	ports, err := stack.FreePorts()
	require.NoError(t, err)
	public := fmt.Sprintf("http://127.0.0.1:%d", ports.UI)
	provider, err := identity.New(public+"/dex", people,
		identity.Client{ID: clientID, Secret: clientSecret, RedirectURIs: []string{public + "/oidc/callback"}},
		identity.Client{ID: apiClient, Public: true})
	require.NoError(t, err)
	w := watch(provider)
	t.Cleanup(w.Close)
	p, err := r.startProxy(public, "PROXY_ISSUER="+public+"/dex", "PROXY_IDENTITY_URL="+w.URL)
	require.NoError(t, err)
	return p, w
}

// One address is all that a browser, the proxy itself and the systems need.
func TestTheIdentityProviderIsReachedThroughTheProxy(t *testing.T) {
	r := ready(t)
	p, behind := behindProxy(t, r)
	for role, want := range map[string]string{outsider: refused, viewer: ok, operator: ok} {
		c := as(t, p, role)
		require.Equal(t, want, r.verdict(c.get("/jaeger/api/services", asScript)), role)
	}

	c := as(t, p, viewer)
	out := c.follow(c.get("/logout", asBrowser))
	require.Contains(t, out.body, "Signed out", "also where the provider itself ends no sessions")
	require.Equal(t, unknown, r.verdict(c.get("/jaeger/api/services", asScript)))
	for _, header := range behind.requests() {
		require.NotContains(t, header.Get("Cookie"), sessionCookie)
	}
}

// A person at a terminal gets a token, with which the systems' APIs know them.
func TestATokenForTheAPIs(t *testing.T) {
	r := ready(t)
	p, _ := behindProxy(t, r)
	token := func(change func(url.Values)) (int, string) {
		form := url.Values{"grant_type": {"password"}, "client_id": {apiClient}, "scope": {"openid groups"},
			"username": {personOf(operator).Email}, "password": {personOf(operator).Password}}
		change(form)
		res, err := stranger(t, p).http.PostForm(p.url+"/dex/token", form)
		require.NoError(t, err)
		defer res.Body.Close()
		var answer struct {
			Token string `json:"id_token"`
		}
		require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
		return res.StatusCode, answer.Token
	}
	status, shown := token(func(url.Values) {})
	require.Equal(t, http.StatusOK, status)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	known, err := access.Open(access.Config{Issuer: p.url + "/dex", Audience: apiClient})
	require.NoError(t, err)
	caller, err := known.Caller(t.Context(), shown)
	require.NoError(t, err)
	require.Equal(t, personOf(operator).Subject, caller.ID)
	require.True(t, caller.Is(lifecycle.Operator))

	for name, change := range map[string]func(url.Values){
		"a wrong password":       func(form url.Values) { form.Set("password", "guessed") },
		"nobody":                 func(form url.Values) { form.Set("username", "x@canary.example") },
		"for the proxy's client": func(form url.Values) { form.Set("client_id", clientID) },
	} {
		status, _ := token(change)
		require.Equal(t, http.StatusUnauthorized, status, name)
	}
}

// Of the provider there is only what a sign-in needs.
func TestWhatIsReachedOfTheIdentityProvider(t *testing.T) {
	r := ready(t)
	p, behind := behindProxy(t, r)
	c := stranger(t, p)
	for name, tc := range map[string]struct {
		method, path, body string
		want               bool // it reaches the provider
	}{
		"where all is":           {"GET", "/dex/.well-known/openid-configuration", "", true},
		"its keys":               {"GET", "/dex/keys", "", true},
		"its form":               {"GET", "/dex/auth/local/login", "", true},
		"a password":             {"POST", "/dex/auth/local/login", "login=x", true},
		"a token":                {"POST", "/dex/token", "grant_type=x", true},
		"whose token it is":      {"GET", "/dex/userinfo", "", true},
		"its style":              {"GET", "/dex/static/main.css", "", true},
		"from another directory": {"GET", "/dex/callback/ldap", "", true},
		"what a token says":      {"POST", "/dex/token/introspect", "token=x", false},
		"a device":               {"POST", "/dex/device/code", "x", false},
		"a device's page":        {"GET", "/dex/device", "", false},
		"its health":             {"GET", "/dex/healthz", "", false},
		"its front page":         {"GET", "/dex/", "", false},
		"a key that is sent":     {"PUT", "/dex/keys", "x", false},
		"a form that is too big": {"POST", "/dex/auth/local/login", strings.Repeat("x", 20<<10), false},
		"up from its path":       {"GET", "/dex/static/../../operator/", "", false},
		"beside its path":        {"GET", "/dexter", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(behind.requests())
			c.do(tc.method, tc.path, tc.body, asScript)
			require.Equal(t, tc.want, len(behind.requests()) > before)
		})
	}
	require.Equal(t, refused, r.verdict(stranger(t, r.proxy).get("/dex/keys", asScript)), "where it has an address of its own")
}

// Only where a token is asked for or shown does the provider see what a client says of
// itself.
func TestTheIdentityProviderSeesCredentialsOfItsClientsAlone(t *testing.T) {
	r := ready(t)
	p, behind := behindProxy(t, r)
	for path, want := range map[string]string{"/dex/userinfo": "Bearer planted", "/dex/keys": "", "/dex/auth": ""} {
		before := len(behind.requests())
		stranger(t, p).get(path, asScript, with("Authorization", "Bearer planted"), with("X-Forwarded-User", "u-33"))
		seen := behind.requests()[before:]
		require.Len(t, seen, 1, path)
		require.Equal(t, want, seen[0].Get("Authorization"), path)
		require.Empty(t, seen[0].Get("X-Forwarded-User"), path)
	}
}
