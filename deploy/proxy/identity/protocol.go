package identity

import (
	"crypto/rsa"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// signIn is one sign-in under way: op.AuthRequest.
type signIn struct {
	id      string
	request *oidc.AuthRequest
	subject string // empty until the password was right
	at      time.Time
	code    string
}

func (s signIn) GetID() string                         { return s.id }
func (s signIn) GetACR() string                        { return "" }
func (s signIn) GetAMR() []string                      { return []string{"pwd"} }
func (s signIn) GetAudience() []string                 { return []string{s.request.ClientID} }
func (s signIn) GetAuthTime() time.Time                { return s.at }
func (s signIn) GetClientID() string                   { return s.request.ClientID }
func (s signIn) GetNonce() string                      { return s.request.Nonce }
func (s signIn) GetRedirectURI() string                { return s.request.RedirectURI }
func (s signIn) GetResponseType() oidc.ResponseType    { return s.request.ResponseType }
func (s signIn) GetResponseMode() oidc.ResponseMode    { return s.request.ResponseMode }
func (s signIn) GetScopes() []string                   { return s.request.Scopes }
func (s signIn) GetState() string                      { return s.request.State }
func (s signIn) GetSubject() string                    { return s.subject }
func (s signIn) Done() bool                            { return s.subject != "" }
func (s signIn) GetCodeChallenge() *oidc.CodeChallenge { return challenge(s.request) }

func challenge(r *oidc.AuthRequest) *oidc.CodeChallenge {
	if r.CodeChallenge == "" {
		return nil
	}
	return &oidc.CodeChallenge{Challenge: r.CodeChallenge, Method: r.CodeChallengeMethod}
}

// client is one of the authorization code flow: op.Client.
type client struct {
	Client
	login string // the URL of the sign-in page
}

func (c client) GetID() string                       { return c.ID }
func (c client) RedirectURIs() []string              { return c.Client.RedirectURIs }
func (c client) PostLogoutRedirectURIs() []string    { return c.SignedOutURIs }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethodBasic }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{oidc.GrantTypeCode} }
func (c client) LoginURL(id string) string            { return c.login + "?state=" + id }
func (c client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration       { return lifetime }
func (c client) DevMode() bool                        { return true } // redirects to plain HTTP
func (c client) IsScopeAllowed(scope string) bool     { return scope == "groups" }
func (c client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c client) ClockSkew() time.Duration             { return 0 }

//nolint:revive // op.Client spells it so
func (c client) RestrictAdditionalIdTokenScopes() scopes { return allScopes }

func (c client) RestrictAdditionalAccessTokenScopes() scopes { return allScopes }

type scopes = func([]string) []string

func allScopes(s []string) []string { return s }

// key signs tokens: op.SigningKey.
type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k key) ID() string                                  { return k.id }
func (k key) Key() any                                    { return k.private }
func (k key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

// publicKey checks what key has signed: op.Key.
type publicKey struct{ key }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.private.PublicKey }
