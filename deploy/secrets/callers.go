package secrets

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"ordertrace/lifecycle"
	"ordertrace/systems/access"
)

// A Caller may call the systems' APIs, or have payloads decoded.
type Caller struct {
	ID    string
	Roles []lifecycle.Role
	Token string
}

// LetCall makes sure that a file of callers, as access.LoadTokens reads it, has
// these. Another token of one of them goes. The lines of others stay: a person gets
// in by a line of their own.
func LetCall(file string, callers []Caller) error {
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("let callers in: %w", err)
	}
	lines := []string{"# who may call: SHA-256 of a token, identifier, roles"}
	var ours []string
	for _, c := range callers {
		roles := make([]string, len(c.Roles))
		for i, r := range c.Roles {
			roles[i] = string(r)
		}
		lines = append(lines, access.Line(c.Token, c.ID, roles...))
		ours = append(ours, c.ID)
	}
	for line := range strings.Lines(string(before)) {
		entry, _, _ := strings.Cut(line, "#")
		if words := strings.Fields(entry); len(words) == 3 && !slices.Contains(ours, words[1]) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	after := strings.Join(lines, "\n") + "\n"
	if after == string(before) {
		return nil
	}
	if err := Replace(file, after); err != nil {
		return fmt.Errorf("let callers in: %w", err)
	}
	return nil
}
