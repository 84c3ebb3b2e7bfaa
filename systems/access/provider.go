package access

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
		return api.Caller{}, nobodyCanSay()
	}
	var keysAway *url.Error
	id, err := verifier.Verify(context.WithValue(ctx, keysAwayKey{}, &keysAway), token)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.As(err, &expired):
		return api.Caller{}, unknown("this token is out of date: sign in again")
	case keysAway != nil:
		return api.Caller{}, nobodyCanSay()
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

func nobodyCanSay() error {
	return &lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable,
		Detail: "nobody can say now whose token this is: the same request may succeed in a moment"}
}

func (p *provider) verify() (*oidc.IDTokenVerifier, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.verifier != nil {
		return p.verifier, nil
	}
	// The provider keeps this context for its keys, so it is not the request's.
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: discoveryTimeout, Transport: answering{}})
	found, err := oidc.NewProvider(ctx, p.issuer)
	if err != nil {
		return nil, err
	}
	var says struct {
		Keys       string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	if err := found.Claims(&says); err != nil {
		return nil, err
	}
	p.verifier = oidc.NewVerifier(p.issuer, keys{oidc.NewRemoteKeySet(ctx, says.Keys)},
		&oidc.Config{ClientID: p.audience, SupportedSigningAlgs: asymmetric(says.Algorithms)})
	return p.verifier, nil
}

// asymmetric are those of the algorithms that need no secret of ours.
func asymmetric(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(a string) bool { return a == "none" || strings.HasPrefix(a, "HS") })
}

// keys tell a provider that is away, which the verifier keeps to itself.
type keys struct{ oidc.KeySet }

type keysAwayKey struct{}

func (k keys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, token)
	if away, ok := ctx.Value(keysAwayKey{}).(**url.Error); ok {
		errors.As(err, away)
	}
	return payload, err
}

// answering makes an error of a provider's own failure, so that it is told apart
// from a token that no key of the provider fits.
type answering struct{}

func (answering) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err == nil && res.StatusCode >= http.StatusInternalServerError {
		_ = res.Body.Close()
		return nil, fmt.Errorf("the provider answers %s", res.Status)
	}
	return res, err
}
