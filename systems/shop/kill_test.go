package shop_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/systems/mesh/meshtest"
	"ordertrace/systems/shop"
)

// serveEnv makes the test binary a shop in the folder that it names.
const serveEnv = "SHOP_TEST_FOLDER"

func configIn(folder string) shop.Config {
	return shop.Config{
		DSN:   "sqlite:" + filepath.Join(folder, "shop.db"),
		Blobs: "file://" + filepath.Join(folder, "blobs"),
		Spool: filepath.Join(folder, "spool"),
	}
}

// serveForEver prints its address, and a line for every 100 kB that it read.
func serveForEver() {
	s, err := shop.New(context.Background(), configIn(os.Getenv(serveEnv)))
	if err == nil {
		var listener net.Listener
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
			fmt.Println(listener.Addr())
			handler := s.Handler()
			err = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Body = &announced{ReadCloser: r.Body}
				handler.ServeHTTP(w, r)
			}))
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

type announced struct {
	io.ReadCloser
	read, lines int
}

func (a *announced) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.read += n
	for ; a.lines < a.read/100_000; a.lines++ {
		fmt.Println("read")
	}
	return n, err
}

func TestAShopThatIsKilledInTheMiddleOfAnUploadLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "spool"), 0o755))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	said := bufio.NewScanner(out)
	require.True(t, said.Scan())

	file := stl(t, meshtest.Torus(10, 2, 100, 50))
	conn, err := net.Dial("tcp", said.Text())
	require.NoError(t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /models HTTP/1.1\r\nHost: shop\r\nContent-Length: %d\r\n\r\n%s", len(file), file[:300_000])
	require.NoError(t, err)
	require.True(t, said.Scan(), "it is in the middle of the upload")
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	require.Empty(t, filesIn(t, filepath.Join(folder, "blobs")))
	require.Empty(t, filesIn(t, filepath.Join(folder, "spool")))
	s, err := shop.New(t.Context(), configIn(folder))
	require.NoError(t, err)
	defer s.Close()
	var models int
	require.NoError(t, s.DB().QueryRow(`SELECT count(*) FROM models`).Scan(&models))
	require.Zero(t, models)
}
