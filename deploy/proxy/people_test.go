package proxy

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/proxy/identity"
)

// The columns of every table here. Names and addresses are canaries: no log and no
// server behind the proxy may see them.
const (
	nobody   = "nobody"       // has not signed in
	outsider = "outsider"     // signed in, without a role
	viewer   = "trace-viewer" // support and developers
	operator = "operator"
)

var people = []identity.Person{
	{Subject: "u-31", Email: "olga.outsider@canary.example", Name: "Olga Canary", Password: rand.Text(), Groups: []string{"staff", "not-an-operator", "operators"}},
	{Subject: "u-32", Email: "vera.viewer@canary.example", Name: "Vera Canary", Password: rand.Text(), Groups: []string{"staff", viewer}},
	{Subject: "u-33", Email: "oleg.operator@canary.example", Name: "Oleg Canary", Password: rand.Text(), Groups: []string{operator}},
}

func personOf(role string) identity.Person {
	return map[string]identity.Person{outsider: people[0], viewer: people[1], operator: people[2]}[role]
}

// caller is somebody at a browser or with a program, with cookies of their own.
type caller struct {
	t     *testing.T
	proxy *proxy
	http  *http.Client
}

// stranger has no session.
func stranger(t *testing.T, p *proxy) *caller {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &caller{t: t, proxy: p, http: &http.Client{
		Transport:     wire,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// as is somebody who has the role, signed in.
func as(t *testing.T, p *proxy, role string) *caller {
	t.Helper()
	c := stranger(t, p)
	if role != nobody {
		c.signIn(personOf(role))
	}
	return c
}

// signIn goes to a page and takes every step that a browser takes then.
func (c *caller) signIn(who identity.Person) {
	c.t.Helper()
	form := c.follow(c.get("/jaeger/search", asBrowser))
	action := regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(form.body)
	require.NotNil(c.t, action, form.body)
	to, err := form.at.Parse(action[1])
	require.NoError(c.t, err)
	sent, err := c.http.PostForm(to.String(), url.Values{"login": {who.Email}, "password": {who.Password}})
	require.NoError(c.t, err)
	c.follow(c.read(sent))
}

// answer is a response that has been read.
type answer struct {
	*http.Response
	at   *url.URL
	body string
}

func (a answer) location() string { return a.Header.Get("Location") }

func (c *caller) read(res *http.Response) answer {
	c.t.Helper()
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(c.t, err)
	return answer{Response: res, at: res.Request.URL, body: string(body)}
}

// follow goes where redirects lead.
func (c *caller) follow(a answer) answer {
	c.t.Helper()
	for range 10 {
		if a.location() == "" {
			return a
		}
		next, err := a.Location()
		require.NoError(c.t, err)
		req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, next.String(), nil)
		require.NoError(c.t, err)
		asBrowser(req)
		a = c.send(req)
	}
	c.t.Fatal("too many redirects, the last to", a.location())
	return a
}

func (c *caller) send(req *http.Request) answer {
	c.t.Helper()
	res, err := c.http.Do(req)
	require.NoError(c.t, err)
	return c.read(res)
}

// do asks the proxy.
func (c *caller) do(method, path, body string, with ...func(*http.Request)) answer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.proxy.url+path, strings.NewReader(body))
	require.NoError(c.t, err)
	req.Header.Set("User-Agent", userAgent)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token := c.cookie("_csrf"); token != "" { // as the Temporal UI's page does
		req.Header.Set("X-CSRF-Token", token)
	}
	for _, change := range with {
		change(req)
	}
	return c.send(req)
}

func (c *caller) get(path string, with ...func(*http.Request)) answer {
	c.t.Helper()
	return c.do(http.MethodGet, path, "", with...)
}

// cookie is the value of one that the proxy's address would get, or "".
func (c *caller) cookie(name string) string {
	at, err := url.Parse(c.proxy.url)
	require.NoError(c.t, err)
	for _, cookie := range c.http.Jar.Cookies(at) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

const userAgent = "Mozilla/5.0 (X11; Linux x86_64) proxy-test"

// asBrowser is how a browser asks for a page.
func asBrowser(r *http.Request) {
	r.Header.Set("User-Agent", userAgent)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
}

// asScript is how a page's script asks for data.
func asScript(r *http.Request) {
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
}

// with sets a header.
func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// silent is a logger for the Temporal SDK.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}
