package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"ordertrace/deploy/proxy/identity"
)

// config is what deploy/dex/dex.yaml sets of Dex's options (dexidp/dex,
// cmd/dex/config.go).
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
	Frontend         struct{ Issuer string }
	StaticClients    []staticClient `yaml:"staticClients"`
	EnablePasswordDB bool           `yaml:"enablePasswordDB"`
	People           []person       `yaml:"staticPasswords"`
}

type staticClient struct {
	ID, Name, Secret string
	Public           bool
	RedirectURIs     []string `yaml:"redirectURIs"`
}

type person struct {
	Email, Username, Hash string
	UserID                string `yaml:"userID"`
	Groups                []string
}

// The file's {{ }} are gomplate's, in Dex's image; these are the functions in use.
type (
	files     struct{}
	stringsOf struct{}
)

func (files) Read(name string) (string, error) {
	text, err := os.ReadFile(name)
	return string(text), err
}

func (stringsOf) TrimSpace(text string) string { return strings.TrimSpace(text) }

func getenv(name string, otherwise ...string) string {
	if value := os.Getenv(name); value != "" || len(otherwise) == 0 {
		return value
	}
	return otherwise[0]
}

func render(name string) ([]byte, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{
		"getenv":  getenv,
		"file":    func() files { return files{} },
		"strings": func() stringsOf { return stringsOf{} },
	}).Parse(string(source))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, nil)
	return out.Bytes(), err
}

// parse refuses what it does not know, and what this program would do otherwise than
// Dex would.
func parse(text []byte) (config, error) {
	var c config
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); err != nil {
		return c, err
	}
	return c, errors.Join(
		only(c.Storage.Type == "memory", "storage.type: memory"),
		only(slices.Equal(c.OAuth2.ResponseTypes, []string{"code"}), "oauth2.responseTypes: [code]"),
		only(c.OAuth2.SkipApprovalScreen, "oauth2.skipApprovalScreen: true"),
		only(c.OAuth2.PasswordConnector == "local", "oauth2.passwordConnector: local"),
		only(slices.Contains(c.OAuth2.GrantTypes, "authorization_code") && slices.Contains(c.OAuth2.GrantTypes, "password"),
			"oauth2.grantTypes: [authorization_code, password]"),
		only(c.Expiry.IDTokens == "1h", "expiry.idTokens: 1h"),
		only(c.EnablePasswordDB, "enablePasswordDB: true"),
	)
}

func only(holds bool, option string) error {
	if holds {
		return nil
	}
	return fmt.Errorf("this stand-in does %s only", option)
}

func (c config) path() string {
	u, err := url.Parse(c.Issuer)
	if err != nil {
		return "" // identity.New says so
	}
	return u.Path
}

func (c config) people() []identity.Person {
	var people []identity.Person
	for _, p := range c.People {
		people = append(people, identity.Person{
			Subject: subject(p.UserID, "local"), Email: p.Email, Name: p.Username, Groups: p.Groups,
			Knows: func(password string) bool {
				return bcrypt.CompareHashAndPassword([]byte(p.Hash), []byte(password)) == nil
			},
		})
	}
	return people
}

func (c config) clients() []identity.Client {
	var clients []identity.Client
	for _, s := range c.StaticClients {
		clients = append(clients, identity.Client{ID: s.ID, Secret: s.Secret, Public: s.Public, RedirectURIs: s.RedirectURIs})
	}
	return clients
}

// subject is how Dex names a person of a connector: the protocol buffer
// {1: user, 2: connector} (dexidp/dex, server/internal/types.proto) in base64.
func subject(user, connector string) string {
	var b []byte
	b = append(append(b, 0x0a, byte(len(user))), user...)
	b = append(append(b, 0x12, byte(len(connector))), connector...)
	return base64.RawURLEncoding.EncodeToString(b)
}
