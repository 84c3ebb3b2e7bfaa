package stack

import (
	"errors"
	"fmt"
	"io/fs"
	neturl "net/url"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"ordertrace/deploy/secrets"
)

// hashCost is bcrypt's least. Jaeger hashes at every request, and a worker sends
// spans many times a second: 1 ms each, against 75 ms at the usual cost. Nobody
// guesses a password of 128 random bits, however fast the hash. What
// htpasswd -B makes of a person's own password has the cost that it was given.
const hashCost = bcrypt.MinCost

// letIn makes sure that an htpasswd file has the users, each with its password.
// The lines of others stay.
func letIn(file string, users []*neturl.Userinfo) error {
	before, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	after, err := withUsers(string(before), users)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if after == string(before) {
		return nil
	}
	return secrets.Replace(file, after)
}

// withUsers is the text of an htpasswd file with the users in it. It refuses
// lines that are no user with a bcrypt hash: Jaeger takes whatever it does not
// know for a password in plain text, even that of a comment.
func withUsers(text string, users []*neturl.Userinfo) (string, error) {
	var names []string
	hashes := map[string]string{} // of two lines for one user, Jaeger takes the last
	set := func(name, hash string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		hashes[name] = hash
	}
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, hash, _ := strings.Cut(line, ":")
		if _, err := bcrypt.Cost([]byte(hash)); err != nil || name == "" {
			return "", fmt.Errorf("line %d is not USER:HASH with a hash of bcrypt, as htpasswd -B makes it", i+1)
		}
		set(name, hash)
	}
	for _, user := range users {
		password := passwordOf(user)
		if bcrypt.CompareHashAndPassword([]byte(hashes[user.Username()]), []byte(password)) == nil {
			continue
		}
		hash, err := bcrypt.GenerateFromPassword([]byte(password), hashCost)
		if err != nil {
			return "", err
		}
		set(user.Username(), string(hash))
	}
	var out strings.Builder
	for _, name := range names {
		fmt.Fprintf(&out, "%s:%s\n", name, hashes[name])
	}
	return out.String(), nil
}
