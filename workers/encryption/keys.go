// Package encryption keeps what orders carry from Temporal: payloads and the
// words of failures are encrypted before they leave a process, and decrypted
// where there is the key. Temporal, its database and its UI see ciphertext.
package encryption

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Config says where the keys are. It is made for kong; the README explains how to
// rotate a key.
type Config struct {
	KeysFile string `env:"PAYLOAD_KEYS_FILE" placeholder:"FILE" help:"Keys of what orders carry in Temporal: an ID and a base64 key of 32 bytes a line. The first encrypts, all decrypt. Default: nothing is encrypted."`
	Keys     string `env:"PAYLOAD_KEYS" placeholder:"ID KEY,…" help:"The same without a file, with commas between. For the environment: a command line can be seen by others."`
}

// Load reads the keys: none if there are none to read.
func (c Config) Load() (Keys, error) {
	switch {
	case c.KeysFile != "" && c.Keys != "":
		return Keys{}, errors.New("set PAYLOAD_KEYS_FILE or PAYLOAD_KEYS, not both")
	case c.KeysFile != "":
		text, err := os.ReadFile(c.KeysFile)
		if err != nil {
			return Keys{}, fmt.Errorf("payload keys: %w", err)
		}
		keys, err := ParseKeys(string(text))
		if err == nil && keys.first == "" {
			err = errNoKey
		}
		if err != nil {
			return Keys{}, fmt.Errorf("payload keys in %s: %w", c.KeysFile, err)
		}
		return keys, nil
	default:
		keys, err := ParseKeys(strings.ReplaceAll(c.Keys, ",", "\n"))
		if err != nil {
			return Keys{}, fmt.Errorf("PAYLOAD_KEYS: %w", err)
		}
		return keys, nil
	}
}

// errNoKey keeps an emptied file from turning encryption off.
var errNoKey = errors.New("there is no key in it")

// Keys encrypt with the first and decrypt with all. The zero Keys have none, and
// leave payloads plain. They are safe for concurrent use.
type Keys struct {
	first string // its ID
	known map[string]cipher.AEAD
}

const keySize = 32 // bytes: AES-256

// keyID is what may be a key's ID: it is written beside every payload.
var keyID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ParseKeys reads a key a line, as NewKey writes it. Empty lines and lines that
// begin with # are skipped. Errors tell the line, never what it says.
func ParseKeys(text string) (Keys, error) {
	keys := Keys{known: map[string]cipher.AEAD{}}
	for i, line := range strings.Split(text, "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := keys.add(fields); err != nil {
			return Keys{}, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return keys, nil
}

func (k *Keys) add(fields []string) error {
	if len(fields) != 2 {
		return errors.New("want an ID and a key")
	}
	id := fields[0]
	if !keyID.MatchString(id) {
		return errors.New("an ID has letters, digits, dots, dashes and underscores, at most 64")
	}
	if _, twice := k.known[id]; twice {
		return fmt.Errorf("there is a key %s already", id)
	}
	key, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil || len(key) != keySize {
		return fmt.Errorf("the key %s is not %d bytes in base64", id, keySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	if k.known[id], err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return err
	}
	if k.first == "" {
		k.first = id
	}
	return nil
}

// NewKey makes a line of a key file.
func NewKey(id string) string {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	return id + " " + base64.StdEncoding.EncodeToString(key)
}

// Encrypt tells whether there is a key to encrypt with.
func (k Keys) Encrypt() bool { return k.first != "" }
