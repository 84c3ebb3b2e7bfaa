package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/deploy/simulate/people"
	"ordertrace/tracing/jaeger"
)

// spansTake is how long the last spans may be under way to Jaeger.
const spansTake = time.Minute

// lastSpan is what every order's trace ends with.
const lastSpan = "Order closed"

// story shows an order's state and its trace, and says where both are seen.
func (c *commandLine) story(ctx context.Context, order people.Started) error {
	if err := awaitTrace(ctx, order.TraceID); err != nil {
		return fmt.Errorf("trace of %s: %w", order.OrderID, err)
	}
	for _, args := range [][]string{{"show", order.OrderID, "--until", "end"}, {"trace", order.OrderID}} {
		shown := c.shown(os.Stdout)
		fmt.Fprintf(shown, "\n$ starter %s\n", strings.Join(args, " "))
		cmd := exec.CommandContext(ctx, "starter", args...)
		cmd.Stdout, cmd.Stderr = shown, os.Stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("starter %s: %w", args[0], err)
		}
	}
	if c.PublicURL != "" {
		fmt.Printf("\nthe order in Temporal  %s/temporal/namespaces/default/workflows/%s\nits trace in Jaeger    %s/jaeger/trace/%s\nSign in as one of the people whom setup has named; .env has their passwords.\n\n",
			c.PublicURL, order.OrderID, c.PublicURL, order.TraceID)
	}
	return nil
}

// awaitTrace waits until Jaeger has the end of a trace.
func awaitTrace(ctx context.Context, traceID string) error {
	id, err := trace.TraceIDFromHex(traceID)
	if err != nil {
		return err
	}
	var user *url.Userinfo
	if name := os.Getenv("JAEGER_USER"); name != "" {
		user = url.UserPassword(name, os.Getenv("JAEGER_PASSWORD"))
	}
	client := jaeger.NewClient(cmp.Or(os.Getenv("JAEGER_UI_URL"), "http://127.0.0.1:16686"), user)
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		spans, err := client.Trace(ctx, id)
		if errors.Is(err, jaeger.ErrUnauthorized) {
			return struct{}{}, backoff.Permanent(err)
		}
		for _, s := range spans {
			if s.Name == lastSpan {
				return struct{}{}, nil
			}
		}
		return struct{}{}, cmp.Or(err, fmt.Errorf("its last span, %q, has not come", lastSpan))
	}, backoff.WithMaxElapsedTime(spansTake))
	return err
}

// shown prints addresses as others see them, line by line.
func (c *commandLine) shown(out io.Writer) io.Writer {
	var pairs []string
	for from, to := range c.ShownAs {
		pairs = append(pairs, from, to)
	}
	return &replacing{out: out, with: strings.NewReplacer(pairs...)}
}

type replacing struct {
	out  io.Writer
	with *strings.Replacer
}

// Write is given whole lines: by this program, and by one that it runs, which writes
// its answer at once.
func (r *replacing) Write(text []byte) (int, error) {
	_, err := r.with.WriteString(r.out, string(text))
	return len(text), err
}
