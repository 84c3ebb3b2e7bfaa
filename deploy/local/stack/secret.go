package stack

import (
	"os"

	"ordertrace/deploy/secrets"
)

// CarrierSecret is what the carrier's messages are signed with: random, made
// once for a state folder, readable by its owner alone. CARRIER_SECRET in the
// runner's own environment comes before it.
func (s *Stack) CarrierSecret() (string, error) {
	if secret := os.Getenv("CARRIER_SECRET"); secret != "" {
		return secret, nil
	}
	return secrets.File(s.cfg.access("carrier-secret"))
}
