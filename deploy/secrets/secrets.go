// Package secrets makes the random secrets of a stack, embedded or composed: each
// once, readable by its owner alone, and never twice.
package secrets

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// New is a random password or token: 130 bits as 26 capitals and digits, which
// need no quoting anywhere.
func New() string { return rand.Text() }

// File reads a secret, or makes it: nobody else may work in its folder.
func File(name string) (string, error) {
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		secret := New()
		if err := Replace(name, secret+"\n"); err != nil {
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

// Replace writes a file that its owner alone can read, whole or not at all.
func Replace(name, content string) error {
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

// OTLPHeaders are what a user's spans are sent with, as OTEL_EXPORTER_OTLP_HEADERS
// wants it: NAME=VALUE with a percent-encoded value.
func OTLPHeaders(user *url.Userinfo) string {
	return "authorization=" + url.PathEscape(BasicAuth(user))
}

// BasicAuth is a user as the header Authorization has it (RFC 7617); empty for nil.
func BasicAuth(user *url.Userinfo) string {
	if user == nil {
		return ""
	}
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}
