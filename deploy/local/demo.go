package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"ordertrace/deploy/local/stack"
	"ordertrace/deploy/simulate/carrier"
	"ordertrace/deploy/simulate/people"
	"ordertrace/deploy/simulate/walk"
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
	model, err := os.ReadFile(c.Model)
	if err != nil {
		return err
	}
	fmt.Printf("\nEach request of a person shows a token: -H \"Authorization: Bearer $(cat %s)\"\n", s.TokenFile("NAME"))
	order, err := walk.Walk{
		People: people.People{
			Shop: s.ShopURL(), CRM: s.CRMURL(), MES: s.MESURL(), Token: s.Token,
			Show: func(command string) { fmt.Println(command) },
		},
		Carrier:  carrier.Simulator{URL: s.CRMURL(), Secret: secret},
		Material: "silver-925", Model: model, File: c.Model,
		Say: func(what string) { fmt.Printf("\n# %s\n", what) },
	}.Closed(ctx)
	if err != nil {
		return err
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
