package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// lifetime of a token. Whoever relies on a session has it longer than a test runs.
const lifetime = time.Hour

var (
	errUnknown     = errors.New("unknown to this provider")
	errUnsupported = errors.New("this provider does not do that")
)

// store is what the protocol keeps and asks for: op.Storage.
type store struct {
	people  []Person
	clients map[string]client
	key     key

	mu      sync.Mutex
	signIns map[string]*signIn // by their id
	tokens  map[string]string  // subject by the access token's id
}

var (
	_ op.Storage                   = (*store)(nil)
	_ op.CanSetUserinfoFromRequest = (*store)(nil)
)

func newStore(path string, people []Person, clients []Client) (*store, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	s := &store{
		people:  people,
		clients: map[string]client{},
		key:     key{id: rand.Text(), private: private},
		signIns: map[string]*signIn{},
		tokens:  map[string]string{},
	}
	for _, c := range clients {
		s.clients[c.ID] = client{Client: c, login: path + loginPath}
	}
	return s, nil
}

// signIn says who a pending sign-in is, if the password is right.
func (s *store) signIn(id, email, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := s.signIns[id]
	if who := s.who(email, password); who != nil && pending != nil {
		pending.subject, pending.at = who.Subject, time.Now()
		return true
	}
	return false
}

// who has the e-mail address, if the password is theirs; else nil.
func (s *store) who(email, password string) *Person {
	for i, p := range s.people {
		known := p.Knows
		if known == nil {
			known = func(shown string) bool { return subtle.ConstantTimeCompare([]byte(p.Password), []byte(shown)) == 1 }
		}
		if p.Email == email && known(password) {
			return &s.people[i]
		}
	}
	return nil
}

func (s *store) endsSessions() bool {
	for _, c := range s.clients {
		if len(c.SignedOutURIs) > 0 {
			return true
		}
	}
	return false
}

func (s *store) claims(info *oidc.UserInfo, subject string) error {
	at := slices.IndexFunc(s.people, func(p Person) bool { return p.Subject == subject })
	if at < 0 {
		return errUnknown
	}
	p := s.people[at]
	info.Subject, info.Email, info.Name = p.Subject, p.Email, p.Name
	info.EmailVerified = true
	info.AppendClaims("groups", p.Groups)
	return nil
}

// The authorization code flow.

func (s *store) CreateAuthRequest(_ context.Context, request *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending := &signIn{id: rand.Text(), request: request}
	s.signIns[pending.id] = pending
	return *pending, nil
}

func (s *store) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	return s.find(func(pending *signIn) bool { return pending.id == id })
}

func (s *store) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	return s.find(func(pending *signIn) bool { return pending.code == code })
}

func (s *store) find(is func(*signIn) bool) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pending := range s.signIns {
		if is(pending) {
			return *pending, nil
		}
	}
	return nil, errUnknown
}

func (s *store) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	pending, ok := s.signIns[id]
	if !ok {
		return errUnknown
	}
	pending.code = code
	return nil
}

func (s *store) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.signIns, id) // with its code: a code is good once
	return nil
}

func (s *store) CreateAccessToken(_ context.Context, request op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := rand.Text()
	s.tokens[id] = request.GetSubject()
	return id, time.Now().Add(lifetime), nil
}

func (s *store) TerminateSession(_ context.Context, subject, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, of := range s.tokens {
		if of == subject {
			delete(s.tokens, id)
		}
	}
	return nil
}

// What is said of a person, in an ID token and at the userinfo endpoint.

func (s *store) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, request op.IDTokenRequest, _ []string) error {
	return s.claims(info, request.GetSubject())
}

func (s *store) SetUserinfoFromToken(_ context.Context, info *oidc.UserInfo, token, subject, _ string) error {
	s.mu.Lock()
	of, ok := s.tokens[token]
	s.mu.Unlock()
	if !ok || of != subject {
		return errUnknown
	}
	return s.claims(info, subject)
}

func (s *store) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil // the protocol's older way
}

func (s *store) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// Clients and keys.

func (s *store) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	c, ok := s.clients[id]
	if !ok {
		return nil, errUnknown
	}
	return c, nil
}

func (s *store) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	c, ok := s.clients[id]
	if !ok || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1 {
		return errUnknown
	}
	return nil
}

func (s *store) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

func (s *store) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.key}}, nil }

func (s *store) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{s.key.SignatureAlgorithm()}, nil
}

func (s *store) Health(context.Context) error { return nil }

// What no client of these tests uses: refresh tokens, revocation, introspection
// and keys of clients.

func (s *store) CreateAccessAndRefreshTokens(context.Context, op.TokenRequest, string) (string, string, time.Time, error) {
	return "", "", time.Time{}, errUnsupported
}

func (s *store) TokenRequestByRefreshToken(context.Context, string) (op.RefreshTokenRequest, error) {
	return nil, errUnsupported
}

func (s *store) GetRefreshTokenInfo(context.Context, string, string) (string, string, error) {
	return "", "", op.ErrInvalidRefreshToken
}

func (s *store) RevokeToken(context.Context, string, string, string) *oidc.Error {
	return oidc.ErrServerError().WithParent(errUnsupported)
}

func (s *store) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errUnsupported
}

func (s *store) GetKeyByIDAndClientID(context.Context, string, string) (*jose.JSONWebKey, error) {
	return nil, errUnsupported
}

func (s *store) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errUnsupported
}
