package secrets

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/access"
)

func TestASecretIsMadeOnceForItsOwner(t *testing.T) {
	name := filepath.Join(t.TempDir(), "secret")
	made, err := File(name)
	require.NoError(t, err)
	again, err := File(name)
	require.NoError(t, err)
	require.Equal(t, made, again)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode())
	require.NoError(t, os.WriteFile(name, []byte(" \n"), 0o600))
	_, err = File(name)
	require.ErrorContains(t, err, "delete it")
}

func TestHeadersOfAUser(t *testing.T) {
	user := url.UserPassword("Aladdin", "open sesame") // of RFC 7617
	require.Equal(t, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", BasicAuth(user))
	require.Equal(t, "authorization=Basic%20QWxhZGRpbjpvcGVuIHNlc2FtZQ==", OTLPHeaders(user))
	require.Empty(t, BasicAuth(nil))
}

func TestCallersAreLetInBesideOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "callers")
	hers := access.Line("hers", "manager-9", "manager") + " # until May"
	require.NoError(t, os.WriteFile(file, []byte(strings.Join([]string{hers, access.Line("old", "shop", "service"), "# a remark"}, "\n")), 0o600))
	shop := []Caller{{ID: "shop", Roles: []lifecycle.Role{lifecycle.Service, lifecycle.Manager}, Token: "new"}}
	require.NoError(t, LetCall(file, shop))

	tokens, err := access.LoadTokens(file)
	require.NoError(t, err)
	require.Len(t, tokens, 2)
	caller, err := tokens.Caller(t.Context(), "new")
	require.NoError(t, err)
	require.Equal(t, "shop", caller.ID)
	require.True(t, caller.Is(lifecycle.Manager))
	_, err = tokens.Caller(t.Context(), "hers")
	require.NoError(t, err)
	_, err = tokens.Caller(t.Context(), "old")
	require.Error(t, err)

	before, err := os.Stat(file)
	require.NoError(t, err)
	require.NoError(t, LetCall(file, shop))
	after, err := os.Stat(file)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "a file that is right is not touched")
}
