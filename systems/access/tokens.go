package access

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"ordertrace/systems/api"
)

// Tokens are static ones, by their digests.
type Tokens map[string]api.Caller

// LoadTokens reads a file of static tokens. Each line has the SHA-256 of a token
// in hex, the caller's identifier, and its roles, separated by commas:
//
//	9f86d081884c7d65…  operator-7  operator
//
// What follows a # is a comment. So the file gives nobody a token who reads it.
// It fails with the number of a line that is not so.
func LoadTokens(file string) (Tokens, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	defer f.Close()
	tokens := Tokens{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 3 {
			return nil, fmt.Errorf("tokens: %s:%d: want DIGEST IDENTIFIER ROLE[,ROLE]", file, n)
		}
		digest, err := hex.DecodeString(words[0])
		known := roles(strings.Split(words[2], ","))
		switch {
		case err != nil || len(digest) != sha256.Size:
			return nil, fmt.Errorf("tokens: %s:%d: want the SHA-256 of a token, 64 hex digits", file, n)
		case len(known) != strings.Count(words[2], ",")+1:
			return nil, fmt.Errorf("tokens: %s:%d: the roles are customer, partner, manager, operator and service", file, n)
		}
		tokens[string(digest)] = api.Caller{ID: words[1], Roles: known}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("tokens: %s: %w", file, err)
	}
	return tokens, nil
}

// Line is a token's line in the file.
func Line(token, id string, roles ...string) string {
	sum := sha256.Sum256([]byte(token))
	return fmt.Sprintf("%x  %s  %s", sum, id, strings.Join(roles, ","))
}

// Caller implements api.Callers.
func (t Tokens) Caller(_ context.Context, token string) (api.Caller, error) {
	sum := sha256.Sum256([]byte(token)) // so that the time of the look-up tells nothing of a token
	if c, ok := t[string(sum[:])]; ok {
		return c, nil
	}
	return api.Caller{}, unknown("this token is nobody's")
}
