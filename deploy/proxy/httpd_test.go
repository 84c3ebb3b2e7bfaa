package proxy

import (
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// contact is whom a refusal says to ask.
const contact = "the on-call engineer"

// proxy is one running httpd.
type proxy struct {
	url string
	*process
}

// The secrets that must not be seen in any log.
var clientSecret, passphrase, codecToken = rand.Text(), rand.Text(), rand.Text()

const clientID = "ordertrace"

// startProxy runs the product's own program and configuration.
func (r *rig) startProxy(public string, env ...string) (*proxy, error) {
	dir, err := os.MkdirTemp(r.dir, "httpd")
	if err != nil {
		return nil, err
	}
	secret := map[string]string{"client": clientSecret, "passphrase": passphrase, "jaeger": r.jaeger.password, "codec": codecToken}
	for name, text := range secret {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600))
	}
	if err != nil {
		return nil, err
	}
	env = append([]string{
		"PROXY_PUBLIC_URL=" + public,
		"PROXY_LISTEN=" + public[strings.LastIndex(public, "/")+1:],
		"PROXY_ISSUER=" + r.provider.URL,
		"PROXY_CLIENT_ID=" + clientID,
		"PROXY_CLIENT_SECRET_FILE=" + filepath.Join(dir, "client"),
		"PROXY_PASSPHRASE_FILE=" + filepath.Join(dir, "passphrase"),
		"PROXY_JAEGER_USER=" + jaegerUser,
		"PROXY_JAEGER_PASSWORD_FILE=" + filepath.Join(dir, "jaeger"),
		"PROXY_JAEGER_URL=" + r.behind["/jaeger"].URL,
		"PROXY_TEMPORAL_URL=" + r.behind["/temporal"].URL,
		"PROXY_OPERATOR_URL=" + r.behind["/operator"].URL,
		"PROXY_CODEC_TOKEN_FILE=" + filepath.Join(dir, "codec"),
		"PROXY_CODEC_URL=" + r.behind["/codec"].URL,
		"PROXY_CONTACT=" + contact,
		"PROXY_RUN_DIR=" + dir,
	}, env...)
	before := len(r.processes)
	if err := r.run("httpd", "./run", nil, env, answers(public+"/healthz", http.StatusNoContent)); err != nil {
		return nil, err
	}
	return &proxy{url: public, process: r.processes[before]}, nil
}
