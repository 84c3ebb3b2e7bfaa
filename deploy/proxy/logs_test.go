package proxy

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever is done, a log's line is JSON, says a person's "sub" and nothing else
// of them, and has no query, no token and no secret.
func TestLogsHoldNoSecretsAndNoNames(t *testing.T) {
	r := ready(t)
	planted := rand.Text() // as a token looks
	secrets := []string{
		planted, "@canary.example", "Canary", "eyJ", // a JSON Web Token begins so
		clientSecret, passphrase, codecToken, r.jaeger.password, base64.StdEncoding.EncodeToString([]byte(jaegerUser + ":" + r.jaeger.password)),
	}
	for _, role := range []string{nobody, outsider, viewer, operator} {
		c := as(t, r.proxy, role)
		secrets = append(secrets, personOf(role).Password, c.cookie(sessionCookie), c.cookie("_csrf"))
		for _, path := range []string{
			"/jaeger/api/traces?tags=" + planted,
			"/temporal/api/v1/namespaces/default/workflows?query=" + planted,
			"/oidc/callback?code=" + planted + "&state=" + planted,
			"/oidc/callback?error=" + planted + "&error_description=" + planted,
			"/nothing/%22quoted%22/%0Aline/%D1%8F/%5Cx?" + planted,
			"/operator/?" + planted + "#" + planted,
		} {
			c.get(path, with("Referer", "http://x/?"+planted), with("Authorization", "Bearer "+planted), with("Cookie", "other="+planted))
		}
		c.get("/jaeger/api/services", with("Cookie", sessionCookie+"="+strings.Repeat(planted, 300)))
		c.do(strings.Repeat("Q", 3000), "/"+strings.Repeat("я\"", 500), "")
		c.get("/logout?" + planted)
	}
	lines := r.proxy.log.lines()
	users := map[string]bool{}
	for _, line := range lines {
		var entry struct{ Time, User, Path, Level, Message string }
		require.NoError(t, json.Unmarshal([]byte(line), &entry), line)
		require.NotEmpty(t, entry.Time, line)
		users[entry.User] = true
		for _, secret := range secrets {
			if secret != "" {
				require.NotContains(t, line, secret)
			}
		}
		require.NotContains(t, entry.Path, "?")
	}
	require.Subset(t, users, map[string]bool{"-": true, "u-31": true, "u-32": true, "u-33": true}, "who it was")
}

// The servers behind learn neither who asks nor any token. Jaeger gets the
// proxy's own credentials, the Temporal UI its own token against forged requests.
func TestServersBehindLearnNothing(t *testing.T) {
	r := ready(t)
	c := as(t, r.proxy, operator)
	c.get("/operator/")
	session := c.cookie(sessionCookie)
	forge := func(req *http.Request) {
		for _, name := range []string{
			"Authorization", "Authorization-Extras", "Proxy-Authorization", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
			"X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups",
			"X-Real-Ip", "X-Http-Method-Override", "Grpc-Metadata-Authorization", "Baggage", "Oidc_claim_groups", "Oidc-Claim-Groups",
		} {
			req.Header[name] = []string{"forged"}
		}
		req.AddCookie(&http.Cookie{Name: "other", Value: "forged"})
	}
	for path, method := range map[string]string{
		"/jaeger/api/services": "GET", "/temporal/api/v1/settings": "GET", "/operator/api/v1/settings": "GET", "/codec/decode": "POST",
	} {
		require.NotEqual(t, unknown, r.verdict(c.do(method, path, "", asScript, forge)))
	}
	for path, w := range r.behind {
		require.NotEmpty(t, w.requests(), path)
		for _, header := range w.requests() {
			want := map[string]string{
				"/jaeger": "Basic " + base64.StdEncoding.EncodeToString([]byte(jaegerUser+":"+r.jaeger.password)),
				"/codec":  "Bearer " + codecToken,
			}[path]
			require.Equal(t, want, header.Get("Authorization"), path)
			if cookie := header.Get("Cookie"); cookie != "" {
				require.Regexp(t, `^_csrf=\w+$`, cookie, path)
			}
			for name, values := range header {
				all := strings.Join(values, " ")
				require.NotContains(t, all, "forged", "%s: %s", path, name)
				require.NotContains(t, all, session, "%s: %s", path, name)
				require.NotContains(t, all, "eyJ", "%s: %s", path, name)
				require.NotRegexp(t, "(?i)oidc|forwarded", name, path)
				for _, p := range people {
					for _, known := range []string{p.Email, p.Name, p.Subject} {
						require.NotContains(t, all, known, "%s: %s", path, name)
					}
				}
			}
		}
	}
}

// Past the proxy, Jaeger lets nobody in.
func TestJaegerAloneRefuses(t *testing.T) {
	r := ready(t)
	require.NoError(t, answers(r.jaeger.url+"/jaeger/api/services", http.StatusUnauthorized)())
	require.NoError(t, answers(r.jaeger.url+"/jaeger/search", http.StatusUnauthorized)())
}

// Headers for the browser are there once, on every kind of answer.
func TestSecurityHeaders(t *testing.T) {
	r := ready(t)
	for name, tc := range map[string]struct{ role, path string }{
		"Jaeger's page":       {viewer, "/jaeger/search"},
		"the Temporal UI":     {viewer, "/temporal/"},
		"an API":              {viewer, "/temporal/api/v1/settings"},
		"rendered Markdown":   {viewer, "/temporal/render?content=x"},
		"a missing role":      {outsider, "/jaeger/search"},
		"a redirect":          {nobody, "/jaeger/search"},
		"no sign-in":          {nobody, "/jaeger/api/services"},
		"nothing":             {nobody, "/else"},
		"after signing out":   {nobody, "/signed-out"},
		"an API behind fails": {operator, "/jaeger/api/traces/zz"},
	} {
		t.Run(name, func(t *testing.T) {
			a := as(t, r.proxy, tc.role).get(tc.path, asBrowser)
			require.Equal(t, []string{"nosniff"}, a.Header.Values("X-Content-Type-Options"))
			require.Equal(t, []string{"SAMEORIGIN"}, a.Header.Values("X-Frame-Options"))
			require.Equal(t, []string{"same-origin"}, a.Header.Values("Referrer-Policy"))
			require.Equal(t, []string{"same-origin"}, a.Header.Values("Cross-Origin-Opener-Policy"))
			require.Equal(t, "Apache", a.Header.Get("Server"), "no version")
			require.Empty(t, a.Header.Get("WWW-Authenticate"), "no browser asks for Jaeger's password")
			require.Empty(t, a.Header.Get("X-Powered-By"))
			if tc.role == viewer {
				require.Contains(t, a.Header.Get("Content-Security-Policy"), "frame-ancestors 'self'")
			}
			if strings.Contains(tc.path, "/api/") {
				require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			}
		})
	}
}

// A refusal says which role is missing and whom to ask.
func TestRefusalNamesTheRoleAndWhomToAsk(t *testing.T) {
	r := ready(t)
	for name, tc := range map[string]struct{ role, method, path, missing string }{
		"traces":                 {outsider, "GET", "/jaeger/search", viewer},
		"orders":                 {outsider, "GET", "/temporal/", viewer},
		"acting":                 {viewer, "GET", "/operator/", operator},
		"acting where one reads": {viewer, "POST", "/temporal/api/v1/namespaces/default/workflows/x/cancel", operator},
		"decrypting":             {viewer, "POST", "/codec/decode", operator},
	} {
		t.Run(name, func(t *testing.T) {
			a := as(t, r.proxy, tc.role).do(tc.method, tc.path, "", asBrowser)
			require.Equal(t, refused, r.verdict(a))
			require.Contains(t, a.body, "<b>"+tc.missing+"</b>")
			require.Contains(t, a.body, "Ask "+contact)
			require.Contains(t, a.Header.Get("Content-Type"), "text/html")
		})
	}
}
