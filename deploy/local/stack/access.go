package stack

import (
	"errors"
	"fmt"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/joho/godotenv"

	"ordertrace/deploy/secrets"
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

// makeSecrets makes what is missing of the stack's secrets. Each is made once for a
// state folder, at random, in a file that its owner alone can read; one whose file
// is deleted is made anew at the next start.
func (s *Stack) makeSecrets() (err error) {
	folder := s.cfg.access("")
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.Chmod(folder, 0o700)); err != nil {
		return fmt.Errorf("make the folder of the secrets: %w", err)
	}
	if s.users, err = letIntoJaeger(s.cfg); err != nil {
		return err
	}
	if s.tokens, err = letCall(s.cfg); err != nil {
		return err
	}
	return s.letDecode()
}

// letIntoJaeger makes each user a password, and returns them by their names.
func letIntoJaeger(cfg Config) (map[string]*neturl.Userinfo, error) {
	all := map[string]*neturl.Userinfo{}
	for file, names := range usersOf {
		var users []*neturl.Userinfo
		for _, name := range names {
			password, err := secrets.File(cfg.passwordFile(name))
			if err != nil {
				return nil, err
			}
			all[name] = neturl.UserPassword(name, password)
			users = append(users, all[name])
		}
		if err := letIn(cfg.access(file), users); err != nil {
			return nil, fmt.Errorf("let users into Jaeger: %w", err)
		}
	}
	return all, nil
}

func (c Config) access(file string) string { return filepath.Join(c.StateDir, "access", file) }

func (c Config) passwordFile(user string) string { return c.access(user + ".password") }

// TraceViewer may read traces: it signs in to Jaeger's UI and query API.
func (s *Stack) TraceViewer() *neturl.Userinfo { return s.users[traceViewer] }

// TraceViewerFile holds the trace viewer's password, and nothing else.
func (s *Stack) TraceViewerFile() string { return s.cfg.passwordFile(traceViewer) }

// Sender may send spans: our services do so as this user.
func (s *Stack) Sender() *neturl.Userinfo { return s.users[ownServices] }

// VendorMES may send spans, as the MES of a vendor.
func (s *Stack) VendorMES() *neturl.Userinfo { return s.users[vendorMES] }

func passwordOf(user *neturl.Userinfo) string {
	password, _ := user.Password()
	return password
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
		err = secrets.Replace(s.AccessFile(), content+"\n")
	}
	if err != nil {
		return fmt.Errorf("write what the starter needs: %w", err)
	}
	return nil
}
