package proxy

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Headers that say who somebody is are nothing to the proxy.
func TestForgedHeadersOpenNothing(t *testing.T) {
	r := ready(t)
	forged := map[string]string{
		"OIDC_CLAIM_groups":         operator,
		"OIDC-CLAIM-groups":         operator,
		"OIDC_CLAIM_sub":            "u-33",
		"X-Forwarded-User":          "u-33",
		"X-Forwarded-Groups":        operator,
		"X-Remote-User":             "u-33",
		"X-Forwarded-For":           "127.0.0.1",
		"X-Original-URL":            "/healthz",
		"X-HTTP-Method-Override":    "GET",
		"Authorization":             "Basic dHJhY2Utdmlld2VyOnBhc3N3b3Jk",
		"Grpc-Metadata-Permissions": "default:admin",
	}
	forge := func(req *http.Request) {
		for name, value := range forged {
			req.Header[name] = []string{value} // as it is written here
		}
	}
	for role, want := range map[string]string{nobody: unknown, outsider: refused} {
		c := as(t, r.proxy, role)
		for _, path := range []string{"/jaeger/api/services", "/temporal/api/v1/settings", "/operator/api/v1/settings"} {
			require.Equal(t, want, r.verdict(c.get(path, asScript, forge)), "%s: %s", role, path)
		}
	}
	c := as(t, r.proxy, viewer)
	require.Equal(t, ok, r.verdict(c.get("/temporal/api/v1/settings", asScript, forge)))
	require.Equal(t, refused, r.verdict(c.get("/operator/api/v1/settings", asScript, forge)))
}

// A path cannot be written so that another rule takes it.
func TestOddPathsOpenNothing(t *testing.T) {
	r := ready(t)
	order := r.order(t)
	const api = "/api/v1/namespaces/default/workflows/"
	for name, tc := range map[string]struct{ method, path string }{
		"up from a viewer's path":          {"GET", "/temporal/../operator/api/v1/settings"},
		"up, encoded":                      {"GET", "/temporal/%2e%2e/operator/api/v1/settings"},
		"two slashes":                      {"GET", "//operator/api/v1/settings"},
		"a semicolon":                      {"GET", "/operator;x/api/v1/settings"},
		"capitals":                         {"GET", "/Operator/api/v1/settings"},
		"a dot":                            {"GET", "/./operator/api/v1/settings"},
		"Jaeger past its base path":        {"GET", "/jaeger/../api/services"},
		"a signal that looks like a query": {"POST", "/temporal" + api + order + "/signal/x%2Fquery%2Fclose"},
		"an order named query":             {"POST", "/temporal" + api + "query/signal-with-start/close"},
		"a query of two parts":             {"POST", "/temporal" + api + order + "/query/x/y"},
		"up from a query":                  {"POST", "/temporal" + api + order + "/query/../signal/close"},
		"up from a query, encoded":         {"POST", "/temporal" + api + order + "/query/%2e%2e/signal/close"},
		"up from a query, twice encoded":   {"POST", "/temporal" + api + order + "/query/%252e%252e%252fsignal%252fclose"},
		"the codec":                        {"POST", "/codec/decode/"},
	} {
		t.Run(name, func(t *testing.T) {
			before := r.events(t, order)
			for _, role := range []string{nobody, outsider, viewer} {
				c := as(t, r.proxy, role)
				req, err := http.NewRequestWithContext(t.Context(), tc.method, c.proxy.url, strings.NewReader("{}"))
				require.NoError(t, err)
				req.URL.Opaque = "//" + req.URL.Host + tc.path // as it is written here
				req.Header.Set("Content-Type", "application/json")
				asScript(req)
				a := c.send(req)
				require.NotEqual(t, ok, r.verdict(a), "%s: %s", role, a.body)
				require.NotContains(t, a.body, "DisableWriteActions")
			}
			require.Equal(t, before, r.events(t, order))
		})
	}
}

// Another name for the proxy leads to the one that cookies and the sign-in are for.
func TestForgedHostLeadsBack(t *testing.T) {
	r := ready(t)
	a := stranger(t, r.proxy).get("/jaeger/search", asBrowser, func(req *http.Request) { req.Host = "evil.example" })
	require.Equal(t, http.StatusFound, a.StatusCode)
	require.Equal(t, r.proxy.url+"/jaeger/search", a.location())
}

const sessionCookie = "ordertrace_session"

func TestForgedSessionOpensNothing(t *testing.T) {
	r := ready(t)
	genuine := as(t, r.proxy, operator).cookie(sessionCookie)
	require.NotEmpty(t, genuine)
	for name, value := range map[string]string{
		"made up":    "11111111-2222-3333-4444-555555555555",
		"cut short":  genuine[:len(genuine)-1],
		"changed":    strings.Repeat("0", 3) + genuine[3:],
		"a path":     "../../../etc/passwd",
		"very long":  strings.Repeat("a", 4000),
		"the claims": `{"groups":["operator"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, genuine, value)
			a := stranger(t, r.proxy).get("/operator/api/v1/settings", asScript, with("Cookie", sessionCookie+"="+value))
			require.Equal(t, unknown, r.verdict(a))
		})
	}
}

// The answer of the identity provider is good for the browser that asked, once.
func TestSignInIsBoundToItsBrowser(t *testing.T) {
	r := ready(t)
	asked := stranger(t, r.proxy).get("/jaeger/search", asBrowser)
	to, err := url.Parse(asked.location())
	require.NoError(t, err)
	q := to.Query()
	require.Equal(t, "code", q.Get("response_type"))
	require.Equal(t, "S256", q.Get("code_challenge_method"))
	require.NotEmpty(t, q.Get("code_challenge"))
	require.NotEmpty(t, q.Get("nonce"))
	require.Equal(t, "openid groups", q.Get("scope"), "nobody's name or address is asked for")
	for _, cookie := range asked.Cookies() {
		require.True(t, cookie.HttpOnly, cookie.Name)
		require.NotEqual(t, http.SameSiteNoneMode, cookie.SameSite, cookie.Name)
	}

	back := "/oidc/callback?code=stolen&state=" + url.QueryEscape(q.Get("state"))
	a := stranger(t, r.proxy).get(back, asBrowser)
	require.NotEqual(t, ok, r.verdict(a))
	require.Empty(t, a.Cookies(), "no session for a browser that did not ask")
}

// Signing out ends the session for every copy of its cookie.
func TestSigningOutEndsTheSession(t *testing.T) {
	r := ready(t)
	c := as(t, r.proxy, viewer)
	stolen := c.cookie(sessionCookie)
	require.Equal(t, ok, r.verdict(c.get("/jaeger/api/services", asScript)))

	out := c.follow(c.get("/logout", asBrowser))

	require.Contains(t, out.body, "Signed out")
	require.Equal(t, r.proxy.url+"/signed-out", out.at.String())
	require.Equal(t, unknown, r.verdict(c.get("/jaeger/api/services", asScript)))
	a := stranger(t, r.proxy).get("/jaeger/api/services", asScript, with("Cookie", sessionCookie+"="+stolen))
	require.Equal(t, unknown, r.verdict(a), "a copy of the cookie")
	for _, elsewhere := range []string{"https://evil.example/", "http://127.0.0.1:1/", r.proxy.url + ".evil.example/signed-out"} {
		a = as(t, r.proxy, viewer).get("/oidc/callback?logout="+url.QueryEscape(elsewhere), asBrowser)
		require.Empty(t, a.location(), "no way to elsewhere")
	}
}

// A session ends when its time is over, however busy it is.
func TestSessionEnds(t *testing.T) {
	r := ready(t)
	const lasts = 15 * time.Second // mod_auth_openidc's least
	p, err := r.startProxy(r.brief, fmt.Sprintf("PROXY_SESSION_SECONDS=%.0f", lasts.Seconds()))
	require.NoError(t, err)
	c := as(t, p, operator)
	require.Equal(t, ok, r.verdict(c.get("/operator/api/v1/settings", asScript)))
	since := time.Now()
	over := func() bool { return r.verdict(c.get("/operator/api/v1/settings", asScript)) == unknown }
	require.Eventually(t, over, 2*lasts, time.Second)
	require.GreaterOrEqual(t, time.Since(since), lasts-2*time.Second, "not before its time")
	require.Equal(t, signIn, r.verdict(c.get("/operator/", asBrowser)))
}

// A body says its length, and that is not too long.
func TestBodiesAreBounded(t *testing.T) {
	r := ready(t)
	c := as(t, r.proxy, operator)
	long := strings.Repeat("x", 10<<20+1)
	require.Equal(t, http.StatusRequestEntityTooLarge, c.do(http.MethodPost, "/codec/decode", long).StatusCode)
	chunked := func(req *http.Request) { req.ContentLength = -1 }
	require.Equal(t, http.StatusLengthRequired, c.do(http.MethodPost, "/codec/decode", "{}", chunked).StatusCode)
}
