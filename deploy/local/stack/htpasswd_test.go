package stack

import (
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

func TestUsersOfAnHtpasswdFile(t *testing.T) {
	ours := neturl.UserPassword("trace-viewer", "its password")
	line := func(user, password string) string {
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		require.NoError(t, err)
		return user + ":" + string(hash) + "\n"
	}
	right, old, person := line("trace-viewer", "its password"), line("trace-viewer", "before"), line("alice", "hers")
	apache := "bob:$2y$05$7FCQy7RNoLbSWudzhNvjfOSGnq5EUSoQbk2E0H06eOu9V0cNoncSK\n" // as Apache's program writes it
	tests := map[string]struct {
		before  string
		kept    string // lines that stay as they are
		refused string
	}{
		"a new file":                             {},
		"it is in already":                       {before: right, kept: right},
		"its password was another":               {before: old},
		"a person stays":                         {before: person + right, kept: person + right},
		"a person stays beside a new password":   {before: old + person + apache, kept: person + apache},
		"a last line without an end":             {before: right + person[:len(person)-1], kept: right + person},
		"of two lines for a user the last is it": {before: old + right, kept: right},
		"... also the wrong one":                 {before: right + old},
		"empty lines":                            {before: "\n" + person + "\n \n", kept: person},
		"a password in plain text":               {before: person + "bob:secret\n", refused: "line 2 is not USER:HASH"},
		"a hash that is none of bcrypt":          {before: "bob:$apr1$wUNxjSZ4$nBRzhBkl9Hfe1RhSwyDQp.\n", refused: "line 1 is not USER:HASH"},
		"a comment with a colon":                 {before: "# add people: with htpasswd -B\n", refused: "line 1 is not USER:HASH"},
		"a user without a name":                  {before: right[len("trace-viewer"):], refused: "line 1 is not USER:HASH"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			after, err := withUsers(tc.before, []*neturl.Userinfo{ours})
			if tc.refused != "" {
				require.ErrorContains(t, err, tc.refused)
				require.NotContains(t, err.Error(), "secret", "what stands there may be one")
				return
			}
			require.NoError(t, err)
			hashes := map[string]string{}
			for l := range strings.Lines(after) {
				name, hash, _ := strings.Cut(strings.TrimSpace(l), ":")
				require.NotContains(t, hashes, name, "one line each")
				hashes[name] = hash
			}
			require.NoError(t, bcrypt.CompareHashAndPassword([]byte(hashes["trace-viewer"]), []byte("its password")))
			for l := range strings.Lines(tc.kept) {
				require.Contains(t, after, l)
			}
		})
	}
}

func TestAnHtpasswdFileThatIsRightIsNotTouched(t *testing.T) {
	file := filepath.Join(t.TempDir(), "htpasswd")
	users := []*neturl.Userinfo{neturl.UserPassword("a", "1"), neturl.UserPassword("b", "2")}
	require.NoError(t, letIn(file, users))
	before, err := os.Stat(file)
	require.NoError(t, err)

	require.NoError(t, letIn(file, users))

	after, err := os.Stat(file)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
}
