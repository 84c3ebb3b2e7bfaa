package stack

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/joho/godotenv"
	"github.com/stretchr/testify/require"

	"ordertrace/deploy/secrets"
)

// withSecrets is a stack without processes that has its secrets.
func withSecrets(t *testing.T, state string) *Stack {
	cfg, err := Config{Root: root, StateDir: state}.withDefaults()
	require.NoError(t, err)
	s := &Stack{cfg: cfg}
	require.NoError(t, s.makeSecrets())
	_, err = s.CarrierSecret()
	require.NoError(t, err)
	return s
}

func TestTheOwnerAloneReadsSecrets(t *testing.T) {
	state := t.TempDir()
	loose := filepath.Join(state, "access")
	require.NoError(t, os.Mkdir(loose, 0o755)) // somebody made it before
	s := withSecrets(t, state)
	require.NoError(t, s.writeAccessFile())

	modes := map[string]fs.FileMode{}
	require.NoError(t, filepath.WalkDir(state, func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		name, err := filepath.Rel(state, path)
		modes[name] = info.Mode()
		return err
	}))
	delete(modes, ".")
	for _, name := range []string{
		"access.env", "access/readers.htpasswd", "access/senders.htpasswd",
		"access/trace-viewer.password", "access/ordertrace.password", "access/vendor-mes.password", "access/carrier-secret",
	} {
		require.Contains(t, modes, name)
	}
	for name, mode := range modes {
		if name == "access" {
			require.Equal(t, fs.ModeDir|0o700, mode, name)
		} else {
			require.Equal(t, fs.FileMode(0o600), mode, name)
		}
	}
}

func TestSecretsOutliveTheStack(t *testing.T) {
	state := t.TempDir()
	first := withSecrets(t, state)
	second := withSecrets(t, state)
	require.Equal(t, first.users, second.users)

	t.Run("each stack has its own", func(t *testing.T) {
		require.NotEqual(t, first.TraceViewer(), withSecrets(t, t.TempDir()).TraceViewer())
	})
	t.Run("whose file is deleted gets a new one", func(t *testing.T) {
		require.NoError(t, os.Remove(first.TraceViewerFile()))
		third := withSecrets(t, state)
		require.NotEqual(t, first.TraceViewer(), third.TraceViewer())
		require.Equal(t, first.Sender(), third.Sender())
		require.Equal(t, first.VendorMES(), third.VendorMES())
	})
	t.Run("an empty file is no secret", func(t *testing.T) {
		require.NoError(t, os.WriteFile(first.TraceViewerFile(), []byte("\n"), 0o600))
		err := first.makeSecrets()
		require.ErrorContains(t, err, first.TraceViewerFile()+" (delete it, and it is made anew): it is empty")
	})
}

func TestAccessFileIsTheEnvironmentOfAPersonsPrograms(t *testing.T) {
	s := withSecrets(t, t.TempDir())
	require.NoError(t, s.writeAccessFile())

	written, err := godotenv.Read(s.AccessFile())
	require.NoError(t, err)

	var variables []string
	for name, value := range written {
		variables = append(variables, name+"="+value)
	}
	require.ElementsMatch(t, s.Env(), variables)
	require.Equal(t, "trace-viewer", written["JAEGER_USER"])
	require.Equal(t, passwordOf(s.TraceViewer()), written["JAEGER_PASSWORD"])
	require.Equal(t, secrets.OTLPHeaders(s.Sender()), written["OTEL_EXPORTER_OTLP_HEADERS"])
	require.NotContains(t, strings.Join(variables, "\n"), passwordOf(s.VendorMES()))
}

// The shop's worker reads traces too: it audits them.
func TestWorkersSendAndCannotRead(t *testing.T) {
	s := withSecrets(t, t.TempDir())
	for _, c := range s.workerCommands("carriers-secret") {
		require.Contains(t, c.env, "OTEL_EXPORTER_OTLP_HEADERS="+secrets.OTLPHeaders(s.Sender()), c.name)
		reads := strings.Contains(strings.Join(c.env, "\n"), passwordOf(s.TraceViewer()))
		require.Equal(t, c.name == "shop", reads, c.name)
	}
}
