package stack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// CarrierSecret is what the carrier's messages are signed with: random, made
// once for a state folder, readable by its owner alone. CARRIER_SECRET in the
// runner's own environment comes before it.
func (s *Stack) CarrierSecret() (string, error) {
	if secret := os.Getenv("CARRIER_SECRET"); secret != "" {
		return secret, nil
	}
	return secretFile(filepath.Join(s.cfg.StateDir, "carrier-secret"))
}

// secretFile reads a secret, or makes it: the stack holds its folder alone.
func secretFile(name string) (string, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		secret, err := os.ReadFile(name)
		if err != nil || len(secret) == 0 {
			return "", fmt.Errorf("read the secret %s (delete it, and it is made anew): %w", name, errors.Join(err, errIfEmpty(secret)))
		}
		return strings.TrimSpace(string(secret)), nil
	}
	if err != nil {
		return "", fmt.Errorf("make a secret: %w", err)
	}
	secret := rand.Text()
	_, err = f.WriteString(secret + "\n")
	return secret, errors.Join(err, f.Close())
}

func errIfEmpty(b []byte) error {
	if len(b) == 0 {
		return errors.New("it is empty")
	}
	return nil
}
