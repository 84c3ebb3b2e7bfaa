package workers

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/proxy/identity"
	"ordertrace/lifecycle"
	"ordertrace/systems/access"
)

// signedIn are tokens that people got at a real OpenID provider by signing in.
// The stranger's is an operator's, for another program.
func signedIn(t *testing.T) tokens {
	t.Helper()
	var people []identity.Person
	for _, role := range callerRoles {
		people = append(people, identity.Person{
			Subject: "u-" + string(role), Email: string(role) + "@example.org", Password: "of a " + string(role),
			Groups: []string{string(role), "trace-viewer"},
		})
	}
	ours := identity.Client{ID: "ordertrace-api", Secret: "s3cret", RedirectURIs: []string{"http://127.0.0.1:1/signed-in"}}
	other := identity.Client{ID: "another", Secret: "other", RedirectURIs: ours.RedirectURIs}
	provider, err := identity.Start(people, ours, other)
	require.NoError(t, err)
	t.Cleanup(provider.Close)

	known := tokens{of: map[lifecycle.Role]string{}}
	for i, role := range callerRoles {
		known.of[role] = signIn(t, provider.URL, ours, people[i])
		if role == operator {
			known.stranger = signIn(t, provider.URL, other, people[i])
		}
	}
	known.callers, err = access.Open(access.Config{Issuer: provider.URL, Audience: ours.ID})
	require.NoError(t, err)
	return known
}

// signIn goes the way of the authorization code flow (RFC 6749, 4.1) and returns
// the ID token.
func signIn(t *testing.T, issuer string, program identity.Client, who identity.Person) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	back := program.RedirectURIs[0]
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Host+r.URL.Path == "127.0.0.1:1/signed-in" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page, err := browser.Get(issuer + "/auth?" + url.Values{
		"client_id": {program.ID}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {"openid groups"}, "state": {"s"},
	}.Encode())
	require.NoError(t, err)
	defer page.Body.Close()
	require.Equal(t, http.StatusOK, page.StatusCode)
	done, err := browser.PostForm(issuer+page.Request.URL.Path, url.Values{
		"state": {page.Request.URL.Query().Get("state")}, "login": {who.Email}, "password": {who.Password},
	})
	require.NoError(t, err)
	defer done.Body.Close()
	returned, err := done.Location()
	require.NoError(t, err, done.Status)

	answer, err := http.PostForm(issuer+"/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {returned.Query().Get("code")}, "redirect_uri": {back},
		"client_id": {program.ID}, "client_secret": {program.Secret},
	})
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	var got struct {
		IDToken string `json:"id_token"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&got))
	return got.IDToken
}
