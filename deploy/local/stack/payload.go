package stack

import (
	"errors"
	"fmt"
	"io/fs"
	neturl "net/url"
	"os"
	"time"

	"ordertrace/deploy/secrets"
	"ordertrace/lifecycle"
	"ordertrace/workers/encryption"
)

// payloadKeysFile holds the keys of what orders carry in Temporal. Who deletes it
// cannot read an order any more. README.md says how a key is rotated.
func (c Config) payloadKeysFile() string { return c.access("payload-keys") }

// operator acts in Temporal's web UI, and reads there what orders carry.
const operator = "operator"

// operatorsFile lists who may, as systems/access has it. A person gets in by a line
// of their own.
func (c Config) operatorsFile() string { return c.access("operators") }

// Operator reads in Temporal's web UI what orders carry: it signs in at CodecURL.
func (s *Stack) Operator() *neturl.Userinfo { return s.users[operator] }

// OperatorFile holds the operator's password, and nothing else.
func (s *Stack) OperatorFile() string { return s.cfg.passwordFile(operator) }

// letDecode makes the first key and the operator, unless they are there.
func (s *Stack) letDecode() error {
	if err := s.cfg.makePayloadKey(); err != nil {
		return err
	}
	password, err := secrets.File(s.OperatorFile())
	if err != nil {
		return err
	}
	s.users[operator] = neturl.UserPassword(operator, password)
	return secrets.LetCall(s.cfg.operatorsFile(), []secrets.Caller{{ID: operator, Roles: []lifecycle.Role{lifecycle.Operator}, Token: password}})
}

// makePayloadKey makes the first key, named after the day.
func (c Config) makePayloadKey() error {
	_, err := os.Stat(c.payloadKeysFile())
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := secrets.Replace(c.payloadKeysFile(), encryption.NewKey(time.Now().Format(time.DateOnly))+"\n"); err != nil {
		return fmt.Errorf("make a key of payloads: %w", err)
	}
	return nil
}

// payloadEnv tells who reads orders of their keys, unless the runner's own
// environment does.
func (c Config) payloadEnv() []string {
	if os.Getenv("PAYLOAD_KEYS") != "" {
		return nil
	}
	return unlessSet("PAYLOAD_KEYS_FILE=" + c.payloadKeysFile())
}

// PayloadKeys are the keys of what orders carry in Temporal.
func (s *Stack) PayloadKeys() (encryption.Keys, error) {
	c := encryption.Config{KeysFile: os.Getenv("PAYLOAD_KEYS_FILE"), Keys: os.Getenv("PAYLOAD_KEYS")}
	if len(s.cfg.payloadEnv()) > 0 {
		c.KeysFile = s.cfg.payloadKeysFile()
	}
	return c.Load()
}

// CodecURL is where operators' browsers have payloads decoded. Its front page signs
// them in, and leads to Temporal's web UI.
func (s *Stack) CodecURL() string { return url(s.cfg.Ports.Codec) }
