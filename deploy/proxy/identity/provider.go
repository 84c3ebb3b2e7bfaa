// Package identity is a real OpenID provider (github.com/zitadel/oidc) over a
// few people in memory, for tests: it signs people in by e-mail address and
// password on a page of its own, as Dex does in docker-compose.yml, and says
// their groups in the claim "groups". To be a hard case, it puts names and e-mail
// addresses into its tokens although nobody asks for them.
package identity

import (
	"context"
	"crypto/rand"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
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
}

// Client is a program that people sign in to.
type Client struct {
	ID, Secret    string
	RedirectURIs  []string // where an authorization code may go
	SignedOutURIs []string // where people may go after they signed out
}

// Provider is running until Close.
type Provider struct {
	*httptest.Server
	asked atomic.Int64
}

// Start serves on a free port of 127.0.0.1; the issuer is Provider.URL.
func Start(people []Person, clients ...Client) (*Provider, error) {
	p := &Provider{Server: httptest.NewUnstartedServer(nil)}
	issuer := "http://" + p.Listener.Addr().String()
	store, err := newStore(people, clients)
	if err != nil {
		return nil, fmt.Errorf("make the provider's keys: %w", err)
	}
	config := &op.Config{CodeMethodS256: true, SupportedScopes: []string{"openid", "groups"}}
	if _, err := rand.Read(config.CryptoKey[:]); err != nil {
		return nil, fmt.Errorf("make the provider's keys: %w", err)
	}
	protocol, err := op.NewProvider(config, store, op.StaticIssuer(issuer), op.WithAllowInsecure()) // plain HTTP on loopback
	if err != nil {
		return nil, fmt.Errorf("set up the provider: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+loginPath, showForm)
	mux.HandleFunc("POST "+loginPath, func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		id := r.FormValue("id")
		if !store.signIn(id, r.FormValue("email"), r.FormValue("password")) {
			w.WriteHeader(http.StatusUnauthorized)
			showForm(w, r)
			return
		}
		ctx := op.ContextWithIssuer(context.WithoutCancel(r.Context()), issuer)
		http.Redirect(w, r, op.AuthCallbackURL(protocol)(ctx, id), http.StatusFound)
	})
	mux.Handle("/", protocol)
	p.Config.Handler = mux
	p.Start()
	return p, nil
}

// Asked is how often somebody has sent a password.
func (p *Provider) Asked() int { return int(p.asked.Load()) }

const loginPath = "/login"

var form = template.Must(template.New("").Parse(`<!doctype html>
<title>Sign in</title>
<form method="post" action="` + loginPath + `">
  <input type="hidden" name="id" value="{{.}}">
  <label>E-mail <input name="email" type="email" autocomplete="username"></label>
  <label>Password <input name="password" type="password" autocomplete="current-password"></label>
  <button>Sign in</button>
</form>
`))

func showForm(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = form.Execute(w, r.FormValue("id")) // whoever asked may be gone
}
