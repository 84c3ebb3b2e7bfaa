// Identity-standin takes Dex's place where Dex cannot be had: the tests' OpenID
// provider, with the command line and the configuration file of Dex's image. What that
// file asks for and this program does not do is an error.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"ordertrace/deploy/proxy/identity"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("program", "identity-standin")
	if err := serve(os.Args[1:], log); err != nil {
		log.Error("ends", "error", err)
		os.Exit(1)
	}
}

func serve(args []string, log *slog.Logger) error {
	if len(args) != 3 || args[0] != "dex" || args[1] != "serve" {
		return errors.New("usage: identity-standin dex serve FILE")
	}
	text, err := render(args[2])
	if err != nil {
		return fmt.Errorf("fill in %s: %w", args[2], err)
	}
	c, err := parse(text)
	if err != nil {
		return fmt.Errorf("read %s: %w", args[2], err)
	}
	provider, err := identity.New(c.Issuer, c.people(), c.clients()...)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+c.path()+"/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "well") })
	mux.Handle("/", provider)
	log.Info("this is a stand-in, not Dex", "issuer", c.Issuer, "listens", c.Web.HTTP, "people", len(c.People))
	server := http.Server{Addr: c.Web.HTTP, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}
