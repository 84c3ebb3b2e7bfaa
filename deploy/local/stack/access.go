package stack

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/joho/godotenv"
)

// The users of Jaeger. Who reads cannot send, and who sends cannot read.
const (
	traceViewer = "trace-viewer" // reads traces
	ownServices = "ordertrace"   // sends spans: our services, and the starter
	vendorMES   = "vendor-mes"   // sends spans: the MES of a vendor
)

// Jaeger's htpasswd files. A person gets in by a line of their own, with a bcrypt
// hash, which stays there: htpasswd -B .local/access/readers.htpasswd NAME, and
// start the stack again.
const (
	readersFile = "readers.htpasswd"
	sendersFile = "senders.htpasswd"
)

var usersOf = map[string][]string{
	readersFile: {traceViewer},
	sendersFile: {ownServices, vendorMES},
}

// access is what the stack's secrets open. They are made once for a state folder,
// at random, and only its owner can read them. Whose file is deleted gets a new
// one at the next start.
type access struct{ users map[string]*url.Userinfo }

func makeAccess(cfg Config) (access, error) {
	a := access{users: map[string]*url.Userinfo{}}
	if err := ownFolder(cfg.access("")); err != nil {
		return a, fmt.Errorf("make the folder of the secrets: %w", err)
	}
	for file, names := range usersOf {
		var users []*url.Userinfo
		for _, name := range names {
			password, err := secretFile(cfg.passwordFile(name))
			if err != nil {
				return a, err
			}
			a.users[name] = url.UserPassword(name, password)
			users = append(users, a.users[name])
		}
		if err := letIn(cfg.access(file), users); err != nil {
			return a, fmt.Errorf("let users into Jaeger: %w", err)
		}
	}
	return a, nil
}

func ownFolder(name string) error {
	return errors.Join(os.MkdirAll(name, 0o700), os.Chmod(name, 0o700))
}

func (c Config) access(file string) string { return filepath.Join(c.StateDir, "access", file) }

func (c Config) passwordFile(user string) string { return c.access(user + ".password") }

// TraceViewer may read traces: it signs in to Jaeger's UI and query API.
func (s *Stack) TraceViewer() *url.Userinfo { return s.access.users[traceViewer] }

// TraceViewerFile holds the trace viewer's password, and nothing else.
func (s *Stack) TraceViewerFile() string { return s.cfg.passwordFile(traceViewer) }

// Sender may send spans: our services do so as this user.
func (s *Stack) Sender() *url.Userinfo { return s.access.users[ownServices] }

// VendorMES may send spans, as the MES of a vendor.
func (s *Stack) VendorMES() *url.Userinfo { return s.access.users[vendorMES] }

// OTLPHeaders are what a user's spans are sent with, as OTEL_EXPORTER_OTLP_HEADERS
// wants it: NAME=VALUE with a percent-encoded value.
func OTLPHeaders(user *url.Userinfo) string {
	return "authorization=" + url.PathEscape(BasicAuth(user))
}

// BasicAuth is a user as the header Authorization has it (RFC 7617); empty for nil.
func BasicAuth(user *url.Userinfo) string {
	if user == nil {
		return ""
	}
	password, _ := user.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password))
}

// AccessFile is where Env is kept for a person's own programs, as a dotenv file.
// The starter reads it.
func (s *Stack) AccessFile() string { return filepath.Join(s.cfg.StateDir, "access.env") }

func (s *Stack) writeAccessFile() error {
	variables := map[string]string{}
	for _, variable := range s.Env() {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	content, err := godotenv.Marshal(variables)
	if err == nil {
		err = replaceFile(s.AccessFile(), content+"\n")
	}
	if err != nil {
		return fmt.Errorf("write what the starter needs: %w", err)
	}
	return nil
}
