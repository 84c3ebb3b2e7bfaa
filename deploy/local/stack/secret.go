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
	return secretFile(s.cfg.access("carrier-secret"))
}

// secretFile reads a secret, or makes it: the stack holds its folder alone.
func secretFile(name string) (string, error) {
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		secret := rand.Text()
		if err := replaceFile(name, secret+"\n"); err != nil {
			return "", fmt.Errorf("make a secret: %w", err)
		}
		return secret, nil
	}
	secret := strings.TrimSpace(string(content))
	if err == nil && secret == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", fmt.Errorf("read the secret %s (delete it, and it is made anew): %w", name, err)
	}
	return secret, nil
}

// replaceFile writes a file that its owner alone can read, whole or not at all.
func replaceFile(name, content string) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
