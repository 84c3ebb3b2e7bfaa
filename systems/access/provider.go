package access

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// provider checks the tokens of an OpenID provider. One that is away is asked
// for again at the next token.
type provider struct {
	issuer, audience string

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
}

// discoveryTimeout is how long the provider may take to say where its keys are.
const discoveryTimeout = 5 * time.Second

// Caller implements api.Callers.
func (p *provider) Caller(ctx context.Context, token string) (api.Caller, error) {
	verifier, err := p.verify()
	if err != nil {
		return api.Caller{}, &lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable,
			Detail: "nobody can say now whose token this is: the same request may succeed in a moment"}
	}
	id, err := verifier.Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return api.Caller{}, unknown("this token is out of date: sign in again")
	case err != nil:
		return api.Caller{}, unknown("this token is nobody's")
	}
	var claims struct {
		Groups []string `json:"groups"`
	}
	if err := id.Claims(&claims); err != nil || id.Subject == "" {
		return api.Caller{}, unknown("this token does not say who you are")
	}
	return api.Caller{ID: id.Subject, Roles: roles(claims.Groups)}, nil
}

func (p *provider) verify() (*oidc.IDTokenVerifier, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.verifier != nil {
		return p.verifier, nil
	}
	// The provider keeps this context for its keys, so it is not the request's.
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: discoveryTimeout})
	found, err := oidc.NewProvider(ctx, p.issuer)
	if err != nil {
		return nil, err
	}
	p.verifier = found.Verifier(&oidc.Config{ClientID: p.audience})
	return p.verifier, nil
}
