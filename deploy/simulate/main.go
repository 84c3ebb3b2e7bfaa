// Simulate plays the customer, the manager, the operator and the carrier of orders
// against the systems of any stack, and tells how each order ended. People press again
// when nobody answers: it outlasts outages.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/deploy/simulate/people"
	"ordertrace/deploy/simulate/walk"
)

// commandLine is the program. Secrets come from the environment alone: a command line
// can be seen by others. CUSTOMER_TOKEN, MANAGER_TOKEN and OPERATOR_TOKEN are what
// customer-1, manager-3 and operator-7 show the systems, CARRIER_SECRET is what the
// carrier signs with (the first, if there are several).
type commandLine struct {
	Orders   int           `default:"1" help:"How many orders."`
	Parallel int           `default:"8" help:"How many at once."`
	Material string        `default:"silver-925" help:"What they are made of."`
	Model    string        `env:"MODEL" default:"deploy/local/samples/ring.stl" placeholder:"FILE" help:"Their 3D model, an STL file."`
	Patience time.Duration `default:"1h" help:"How long people press again while a system is away."`
	JSON     bool          `name:"json" help:"Tell how each order ended in JSON, a line each."`
	Trace    bool          `help:"Show the requests, and of a single order its state and its trace, by the program starter."`

	Shop string `name:"shop-url" env:"SHOP_URL" default:"http://127.0.0.1:8081" help:"The shop."`
	CRM  string `name:"crm-url" env:"CRM_URL" default:"http://127.0.0.1:8082" help:"The CRM."`
	MES  string `name:"mes-url" env:"MES_URL" default:"http://127.0.0.1:8083" help:"The MES."`

	PublicURL string            `name:"public-url" env:"PUBLIC_URL" placeholder:"URL" help:"Where people sign in, for links to the order and its trace."`
	ShownAs   map[string]string `env:"SHOWN_AS" mapsep:"," placeholder:"URL=URL" help:"What stands for an address in what is printed: other addresses lead to it from outside."`
}

func main() {
	var c commandLine
	kong.Parse(&c, kong.Name("simulate"), kong.UsageOnError(), kong.Description("Takes orders from a 3D model to CLOSED, as their people and their carrier would."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := c.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

func (c *commandLine) run(ctx context.Context) error {
	model, err := os.ReadFile(c.Model)
	if err != nil {
		return err
	}
	w, err := c.walk(model)
	if err != nil {
		return err
	}
	t := newTally(c.Orders, os.Stderr)
	w.Again = t.again
	if c.Trace && c.Orders == 1 {
		shown := c.shown(os.Stdout)
		w.Say = func(what string) { fmt.Fprintf(shown, "\n# %s\n", what) }
		w.People.Show = func(command string) { fmt.Fprintln(shown, command) }
	}
	ends := t.run(ctx, c.Parallel, w.Closed)
	if c.Trace && c.Orders == 1 && ends[0].Error == "" {
		if err := c.story(ctx, ends[0].Started); err != nil {
			return err
		}
	}
	return report(os.Stdout, ends, c.JSON)
}

// walk is who the people are, and where.
func (c *commandLine) walk(model []byte) (walk.Walk, error) {
	tokens := map[string]string{people.Customer: "CUSTOMER_TOKEN", people.Manager: "MANAGER_TOKEN", people.Operator: "OPERATOR_TOKEN"}
	for person, variable := range tokens {
		if tokens[person] = os.Getenv(variable); tokens[person] == "" {
			return walk.Walk{}, fmt.Errorf("%s is not set: it is what %s shows the systems", variable, person)
		}
	}
	secret, _, _ := strings.Cut(os.Getenv("CARRIER_SECRET"), ",")
	if secret == "" {
		return walk.Walk{}, errors.New("CARRIER_SECRET is not set: the carrier signs with it")
	}
	client := &http.Client{Timeout: time.Minute} // somebody who stalls is asked again
	return walk.Walk{
		People:   people.People{Shop: c.Shop, CRM: c.CRM, MES: c.MES, Token: func(id string) string { return tokens[id] }, HTTP: client},
		Carrier:  carrier.Simulator{URL: c.CRM, Secret: secret, HTTP: client},
		Material: c.Material, Model: model, File: filepath.Base(c.Model), Patience: c.Patience,
	}, nil
}
