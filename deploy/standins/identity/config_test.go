package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

// The very file of docker-compose.yml is read, with people as setup writes them.
func TestReadsDexsConfiguration(t *testing.T) {
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
	c, err := parse(text)
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
	for name, line := range map[string]string{
		"an option it does not know": "connectors: []\n",
		"another storage":            "storage: {type: sqlite3}\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse([]byte(line))
			require.Error(t, err)
		})
	}
}
