package shop_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mesh"
	"ordertrace/systems/mesh/meshtest"
	"ordertrace/systems/shop"
	"ordertrace/systems/store/storetest"
)

func digestOf(file []byte) string {
	sum := sha256.Sum256(file)
	return "sha256-" + hex.EncodeToString(sum[:])
}

func TestAModelIsKeptUnderItsDigest(t *testing.T) {
	var ascii bytes.Buffer
	require.NoError(t, meshtest.WriteASCII(&ascii, "cube", meshtest.Cube(10)))
	files := map[string]struct {
		file      []byte
		triangles int64
	}{
		"binary": {stl(t, meshtest.Torus(10, 2, 40, 20)), 1600},
		"ascii":  {ascii.Bytes(), 12},
	}
	storetest.Each(t, func(t *testing.T, dsn string) {
		r := start(t, shop.Config{DSN: dsn})
		for name, f := range files {
			t.Run(name, func(t *testing.T) {
				want := lifecycle.Model{Digest: digestOf(f.file), SizeBytes: int64(len(f.file)), Triangles: f.triangles}
				for i, status := range []int{http.StatusCreated, http.StatusOK, http.StatusOK} {
					got, body, header := r.upload(t, f.file, i == 1)
					require.Equal(t, status, got, string(body))
					var model lifecycle.Model
					require.NoError(t, json.Unmarshal(body, &model))
					require.Equal(t, want, model)
					if status == http.StatusCreated {
						require.Equal(t, "/models/"+want.Digest, header.Get("Location"))
					}
				}
				stream, size, err := r.Model(t.Context(), want.Digest)
				require.NoError(t, err)
				defer stream.Close()
				require.Equal(t, want.SizeBytes, size)
				got, err := io.ReadAll(stream)
				require.NoError(t, err)
				require.True(t, bytes.Equal(f.file, got))
			})
		}
	})
}

func TestAModelIsServedAsAFileOfTheWeb(t *testing.T) {
	r := start(t, shop.Config{})
	file := stl(t, meshtest.Cube(10))
	path, tag := "/models/"+digestOf(file), `"`+digestOf(file)+`"`
	r.upload(t, file, false)

	status, body, header := r.get(t, http.MethodHead, path, nil)
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, body)
	require.Equal(t, []string{"model/stl", tag, "684"}, []string{header.Get("Content-Type"), header.Get("ETag"), header.Get("Content-Length")})

	status, body, _ = r.get(t, http.MethodGet, path, http.Header{"If-None-Match": {tag}})
	require.Equal(t, http.StatusNotModified, status)
	require.Empty(t, body)

	status, body, _ = r.get(t, http.MethodGet, path, http.Header{"Range": {"bytes=80-83"}})
	require.Equal(t, http.StatusPartialContent, status)
	require.Equal(t, []byte{12, 0, 0, 0}, body)
}

func TestAModelThatTheShopDoesNotHave(t *testing.T) {
	r := start(t, shop.Config{})
	for name, digest := range map[string]string{
		"unknown":    "sha256-" + strings.Repeat("0", 64),
		"upper case": "sha256-" + strings.Repeat("A", 64),
		"no digest":  "ring.stl",
		"a path":     "..%2F..%2Fetc%2Fpasswd",
		"a NUL":      "sha256-" + strings.Repeat("%00", 64),
	} {
		t.Run(name, func(t *testing.T) {
			status, body, header := r.get(t, http.MethodGet, "/models/"+digest, nil)
			require.Equal(t, http.StatusNotFound, status, string(body))
			require.Equal(t, "application/problem+json", header.Get("Content-Type"))
			var p api.Problem
			require.NoError(t, json.Unmarshal(body, &p))
			require.Equal(t, lifecycle.CodeNotFound, p.Code)
		})
	}
}

func TestABrokenFileIsRefusedAndLeavesNothing(t *testing.T) {
	sound := stl(t, meshtest.Torus(10, 2, 40, 20))
	r := start(t, shop.Config{})
	for name, file := range map[string][]byte{
		"empty":     {},
		"a picture": []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 4000)),
		"truncated": sound[:len(sound)-60],
		"open":      stl(t, meshtest.Cube(10).Without(3)),
		"flat":      stl(t, meshtest.Box(10, 10, 0)),
		"flipped":   stl(t, meshtest.Cube(10).Flipped(3)),
		"of metres": stl(t, meshtest.Cube(0.02)),
	} {
		for _, chunked := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				_, fault := mesh.Check(bytes.NewReader(file), int64(len(file)), mesh.Limits{})
				require.Error(t, fault)
				status, body, _ := r.upload(t, file, chunked)
				require.Equal(t, http.StatusUnprocessableEntity, status, string(body))
				var p api.Problem
				require.NoError(t, json.Unmarshal(body, &p))
				require.Equal(t, []string{lifecycle.CodeInvalidModel, "model"}, []string{p.Code, p.Field})
				if !chunked {
					require.Equal(t, fault.Error(), p.Detail)
				}
				r.requireFiles(t)
			})
		}
	}
}

func TestAFileThatIsTooLargeIsRefusedAndLeavesNothing(t *testing.T) {
	file := stl(t, meshtest.Torus(10, 2, 300, 150)) // 4.5 MB: more than a connection holds
	r := start(t, shop.Config{MaxModelBytes: int64(len(file)) - 1})
	for _, chunked := range []bool{false, true} {
		status, body, _ := r.upload(t, file, chunked)
		require.Equal(t, http.StatusRequestEntityTooLarge, status, string(body))
		var p api.Problem
		require.NoError(t, json.Unmarshal(body, &p))
		require.Equal(t, []string{lifecycle.CodeTooLarge, "model"}, []string{p.Code, p.Field})
		r.requireFiles(t)
	}
	status, _, _ := start(t, shop.Config{MaxModelBytes: int64(len(file))}).upload(t, file, true)
	require.Equal(t, http.StatusCreated, status)
}

func TestAnUploadThatIsBrokenOffLeavesNothing(t *testing.T) {
	r := start(t, shop.Config{})
	file := stl(t, meshtest.Torus(10, 2, 100, 50))
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	require.NoError(t, err)
	head := "POST /models HTTP/1.1\r\nHost: shop\r\nContent-Length: 500084\r\n\r\n"
	require.Len(t, file, 500084)
	_, err = io.WriteString(conn, head+string(file[:300_000]))
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Contains(t, string(answer), "503", "the fault is not the file's")
	r.requireFiles(t)
}

func TestTheSameFileSentAtOnceIsOneModel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		r := start(t, shop.Config{DSN: dsn})
		file := stl(t, meshtest.Torus(10, 2, 100, 50))
		var (
			uploads  sync.WaitGroup
			statuses [8]int
		)
		for i := range statuses {
			uploads.Go(func() { statuses[i], _, _ = r.upload(t, file, i%2 == 0) })
		}
		uploads.Wait()
		created := 0
		for _, s := range statuses {
			if s == http.StatusCreated {
				created++
				continue
			}
			require.Equal(t, http.StatusOK, s)
		}
		require.Equal(t, 1, created)
		r.requireFiles(t, digestOf(file))
	})
}

func TestALostFileIsMendedByTheNextUpload(t *testing.T) {
	r := start(t, shop.Config{})
	file := stl(t, meshtest.Cube(10))
	r.upload(t, file, false)
	kept := filepath.Join(r.blobs, digestOf(file))
	for name, lose := range map[string]func() error{
		"gone":      func() error { return os.Remove(kept) },
		"truncated": func() error { return os.Truncate(kept, 100) },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, lose())
			status, _, _ := r.upload(t, file, false)
			require.Equal(t, http.StatusOK, status)
			got, err := os.ReadFile(kept)
			require.NoError(t, err)
			require.True(t, bytes.Equal(file, got))
		})
	}
	require.NoError(t, os.Remove(kept))
	status, _, _ := r.get(t, http.MethodGet, "/models/"+digestOf(file), nil)
	require.Equal(t, http.StatusServiceUnavailable, status, "the shop's own trouble")
}

func TestUnfinishedFilesOfADeadProcessAreSweptOnceTheyAreOld(t *testing.T) {
	folder := t.TempDir()
	for name, age := range map[string]time.Duration{
		"sha256-old.18a.tmp":   2 * time.Hour,
		"sha256-young.18b.tmp": 0,
		"sha256-model":         2 * time.Hour,
	} {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, nil, 0o644))
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
	}
	s, err := shop.New(t.Context(), shop.Config{DSN: storetest.SQLite(t), Blobs: "file://" + folder})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, []string{"sha256-model", "sha256-young.18b.tmp"}, filesIn(t, folder))
}

func TestABlobStoreThatIsNoneIsRefused(t *testing.T) {
	for _, address := range []string{"", "nowhere", "s3://bucket", "file:///dev/null/x", "file://blobs/here"} {
		_, err := shop.New(t.Context(), shop.Config{DSN: storetest.SQLite(t), Blobs: address})
		require.ErrorContains(t, err, "shop: blob store: ")
	}
}
