// Package identity is a real OpenID provider (github.com/zitadel/oidc) over a
// few people in memory, for tests: it signs people in by e-mail address and
// password on a page of its own, and says their groups in the claim "groups". Its
// paths, its form and its password grant are those of Dex, which does so in
// docker-compose.yml. To be a hard case, it puts names and e-mail addresses into its
// tokens although nobody asks for them.
package identity

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// Person is somebody who can sign in.
type Person struct {
	Subject  string // the claim "sub"
	Email    string
	Name     string
	Password string
	Groups   []string
	// Knows checks a password, where Password is not known itself.
	Knows func(password string) bool
}

// Client is a program that people sign in to.
type Client struct {
	ID, Secret    string
	Public        bool     // it has no secret, and may use the password grant
	RedirectURIs  []string // where an authorization code may go
	SignedOutURIs []string // where people may go after they signed out; none: the provider ends no sessions, as Dex
}

// Provider is the http.Handler of an issuer.
type Provider struct {
	issuer   string
	path     string // of the issuer
	store    *store
	protocol *op.Provider
	http.Handler
	asked atomic.Int64
}

// Running is a provider that serves until Close.
type Running struct {
	*httptest.Server
	*Provider
}

// Start serves on a free port of 127.0.0.1; the issuer is Running.URL.
func Start(people []Person, clients ...Client) (*Running, error) {
	server := httptest.NewUnstartedServer(nil)
	p, err := New("http://"+server.Listener.Addr().String(), people, clients...)
	if err != nil {
		server.Close()
		return nil, err
	}
	server.Config.Handler = p
	server.Start()
	return &Running{Server: server, Provider: p}, nil
}

// New is the provider with an issuer's URL, whose path, if any, the requests have too.
func New(issuer string, people []Person, clients ...Client) (*Provider, error) {
	at, err := url.Parse(issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	p := &Provider{issuer: issuer, path: at.Path}
	if p.store, err = newStore(at.Path, people, clients); err != nil {
		return nil, fmt.Errorf("make the provider's keys: %w", err)
	}
	config := &op.Config{CodeMethodS256: true, SupportedScopes: []string{"openid", "groups"}}
	if _, err := rand.Read(config.CryptoKey[:]); err != nil {
		return nil, fmt.Errorf("make the provider's keys: %w", err)
	}
	p.protocol, err = op.NewProvider(config, p.store, op.StaticIssuer(issuer), op.WithAllowInsecure(), // plain HTTP
		op.WithCustomAuthEndpoint(op.NewEndpoint("auth")), op.WithCustomTokenEndpoint(op.NewEndpoint("token")))
	if err != nil {
		return nil, fmt.Errorf("set up the provider: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discover)
	mux.HandleFunc("GET "+loginPath, p.showForm)
	mux.HandleFunc("POST "+loginPath, p.signIn)
	mux.HandleFunc("POST /token", p.token)
	mux.Handle("/", p.protocol)
	p.Handler = http.StripPrefix(at.Path, mux)
	return p, nil
}

// Asked is how often somebody has sent a password.
func (p *Provider) Asked() int { return int(p.asked.Load()) }

// discover tells where everything is. Sessions are ended for clients who want that.
func (p *Provider) discover(w http.ResponseWriter, r *http.Request) {
	config := op.CreateDiscoveryConfig(op.ContextWithIssuer(r.Context(), p.issuer), p.protocol, p.store)
	if !p.store.endsSessions() {
		config.EndSessionEndpoint = ""
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(config) // whoever asked may be gone
}

func (p *Provider) signIn(w http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	id := r.FormValue("state")
	if !p.store.signIn(id, r.FormValue("login"), r.FormValue("password")) {
		w.WriteHeader(http.StatusUnauthorized)
		p.showForm(w, r)
		return
	}
	ctx := op.ContextWithIssuer(context.WithoutCancel(r.Context()), p.issuer)
	http.Redirect(w, r, op.AuthCallbackURL(p.protocol)(ctx, id), http.StatusSeeOther)
}

const loginPath = "/auth/local/login"

var form = template.Must(template.New("").Parse(`<!doctype html>
<title>Sign in</title>
<form method="post" action="{{.}}">
  <label>E-mail <input name="login" type="text" autocomplete="username"></label>
  <label>Password <input name="password" type="password" autocomplete="current-password"></label>
  <button>Sign in</button>
</form>
`))

func (p *Provider) showForm(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = form.Execute(w, p.path+loginPath+"?state="+url.QueryEscape(r.FormValue("state"))) // whoever asked may be gone
}
