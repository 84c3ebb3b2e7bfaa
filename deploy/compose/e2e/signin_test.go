//go:build compose

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whoever signs in at the proxy gets what their groups allow, and nobody else anything.
func TestWhoMayRead(t *testing.T) {
	c := ready(t)
	const (
		traces   = "/jaeger/api/services"
		orders   = "/temporal/api/v1/namespaces/default/workflows"
		operated = "/operator/api/v1/namespaces/default/workflows"
	)
	table := map[string]struct {
		email string
		may   map[string]int
	}{
		"nobody is sent to sign in":    {"", map[string]int{traces: 401, orders: 401, operated: 401, "/codec/decode": 403, "/metrics": 403}},
		"a viewer reads":               {"viewer@example.org", map[string]int{traces: 200, orders: 200, operated: 403}},
		"an operator acts too":         {"operator@example.org", map[string]int{traces: 200, orders: 200, operated: 200}},
		"a customer is let in nowhere": {customer, map[string]int{traces: 403, orders: 403, operated: 403}},
	}
	for name, tt := range table {
		t.Run(name, func(t *testing.T) {
			b := c.browse(t)
			if tt.email != "" {
				b.signIn(tt.email, c.passwordOf(t, tt.email))
			}
			for path, want := range tt.may {
				got, body := b.get(path)
				require.Equal(t, want, got, "%s: %s", path, body)
			}
		})
	}
}

func TestAWrongPasswordOpensNothing(t *testing.T) {
	c := ready(t)
	b := c.browse(t)
	b.signIn("viewer@example.org", "wrong")
	status, _ := b.get("/jaeger/api/services")
	require.Equal(t, http.StatusUnauthorized, status)
}

// The demo's order as its viewer sees it, in Jaeger and in the Temporal UI.
func TestAViewerFindsTheOrder(t *testing.T) {
	c := ready(t)
	b := c.browse(t)
	b.signIn("viewer@example.org", c.passwordOf(t, "viewer@example.org"))

	status, body := b.get("/jaeger/api/traces/" + c.demoTrace(t))
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "RunWorkflow:Order")
	eventually(t, patience, func() error {
		status, body = b.get("/temporal/api/v1/namespaces/default/workflows?query=" + url.QueryEscape(`OrderTraceID = "`+c.demoTrace(t)+`"`))
		if status != http.StatusOK || !strings.Contains(body, "WORKFLOW_EXECUTION_STATUS_COMPLETED") {
			return fmt.Errorf("%d %s", status, body)
		}
		return nil
	})
	status, body = b.get("/temporal/")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "<html", "the real UI's page")
}

// Somebody at a terminal gets a token from Dex, through the proxy, with which the
// systems' APIs know them.
func TestATokenForTheAPIs(t *testing.T) {
	c := ready(t)
	b := c.browse(t)
	token := b.token("manager@example.org", c.passwordOf(t, "manager@example.org"))
	for role, want := range map[string]struct {
		token string
		code  int
	}{
		"nobody":         {"", http.StatusUnauthorized},
		"a made up one":  {"not-a-token", http.StatusUnauthorized},
		"of the manager": {token, http.StatusOK},
	} {
		t.Run(role, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/approvals", c.ports.CRM), nil)
			require.NoError(t, err)
			if want.token != "" {
				req.Header.Set("Authorization", "Bearer "+want.token)
			}
			res, err := b.http.Do(req)
			require.NoError(t, err)
			defer res.Body.Close()
			require.Equal(t, want.code, res.StatusCode)
		})
	}
}

// customer is in a group that no page behind the proxy is for.
const customer = "customer@example.org"

// letIn adds the customer, by the command that the README names.
func (c *composed) letIn(ctx context.Context) error {
	out, err := c.compose(ctx, "-f", "deploy/compose/setup.yml", "run", "--rm", "-T", "setup", "person", customer, "--groups=customer")
	if err != nil {
		return err
	}
	words := strings.Fields(out)
	if len(words) < 2 || words[0] != customer {
		return fmt.Errorf("setup person says: %s", out)
	}
	c.secrets[customer] = words[1]
	return nil
}

func (c *composed) passwordOf(t *testing.T, email string) string {
	t.Helper()
	password := map[string]string{
		"viewer@example.org":   c.secrets["VIEWER_PASSWORD"],
		"operator@example.org": c.secrets["OPERATOR_PASSWORD"],
		"manager@example.org":  c.secrets["MANAGER_PASSWORD"],
		customer:               c.secrets[customer],
	}[email]
	require.NotEmpty(t, password, email)
	return password
}

// publicURL is the default address, as browsers know it.
func (c *composed) publicURL() string {
	return fmt.Sprintf("http://ordertrace.localhost:%d", c.ports.UI)
}

// browser keeps cookies and, as browsers do, takes .localhost for this machine.
type browser struct {
	t    *testing.T
	c    *composed
	http *http.Client
}

func (c *composed) browse(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	var dialer net.Dialer
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err == nil && strings.HasSuffix(host, ".localhost") {
				address = net.JoinHostPort("127.0.0.1", port)
			}
			return dialer.DialContext(ctx, network, address)
		},
	}
	return &browser{t: t, c: c, http: &http.Client{Transport: transport, Jar: jar, Timeout: time.Minute}}
}

// get asks as a page's script does.
func (b *browser) get(path string) (status int, body string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.c.publicURL()+path, nil)
	require.NoError(b.t, err)
	req.Header.Set("User-Agent", userAgent)
	return b.send(req)
}

const userAgent = "Mozilla/5.0 (X11; Linux x86_64) compose-test" // a session belongs to one

func (b *browser) send(req *http.Request) (status int, body string) {
	b.t.Helper()
	res, err := b.http.Do(req)
	require.NoError(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(b.t, err)
	return res.StatusCode, string(text)
}

// signIn opens a page and fills in the form that it is sent to.
func (b *browser) signIn(email, password string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.c.publicURL()+"/jaeger/search", nil)
	require.NoError(b.t, err)
	navigate(req)
	_, page := b.send(req)
	action := regexp.MustCompile(`<form[^>]* action="([^"]+)"`).FindStringSubmatch(page)
	require.NotNil(b.t, action, page)
	form := url.Values{"login": {email}, "password": {password}}
	req, err = http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.c.publicURL()+strings.ReplaceAll(action[1], "&amp;", "&"), strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	navigate(req)
	b.send(req)
}

func navigate(req *http.Request) {
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
}

// token is what deploy/dex/dex.yaml shows how to get.
func (b *browser) token(email, password string) string {
	b.t.Helper()
	form := url.Values{"grant_type": {"password"}, "client_id": {"ordertrace-api"}, "scope": {"openid groups"}, "username": {email}, "password": {password}}
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.c.publicURL()+"/dex/token", strings.NewReader(form.Encode()))
	require.NoError(b.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, body := b.send(req)
	require.Equal(b.t, http.StatusOK, status, body)
	found := regexp.MustCompile(`"id_token":\s*"([^"]+)"`).FindStringSubmatch(body)
	require.NotNil(b.t, found, body)
	return found[1]
}
