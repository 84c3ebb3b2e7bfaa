// Package dex is configuration of the identity provider. Dex itself cannot be had where
// this is tested: its options are those of dexidp/dex v2.45.1, cmd/dex/config.go.
package dex

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// config is what is set of Dex's options. Others are refused below: Dex itself passes
// over what it does not know.
type config struct {
	Issuer  string
	Storage struct{ Type string }
	Web     struct{ HTTP string }
	Logger  struct{ Level, Format string }
	Expiry  struct {
		IDTokens string `yaml:"idTokens"`
	}
	OAuth2 struct {
		ResponseTypes      []string `yaml:"responseTypes"`
		GrantTypes         []string `yaml:"grantTypes"`
		SkipApprovalScreen bool     `yaml:"skipApprovalScreen"`
		PasswordConnector  string   `yaml:"passwordConnector"`
	}
	Frontend      struct{ Issuer string }
	StaticClients []struct {
		ID, Name, Secret string
		Public           bool
		RedirectURIs     []string `yaml:"redirectURIs"`
	} `yaml:"staticClients"`
	EnablePasswordDB bool `yaml:"enablePasswordDB"`
	StaticPasswords  []struct {
		Email, Username, Hash string
		UserID                string `yaml:"userID"`
		Groups                []string
	} `yaml:"staticPasswords"`
}

// Of gomplate, which Dex's image fills the file in with, these functions are used.
type files struct{}

func (files) Read(name string) (string, error) {
	content, err := os.ReadFile(name)
	return string(content), err
}

type words struct{}

func (words) TrimSpace(s string) string { return strings.TrimSpace(s) }

func rendered(t *testing.T, env map[string]string) config {
	t.Helper()
	getenv := func(name string, otherwise ...string) string {
		if v := env[name]; v != "" || len(otherwise) == 0 {
			return v
		}
		return otherwise[0]
	}
	text, err := template.New("dex.yaml").Funcs(template.FuncMap{
		"getenv": getenv, "file": func() files { return files{} }, "strings": func() words { return words{} },
	}).ParseFiles("dex.yaml")
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, text.Execute(&out, nil))
	var c config
	known := yaml.NewDecoder(&out)
	known.KnownFields(true)
	require.NoError(t, known.Decode(&c))
	return c
}

func TestConfiguration(t *testing.T) {
	const public = "https://orders.example.org"
	c := rendered(t, map[string]string{"PROXY_PUBLIC_URL": public, "DEX_CLIENT_SECRET": "s3cret\n", "DEX_PEOPLE_FILE": "people.example.yaml"})
	require.Equal(t, public+"/dex", c.Issuer)
	require.Equal(t, []string{"code"}, c.OAuth2.ResponseTypes)
	require.Equal(t, []string{"authorization_code", "password"}, c.OAuth2.GrantTypes)
	require.Equal(t, "local", c.OAuth2.PasswordConnector, "the connector of enablePasswordDB")
	require.True(t, c.EnablePasswordDB)
	require.Equal(t, "error", c.Logger.Level, "below it, Dex writes e-mail addresses")
	require.Equal(t, "json", c.Logger.Format)

	require.Len(t, c.StaticClients, 2)
	proxy, api := c.StaticClients[0], c.StaticClients[1]
	require.Equal(t, "s3cret", proxy.Secret)
	require.False(t, proxy.Public)
	require.Equal(t, []string{public + "/oidc/callback"}, proxy.RedirectURIs)
	require.True(t, api.Public)
	require.Empty(t, api.Secret)
	require.NotEmpty(t, api.RedirectURIs, "Dex lets a public client without any send codes to localhost")

	require.Len(t, c.StaticPasswords, 2)
	for _, person := range c.StaticPasswords {
		require.NotEmpty(t, person.UserID)
		require.Contains(t, person.Groups, "trace-viewer")
	}
}
