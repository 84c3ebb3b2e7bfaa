package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"ordertrace/deploy/local/carrier"
	"ordertrace/deploy/local/people"
	"ordertrace/deploy/local/stack"
	"ordertrace/lifecycle"
)

type demoCmd struct {
	stackFlags
	Once  bool   `env:"ONCE" help:"Stop everything when the order is closed."`
	Model string `env:"MODEL" default:"deploy/local/samples/ring.stl" placeholder:"FILE" help:"The order's 3D model, an STL file."`
}

func (c demoCmd) Run(ctx context.Context) error {
	return withStack(ctx, c.config(), func(s *stack.Stack) error {
		printAddresses(os.Stdout, s)
		if err := c.oneOrder(ctx, s); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		if !c.Once {
			stayUp(ctx)
		}
		return nil
	})
}

// oneOrder takes an order to CLOSED. The customer, the manager, the operator and
// the carrier are simulated; all that they do, anyone can do with curl.
func (c demoCmd) oneOrder(ctx context.Context, s *stack.Stack) error {
	secret, err := s.CarrierSecret()
	if err != nil {
		return err
	}
	secret, _, _ = strings.Cut(secret, ",")
	everyone := people.People{Shop: s.ShopURL(), CRM: s.CRMURL(), MES: s.MESURL(), Token: s.Token, Show: func(command string) { fmt.Println(command) }}
	ups := carrier.Simulator{URL: s.CRMURL(), Secret: secret}

	fmt.Printf("\nEach request of a person shows a token: -H \"Authorization: Bearer $(cat %s)\"\n", s.TokenFile("NAME"))
	say("a customer orders a ring, uploads its model, and places the order")
	order, err := everyone.Start(ctx, "silver-925")
	if err != nil {
		return err
	}
	model, err := os.Open(c.Model)
	if err != nil {
		return err
	}
	defer model.Close()
	if err := everyone.Upload(ctx, order.OrderID, c.Model, model); err != nil {
		return err
	}
	tracking := "1Z" + strings.ToUpper(rand.Text()[:16])
	for _, step := range everyone.Steps(tracking) {
		if step.Stage == lifecycle.ManufacturingApproved {
			say("the MES prices it; a manager approves it; an operator makes it and ships it")
		}
		if err := everyone.Take(ctx, order.OrderID, step); err != nil {
			return err
		}
	}
	if err := everyone.Await(ctx, order.OrderID, lifecycle.Closed); err != nil {
		return err
	}
	say("the carrier, simulated, sends its signed messages to the CRM")
	for _, status := range []lifecycle.ParcelStatus{lifecycle.ParcelInTransit, lifecycle.ParcelOutForDelivery, lifecycle.ParcelDelivered} {
		fmt.Printf("%s: %s\n", tracking, status)
		if err := ups.Say(ctx, tracking, "UPS", status); err != nil {
			return err
		}
	}
	person := starter{program: filepath.Join(c.Bin, "starter"), env: s.Env()}
	for _, command := range [][]string{{"show", order.OrderID, "--until", "end"}, {"trace", order.OrderID}} {
		if err := person.do(ctx, command...); err != nil {
			return err
		}
	}
	fmt.Printf("\nthe order in Temporal  %s/namespaces/%s/workflows/%s\nits trace in Jaeger    %s/trace/%s\n",
		s.UIURL(), stack.Namespace, order.OrderID, s.JaegerURL(), order.TraceID)
	return nil
}

func say(what string) { fmt.Printf("\n# %s\n", what) }

// starter is bin/starter, used as at a terminal.
type starter struct {
	program string
	env     []string
}

// do runs a command and shows what it prints.
func (s starter) do(ctx context.Context, args ...string) error {
	fmt.Printf("\n$ bin/starter")
	for _, arg := range args {
		fmt.Printf(" %s", quoted(arg))
	}
	fmt.Println()
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("starter %s: %w", args[0], err)
	}
	return nil
}

// quoted is an argument as one types it in a shell.
func quoted(arg string) string {
	for _, r := range arg {
		if r == ' ' || r == '\'' {
			return fmt.Sprintf("%q", arg)
		}
	}
	return arg
}
