package stack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"ordertrace/lifecycle"
	apiaccess "ordertrace/systems/access"
)

// callers may call the systems' APIs: the workers and the starter, and the people
// whom the demo and the tests play.
var callers = []struct {
	id    string
	roles []lifecycle.Role
}{
	{"shop", []lifecycle.Role{lifecycle.Service}},
	{"crm", []lifecycle.Role{lifecycle.Service}},
	{"mes", []lifecycle.Role{lifecycle.Service}},
	{"starter", []lifecycle.Role{lifecycle.Service, lifecycle.Manager}},
	{"customer-1", []lifecycle.Role{lifecycle.Customer}},
	{"customer-2", []lifecycle.Role{lifecycle.Customer}},
	{"partner-1", []lifecycle.Role{lifecycle.Partner}},
	{"manager-3", []lifecycle.Role{lifecycle.Manager}},
	{"operator-7", []lifecycle.Role{lifecycle.Operator}},
	{"operator-9", []lifecycle.Role{lifecycle.Operator}},
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
	lines := []string{"# who may call the systems' APIs: SHA-256 of a token, identifier, roles"}
	var made []string
	for _, c := range callers {
		token, err := secretFile(cfg.access(c.id + ".token"))
		if err != nil {
			return nil, err
		}
		tokens[c.id] = token
		roles := make([]string, len(c.roles))
		for i, r := range c.roles {
			roles[i] = string(r)
		}
		lines = append(lines, apiaccess.Line(token, c.id, roles...))
		made = append(made, c.id)
	}
	before, err := os.ReadFile(cfg.callersFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(before)) {
		words := strings.Fields(line)
		if len(words) == 3 && !strings.HasPrefix(line, "#") && !slices.Contains(made, words[1]) {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	if err := replaceFile(cfg.callersFile(), strings.Join(lines, "\n")+"\n"); err != nil {
		return nil, fmt.Errorf("let callers in: %w", err)
	}
	return tokens, nil
}
