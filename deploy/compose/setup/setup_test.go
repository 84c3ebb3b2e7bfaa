package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joho/godotenv"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"ordertrace/systems/access"
	"ordertrace/workers/encryption"
)

func TestMain(m *testing.M) {
	hashCost = bcrypt.MinCost
	os.Exit(m.Run())
}

// setUp runs setup in a folder, and returns what it printed.
func setUp(t *testing.T, p place) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, makeCmd{}.Run(p, &out))
	return out.String()
}

func envOf(t *testing.T, p place) map[string]string {
	t.Helper()
	env, err := godotenv.Read(p.path(envFile))
	require.NoError(t, err)
	return env
}

func TestWhatIsMadeFits(t *testing.T) {
	p := place{folder: t.TempDir()}
	said := setUp(t, p)
	env := envOf(t, p)

	for _, v := range variables {
		require.Contains(t, said, v.name)
		require.NotEmpty(t, env[v.name], v.name)
	}
	_, err := encryption.ParseKeys(env["PAYLOAD_KEYS"])
	require.NoError(t, err)
	for file, known := range map[string]map[string]string{
		"callers": {"shop": "SHOP_API_TOKEN", "crm": "CRM_API_TOKEN", "mes": "MES_API_TOKEN", "starter": "STARTER_API_TOKEN",
			"customer-1": "CUSTOMER_TOKEN", "manager-3": "MANAGER_TOKEN", "operator-7": "OPERATOR_TOKEN"},
		"operators": {"proxy": "PROXY_CODEC_TOKEN"},
	} {
		tokens, err := access.LoadTokens(p.path(filepath.Join(accessFolder, file)))
		require.NoError(t, err)
		require.Len(t, tokens, len(known))
		for id, variable := range known {
			caller, err := tokens.Caller(t.Context(), env[variable])
			require.NoError(t, err)
			require.Equal(t, id, caller.ID)
		}
	}
	for i, variable := range []string{"VIEWER_PASSWORD", "OPERATOR_PASSWORD", "MANAGER_PASSWORD"} {
		require.Contains(t, said, env[variable], "said once")
		require.NoError(t, bcrypt.CompareHashAndPassword([]byte(peopleOf(t, p)[i].Hash), []byte(env[variable])))
	}
}

func peopleOf(t *testing.T, p place) (people []person) {
	t.Helper()
	content, err := os.ReadFile(p.path(peopleFile))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, &people))
	return people
}

// Its owner alone reads .env. The files that containers read lie in a folder that its
// owner alone enters.
func TestWhoMayReadIt(t *testing.T) {
	p := place{folder: t.TempDir()}
	if os.Getuid() == 0 {
		require.NoError(t, os.Chown(p.folder, 4711, 4712))
	}
	setUp(t, p)
	for name, want := range map[string]fs.FileMode{
		envFile: 0o600, accessFolder: 0o700 | fs.ModeDir,
		accessFolder + "/callers": 0o644, accessFolder + "/operators": 0o644, peopleFile: 0o644,
	} {
		info, err := os.Stat(p.path(name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode(), name)
		require.NoError(t, belongsToOwnerOf(p.folder, p.path(name)))
	}
	left, err := filepath.Glob(p.path("*/.new-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestWhatIsThereStays(t *testing.T) {
	p := place{folder: t.TempDir()}
	setUp(t, p)
	before := everything(t, p)
	said := setUp(t, p)
	require.Equal(t, before, everything(t, p))
	require.Contains(t, said, "nothing is missing")
	for _, secret := range envOf(t, p) {
		require.NotContains(t, said, secret)
	}
}

func everything(t *testing.T, p place) (all string) {
	t.Helper()
	for _, name := range []string{envFile, accessFolder + "/callers", accessFolder + "/operators", peopleFile} {
		content, err := os.ReadFile(p.path(name))
		require.NoError(t, err)
		all += string(content)
	}
	return all
}

func TestOnlyWhatIsMissingIsAdded(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(text string) string
		added  []string
	}{
		"a line is gone":       {without("SHOP_DB_PASSWORD"), []string{"SHOP_DB_PASSWORD"}},
		"a value is empty":     {func(text string) string { return without("CRM_API_TOKEN")(text) + "CRM_API_TOKEN=" }, []string{"CRM_API_TOKEN"}},
		"what is derived":      {without("SENDER_PASSWORD"), []string{"SENDER_PASSWORD", "SENDER_HEADERS", "SENDER_AUTHORIZATION"}},
		"a setting of its own": {func(text string) string { return text + "PROXY_PORT=9000\n" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := place{folder: t.TempDir()}
			setUp(t, p)
			before := envOf(t, p)
			content, err := os.ReadFile(p.path(envFile))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(p.path(envFile), []byte(tc.change(string(content))), 0o600))
			setUp(t, p)
			after := envOf(t, p)
			for _, v := range variables {
				if contains(tc.added, v.name) {
					require.NotEmpty(t, after[v.name], v.name)
					require.NotEqual(t, before[v.name], after[v.name], v.name)
				} else {
					require.Equal(t, before[v.name], after[v.name], v.name)
				}
			}
		})
	}
}

func contains(all []string, one string) bool {
	return strings.Contains(" "+strings.Join(all, " ")+" ", " "+one+" ")
}

// without deletes a variable's line.
func without(name string) func(string) string {
	return func(text string) string {
		var kept []string
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, name+"=") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "")
	}
}

func TestAFileThatIsNoneIsNotQuoted(t *testing.T) {
	p := place{folder: t.TempDir()}
	require.NoError(t, os.WriteFile(p.path(envFile), []byte("secret without a name\n"), 0o600))
	err := makeCmd{}.Run(p, &bytes.Buffer{})
	require.ErrorContains(t, err, "NAME=value")
	require.NotContains(t, err.Error(), "secret without")
}

func TestAPersonIsAdded(t *testing.T) {
	p := place{folder: t.TempDir()}
	_, err := p.addPerson("vera@example.org", []string{"trace-viewer"})
	require.ErrorContains(t, err, "run setup first")
	setUp(t, p)
	before, err := os.ReadFile(p.path(peopleFile))
	require.NoError(t, err)

	password, err := p.addPerson("vera@example.org", []string{"trace-viewer", "operator"})
	require.NoError(t, err)
	after, err := os.ReadFile(p.path(peopleFile))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(after), string(before)), "what is there stays as it is")
	people := peopleOf(t, p)
	require.Len(t, people, 4)
	vera := people[3]
	require.NoError(t, bcrypt.CompareHashAndPassword([]byte(vera.Hash), []byte(password)))
	require.Equal(t, []string{"trace-viewer", "operator"}, vera.Groups)

	for name, tc := range map[string]struct {
		email  string
		groups []string
		says   string
	}{
		"twice":             {"Vera@example.org", []string{"operator"}, "already"},
		"no address":        {"vera", []string{"operator"}, "no e-mail address"},
		"a group of nobody": {"oleg@example.org", []string{"operators"}, "there is no group"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.addPerson(tc.email, tc.groups)
			require.ErrorContains(t, err, tc.says)
		})
	}
}
