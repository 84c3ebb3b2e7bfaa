package shop_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mesh/meshtest"
	"ordertrace/systems/shop"
	"ordertrace/systems/store/storetest"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		serveForEver()
	}
	storetest.Main(m)
}

// running is a shop that serves until the test ends.
type running struct {
	*shop.System
	*api.Client
	url, blobs, spool string
}

func start(t *testing.T, c shop.Config) running {
	t.Helper()
	folder := t.TempDir()
	r := running{blobs: filepath.Join(folder, "blobs"), spool: filepath.Join(folder, "spool")}
	require.NoError(t, os.Mkdir(r.spool, 0o755))
	if c.DSN == "" {
		c.DSN = storetest.SQLite(t)
	}
	c.Blobs, c.Spool = "file://"+r.blobs, r.spool
	var err error
	r.System, err = shop.New(t.Context(), c)
	require.NoError(t, err)
	server := httptest.NewServer(r.Handler())
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, r.Close())
	})
	r.url, r.Client = server.URL, api.NewClient(server.URL)
	return r
}

// upload sends a file by hand, to see the status. A reader of unknown length is
// sent in chunks.
func (r running) upload(t *testing.T, file []byte, chunked bool) (int, []byte, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/models", bytes.NewReader(file))
	require.NoError(t, err)
	if chunked {
		req.ContentLength = -1
	}
	return send(t, req)
}

func (r running) get(t *testing.T, method, path string, header http.Header) (int, []byte, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, nil)
	require.NoError(t, err)
	if header != nil {
		req.Header = header
	}
	return send(t, req)
}

func send(t *testing.T, req *http.Request) (int, []byte, http.Header) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, body.Bytes(), resp.Header
}

// requireFiles checks what the shop has on its disk, spool included.
func (r running) requireFiles(t *testing.T, names ...string) {
	t.Helper()
	require.Equal(t, append([]string{}, names...), filesIn(t, r.blobs))
	require.Empty(t, filesIn(t, r.spool))
}

func filesIn(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func stl(t testing.TB, m meshtest.Mesh) []byte {
	var file bytes.Buffer
	require.NoError(t, meshtest.WriteBinary(&file, "test", m))
	return file.Bytes()
}

func requireError(t *testing.T, err error, remedy lifecycle.Remedy, code, field string) {
	t.Helper()
	var e *lifecycle.Error
	require.ErrorAsf(t, err, &e, "want a lifecycle.Error, not %v", err)
	require.Equal(t, []string{string(remedy), code, field}, []string{string(e.Remedy), e.Code, e.Field}, e.Detail)
}
