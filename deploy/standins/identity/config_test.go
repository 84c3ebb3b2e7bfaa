package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// rendered is the very file of docker-compose.yml, with a person as setup writes them.
func rendered(t *testing.T) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("right"), bcrypt.MinCost)
	require.NoError(t, err)
	people := filepath.Join(t.TempDir(), "people.yaml")
	require.NoError(t, os.WriteFile(people, []byte(`# people
- email: vera@example.org
  username: vera
  userID: u-32
  hash: `+string(hash)+`
  groups: [trace-viewer]
`), 0o600))
	t.Setenv("DEX_PEOPLE_FILE", people)
	t.Setenv("DEX_CLIENT_SECRET", "secret\n")
	t.Setenv("PROXY_PUBLIC_URL", "http://orders.example.org")
	text, err := render("../../dex/dex.yaml")
	require.NoError(t, err)
	return string(text)
}

func TestReadsDexsConfiguration(t *testing.T) {
	c, err := parse([]byte(rendered(t)))
	require.NoError(t, err)
	require.Equal(t, "http://orders.example.org/dex", c.Issuer)
	require.Equal(t, "/dex", c.path())
	require.Equal(t, "secret", c.clients()[0].Secret)
	require.Equal(t, []string{"http://orders.example.org/oidc/callback"}, c.clients()[0].RedirectURIs)
	require.True(t, c.clients()[1].Public)
	vera := c.people()[0]
	require.Equal(t, "CgR1LTMyEgVsb2NhbA", vera.Subject, "as people.example.yaml has it")
	require.Equal(t, []string{"trace-viewer"}, vera.Groups)
	require.True(t, vera.Knows("right"))
	require.False(t, vera.Knows("wrong"))
}

// What Dex would do and this program does not must not pass unseen.
func TestRefusesWhatItDoesNotDo(t *testing.T) {
	text := rendered(t)
	for name, change := range map[string][2]string{
		"an option it does not know": {"issuer:", "connectors: []\nissuer:"},
		"another storage":            {"type: memory", "type: sqlite3"},
		"other lifetimes":            {"idTokens: 1h", "idTokens: 24h"},
		"another flow":               {"responseTypes: [code]", "responseTypes: [token]"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(text, change[0], change[1], 1)
			require.NotEqual(t, text, changed)
			_, err := parse([]byte(changed))
			require.Error(t, err)
		})
	}
}
