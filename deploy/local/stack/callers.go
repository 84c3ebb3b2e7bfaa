package stack

import (
	"slices"

	"ordertrace/deploy/secrets"
	"ordertrace/lifecycle"
)

// callers may call the systems' APIs: the workers and the starter, and the people
// whom the demo and the tests play.
var callers = []secrets.Caller{
	{ID: "shop", Roles: []lifecycle.Role{lifecycle.Service}},
	{ID: "crm", Roles: []lifecycle.Role{lifecycle.Service}},
	{ID: "mes", Roles: []lifecycle.Role{lifecycle.Service}},
	{ID: "starter", Roles: []lifecycle.Role{lifecycle.Service, lifecycle.Manager}},
	{ID: "customer-1", Roles: []lifecycle.Role{lifecycle.Customer}},
	{ID: "customer-2", Roles: []lifecycle.Role{lifecycle.Customer}},
	{ID: "partner-1", Roles: []lifecycle.Role{lifecycle.Partner}},
	{ID: "manager-3", Roles: []lifecycle.Role{lifecycle.Manager}},
	{ID: "operator-7", Roles: []lifecycle.Role{lifecycle.Operator}},
	{ID: "operator-9", Roles: []lifecycle.Role{lifecycle.Operator}},
}

// callersFile lists them for the workers, by the digests of their tokens. A person
// gets in by a line of their own, which stays there: see LoadTokens of systems/access.
func (c Config) callersFile() string { return c.access("callers") }

// Token is what a caller shows the systems' APIs; empty for one whom the stack
// did not make.
func (s *Stack) Token(id string) string { return s.tokens[id] }

// TokenFile holds a caller's token, and nothing else.
func (s *Stack) TokenFile(id string) string { return s.cfg.access(id + ".token") }

// letCall makes each caller a token, once, and returns them by the caller.
func letCall(cfg Config) (map[string]string, error) {
	tokens := map[string]string{}
	known := slices.Clone(callers)
	for i, c := range known {
		token, err := secrets.File(cfg.access(c.ID + ".token"))
		if err != nil {
			return nil, err
		}
		known[i].Token, tokens[c.ID] = token, token
	}
	return tokens, secrets.LetCall(cfg.callersFile(), known)
}
