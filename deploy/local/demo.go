package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"ordertrace/deploy/local/stack"
)

type demoCmd struct {
	stackFlags
	Once  bool   `env:"ONCE" help:"Stop everything when the order is closed."`
	Model string `env:"MODEL" default:"deploy/local/samples/ring.stl" placeholder:"FILE" help:"The order's 3D model, an STL file."`
}

func (c demoCmd) Run(ctx context.Context) error {
	return withStack(ctx, c.config(), func(s *stack.Stack) error {
		printAddresses(os.Stdout, s)
		person := starter{program: filepath.Join(c.Bin, "starter"), env: s.Env()}
		if err := oneOrder(ctx, person, c.Model); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		if !c.Once {
			stayUp(ctx)
		}
		return nil
	})
}

// oneOrder takes an order to CLOSED with the commands that a person would type.
func oneOrder(ctx context.Context, person starter, model string) error {
	var order struct {
		ID          string `json:"order_id"`
		JaegerURL   string `json:"jaeger_url"`
		TemporalURL string `json:"temporal_url"`
	}
	answer, err := person.ask(ctx, "order", "--model", model, "--json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &order); err != nil {
		return fmt.Errorf("read the answer of starter order: %w", err)
	}
	for _, step := range [][]string{
		{"show", order.ID, "--until", "CLOSED"},
		{"close", order.ID, "--by", "carrier", "--reason", "simulated by the demo: delivered"},
		{"show", order.ID, "--until", "end"},
		{"trace", order.ID},
	} {
		if err := person.do(ctx, step...); err != nil {
			return err
		}
	}
	fmt.Printf("\nthe order in Temporal  %s\nits trace in Jaeger    %s\n", order.TemporalURL, order.JaegerURL)
	return nil
}

// starter is bin/starter, used as at a terminal.
type starter struct {
	program string
	env     []string
}

// ask runs a command and returns what it prints.
func (s starter) ask(ctx context.Context, args ...string) ([]byte, error) {
	var answer bytes.Buffer
	err := s.run(ctx, &answer, args)
	return answer.Bytes(), err
}

// do runs a command and shows what it prints.
func (s starter) do(ctx context.Context, args ...string) error { return s.run(ctx, os.Stdout, args) }

func (s starter) run(ctx context.Context, output io.Writer, args []string) error {
	fmt.Printf("\n$ bin/starter")
	for _, arg := range args {
		fmt.Printf(" %s", quoted(arg))
	}
	fmt.Println()
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = append(os.Environ(), s.env...)
	cmd.Stdout, cmd.Stderr = output, os.Stderr
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
