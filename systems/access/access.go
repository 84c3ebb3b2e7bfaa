// Package access finds out who makes a request at a system's API: by the tokens
// of a file, or by those of an OpenID provider. What each role may do stands
// with the routes.
package access

import (
	"context"
	"errors"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// Config says who is known. At least one of TokensFile and Issuer is required.
type Config struct {
	// TokensFile lists static tokens. See LoadTokens.
	TokensFile string
	// Issuer is the base URL of an OpenID provider; its tokens are JSON Web Tokens
	// whose claim "groups" names the caller's roles, and "sub" the caller.
	Issuer string
	// Audience is who the provider's tokens must be for. Required with Issuer.
	Audience string
}

// Open returns who knows the callers. It fails if the file cannot be read, or
// if nobody could ever be known. The provider is asked at the first token.
func Open(c Config) (api.Callers, error) {
	var known callers
	if c.TokensFile != "" {
		tokens, err := LoadTokens(c.TokensFile)
		if err != nil {
			return nil, err
		}
		known = append(known, tokens)
	}
	if c.Issuer != "" {
		if c.Audience == "" {
			return nil, errors.New("an issuer without an audience would let in everybody's tokens: set API_AUDIENCE")
		}
		known = append(known, &provider{issuer: c.Issuer, audience: c.Audience})
	}
	if len(known) == 0 {
		return nil, errors.New("nobody is allowed to call the API: set API_TOKENS_FILE, or API_ISSUER and API_AUDIENCE")
	}
	return known, nil
}

// callers are asked one after the other.
type callers []api.Callers

// Caller implements api.Callers.
func (known callers) Caller(ctx context.Context, token string) (api.Caller, error) {
	var errs []error
	for _, k := range known {
		c, err := k.Caller(ctx, token)
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return api.Caller{}, errs[len(errs)-1]
}

func unknown(detail string) error {
	return &lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeUnauthorized, Field: "Authorization", Detail: detail}
}

// roles keeps those that the APIs know of.
func roles(names []string) (known []lifecycle.Role) {
	for _, name := range names {
		switch r := lifecycle.Role(name); r {
		case lifecycle.Customer, lifecycle.Partner, lifecycle.Manager, lifecycle.Operator, lifecycle.Service:
			known = append(known, r)
		}
	}
	return known
}
