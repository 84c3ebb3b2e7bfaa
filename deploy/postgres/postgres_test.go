// Package postgres is configuration; the tests load it into a real PostgreSQL, as its
// image would at the first start.
package postgres

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/stretchr/testify/require"
)

// The databases, with the variables of their users' passwords.
var databases = map[string]string{
	"temporal":            "TEMPORAL_DB_PASSWORD",
	"temporal_visibility": "TEMPORAL_VISIBILITY_DB_PASSWORD",
	"shop":                "SHOP_DB_PASSWORD",
	"crm":                 "CRM_DB_PASSWORD",
	"mes":                 "MES_DB_PASSWORD",
}

const superPassword = "of-the-superuser"

func passwordOf(name string) string { return "of-" + name + "-'quoted'" }

func TestEachDatabaseIsItsUsersAlone(t *testing.T) {
	s := serve(t)
	s.makeDatabases(t)
	s.makeDatabases(t) // what is there stays

	for name := range databases {
		db := s.open(t, name, passwordOf(name), name)
		_, err := db.ExecContext(t.Context(), "CREATE TABLE own (id int PRIMARY KEY)")
		require.NoError(t, err, name)
		require.Error(t, s.open(t, name, "guessed", name).PingContext(t.Context()), "%s: a wrong password", name)
		for other := range databases {
			if other != name {
				require.Error(t, s.open(t, name, passwordOf(name), other).PingContext(t.Context()), "%s in %s", name, other)
			}
		}
	}
	// What Temporal's schema of visibility asks for.
	_, err := s.open(t, "temporal_visibility", passwordOf("temporal_visibility"), "temporal_visibility").ExecContext(t.Context(), "CREATE EXTENSION btree_gin")
	require.NoError(t, err)
}

// The log is JSON, and quotes no values of rows.
func TestTheLogIsJSONWithoutValues(t *testing.T) {
	s := serve(t)
	s.makeDatabases(t)
	db := s.open(t, "shop", passwordOf("shop"), "shop")
	_, err := db.ExecContext(t.Context(), "CREATE TABLE people (email text PRIMARY KEY)")
	require.NoError(t, err)
	for range 2 {
		_, err = db.ExecContext(t.Context(), "INSERT INTO people VALUES ($1)", "vera@canary.example")
	}
	require.Error(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO people VALUES ('oleg@canary.example'), ('oleg@canary.example')")
	require.Error(t, err)

	require.Error(t, s.open(t, "shop", "guessed", "shop").PingContext(t.Context()))
	require.Eventually(t, func() bool { return strings.Contains(s.log(t), "password authentication failed") }, 10*time.Second, 50*time.Millisecond)
	log := s.log(t)
	require.NotContains(t, log, "canary")
	for line := range strings.Lines(log) {
		require.NoError(t, json.Unmarshal([]byte(line), &map[string]any{}), line)
	}
}

// server is a PostgreSQL of one test, with our configuration.
type server struct {
	port string
	data string
}

func serve(t *testing.T) *server {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		t.Skip("needs PostgreSQL: Debian's package postgresql")
	}
	bin := filepath.Dir(found[len(found)-1])
	folder, err := os.MkdirTemp("", "pgconf-") // short: a socket's path is
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	as := asPostgres(t, folder)
	s := &server{port: freePort(t), data: filepath.Join(folder, "data")}

	secret, config := filepath.Join(folder, "password"), filepath.Join(folder, "postgresql.conf")
	ours, err := os.ReadFile("postgresql.conf")
	require.NoError(t, err)
	require.NoError(t, errors.Join(os.WriteFile(secret, []byte(superPassword), 0o644), os.WriteFile(config, ours, 0o644)))
	initdb := exec.CommandContext(t.Context(), filepath.Join(bin, "initdb"), "-D", s.data, "-U", "postgres",
		"--auth=scram-sha-256", "--pwfile="+secret, "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8")
	initdb.SysProcAttr, initdb.Dir = as, folder
	out, err := initdb.CombinedOutput()
	require.NoError(t, err, string(out))

	// As the image runs it, but on loopback and a port of its own.
	var said bytes.Buffer
	postgres := exec.Command(filepath.Join(bin, "postgres"), "-D", s.data, "-c", "config_file="+config,
		"-c", "listen_addresses=127.0.0.1", "-c", "port="+s.port, "-c", "unix_socket_directories="+folder, "-c", "fsync=off", "-c", "shared_buffers=16MB")
	postgres.SysProcAttr, postgres.Dir, postgres.Stdout, postgres.Stderr = as, folder, &said, &said
	require.NoError(t, postgres.Start())
	t.Cleanup(func() {
		_ = postgres.Process.Signal(syscall.SIGQUIT)
		_ = postgres.Wait() // it says nothing that matters here
	})
	db := s.open(t, "postgres", superPassword, "postgres")
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return db.PingContext(ctx) == nil
	}, 30*time.Second, 50*time.Millisecond, &said)
	return s
}

// makeDatabases runs the script as for a managed PostgreSQL.
func (s *server) makeDatabases(t *testing.T) {
	t.Helper()
	script := exec.CommandContext(t.Context(), "sh", "databases.sh")
	script.Env = append(os.Environ(), "PGHOST=127.0.0.1", "PGPORT="+s.port, "PGPASSWORD="+superPassword)
	for name, variable := range databases {
		script.Env = append(script.Env, variable+"="+passwordOf(name))
	}
	out, err := script.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Empty(t, string(out))
}

func (s *server) open(t *testing.T, name, password, database string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", (&url.URL{
		Scheme: "postgres", User: url.UserPassword(name, password), Host: "127.0.0.1:" + s.port, Path: database, RawQuery: "sslmode=disable",
	}).String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (s *server) log(t *testing.T) (all string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.data, "log", "*.json"))
	require.NoError(t, err)
	for _, name := range files {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		all += string(content)
	}
	return all
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// asPostgres hands a folder to the user postgres if the test is root's: PostgreSQL
// refuses to be.
func asPostgres(t *testing.T, folder string) *syscall.SysProcAttr {
	t.Helper()
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return attr
	}
	u, err := user.Lookup("postgres")
	require.NoError(t, err)
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	require.NoError(t, err)
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	require.NoError(t, os.Chown(folder, int(uid), int(gid)))
	return attr
}
