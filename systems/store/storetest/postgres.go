package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Postgres creates a database and returns its DSN. The test is skipped where
// PostgreSQL is not installed.
func Postgres(t testing.TB) string {
	t.Helper()
	s, err := theServer()
	if errors.Is(err, errNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := fmt.Sprintf("test%d", databases.Add(1))
	if err := s.exec(context.Background(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("create database: %v", err)
	}
	return s.dsn(name)
}

var (
	errNotInstalled = errors.New("PostgreSQL is not installed: apt-get install postgresql")

	databases atomic.Int64
	theServer = sync.OnceValues(func() (*server, error) {
		s, err := startServer()
		started = s
		return s, err
	})
	started *server
)

// server is a PostgreSQL that is reached through a Unix socket in its own
// folder, and so needs no port.
type server struct {
	folder string
	cmd    *exec.Cmd
	alive  io.Closer // the server lives as long as this pipe is open
}

func startServer() (*server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	asUser, err := notRoot(folder)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C")
	initdb.SysProcAttr, initdb.Dir = asUser, folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	s := &server{folder: folder}
	if err := s.start(filepath.Join(bin, "postgres"), data, asUser); err != nil {
		return nil, err
	}
	return s, s.await()
}

// keeper ends the server and its folder with the test binary, however this dies.
const keeper = `"$1" -D "$2" -k "$3" -c listen_addresses= -c fsync=off -c full_page_writes=off \
-c synchronous_commit=off -c max_connections=300 >"$3/log" 2>&1 &
cat >/dev/null; kill -QUIT $!; wait $!; rm -rf "$3"`

func (s *server) start(postgres, data string, as *syscall.SysProcAttr) error {
	s.cmd = exec.Command("/bin/sh", "-c", keeper, "sh", postgres, data, s.folder)
	s.cmd.SysProcAttr, s.cmd.Dir = as, "/"
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return err
	}
	s.alive = stdin
	return s.cmd.Start()
}

func (s *server) await() error {
	deadline, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		err := s.exec(deadline, "SELECT 1")
		if err == nil {
			tick.Stop()
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline.Done():
			log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
			return fmt.Errorf("no answer: %w: %s", err, log)
		}
	}
}

func (s *server) exec(ctx context.Context, query string) error {
	db, err := sql.Open("pgx", s.dsn("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, query)
	return err
}

func (s *server) dsn(database string) string {
	return "postgres://postgres@/" + database + "?host=" + s.folder
}

func stopServer() {
	if started == nil || started.cmd == nil {
		return
	}
	_ = started.alive.Close()
	_ = started.cmd.Wait() // the keeper reports nothing that matters here
}

// binaries finds the folder of the newest PostgreSQL that is installed: Debian
// keeps initdb off the PATH.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errNotInstalled
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

func version(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

// notRoot hands the folder to the user postgres when the tests run as root,
// since PostgreSQL refuses to. Ctrl-C is kept from the server, so that tests
// end before it does.
func notRoot(folder string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr, os.Chown(folder, int(uid), int(gid))
}
