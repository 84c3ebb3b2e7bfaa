// Package people simulates the customer, the manager and the operator of an
// order: it does at the three systems' APIs what they do there. It is for the
// demo and for tests.
package people

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// People act at the systems with these base URLs.
type People struct {
	Shop, CRM, MES string
	// Token is what a person shows the systems; nil: nothing is shown.
	Token func(id string) string
	// Show is told of each request before it is made: by whom, and as one would
	// type it at a terminal, but for the token; nil: nobody is told.
	Show func(command string)
	// HTTP makes the requests. Default: http.DefaultClient.
	HTTP *http.Client
}

// Started is an order that a customer started.
type Started struct {
	OrderID string `json:"order_id"`
	TraceID string `json:"trace_id"`
}

// Start starts an attended order in a material. The same key of 16 bytes or more is
// the same order; without a key each is a new one.
func (p People) Start(ctx context.Context, material, key string) (Started, error) {
	var started Started
	err := p.do(ctx, http.MethodPost, p.Shop+"/orders", key, map[string]string{"material": material}, &started)
	return started, err
}

// Status reads how an order stands.
func (p People) Status(ctx context.Context, order string) (lifecycle.Status, error) {
	var s lifecycle.Status
	return s, p.read(ctx, p.Shop+"/orders/"+order+"/status", &s)
}

// Upload uploads a model's file for an order.
func (p People) Upload(ctx context.Context, order, name string, file io.Reader) error {
	url := p.Shop + "/orders/" + order + "/model"
	p.show(Customer, fmt.Sprintf("-T %s %s", name, url))
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, file)
	if err != nil {
		return err
	}
	return p.send(req, Customer, nil)
}

// Whom the people are, unless a request says so itself.
const (
	Customer = "customer-1"
	Manager  = "manager-3"
	Operator = "operator-7"
)

// who makes a request: whom its body names, else whoever is at that system.
func (p People) who(url string, body any) string {
	if named, ok := body.(map[string]string); ok && named["by"] != "" {
		return named["by"]
	}
	switch {
	case strings.HasPrefix(url, p.CRM):
		return Manager
	case strings.HasPrefix(url, p.MES):
		return Operator
	default:
		return Customer
	}
}

// A Step is one thing that a person does at a system.
type Step struct {
	Stage lifecycle.Stage // the gate that it opens
	URL   string          // of the system
	Verb  string
	Body  map[string]string
}

// Steps are those that take an order from its model to the carrier. tracking is
// the parcel's number.
func (p People) Steps(tracking string) []Step {
	by := func(who string) map[string]string { return map[string]string{"by": who} }
	return []Step{
		{lifecycle.Submitted, p.Shop, "submit", by(Customer)},
		{lifecycle.ManufacturingApproved, p.CRM, "approve", by(Manager)},
		{lifecycle.ManufacturingStarted, p.MES, "take", by(Operator)},
		{lifecycle.ManufacturingCompleted, p.MES, "finish", by(Operator)},
		{lifecycle.Packaging, p.MES, "pack", by(Operator)},
		{lifecycle.Shipped, p.MES, "ship", map[string]string{"by": Operator, "carrier": "UPS", "tracking_number": tracking}},
	}
}

// Take waits until the order stands at the step's gate, and opens it.
func (p People) Take(ctx context.Context, order string, s Step) error {
	if err := p.Await(ctx, order, s.Stage); err != nil {
		return err
	}
	return p.Do(ctx, http.MethodPost, fmt.Sprintf("%s/orders/%s/%s", s.URL, order, s.Verb), s.Body, nil)
}

const lookEvery = 50 * time.Millisecond

// Await waits until the order stands at a stage's gate.
func (p People) Await(ctx context.Context, order string, stage lifecycle.Stage) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		s, err := p.Status(ctx, order)
		if err != nil {
			return err
		}
		switch {
		case s.WaitsFor(stage):
			return nil
		case s.Outcome != "":
			return fmt.Errorf("order %s never waited for %s: it was %s", order, stage, s.Outcome)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("order %s does not come to %s: %w", order, stage, ctx.Err())
		}
	}
}

// Do makes one request. What is refused is a *lifecycle.Error.
func (p People) Do(ctx context.Context, method, url string, body, answer any) error {
	return p.do(ctx, method, url, "", body, answer)
}

func (p People) do(ctx context.Context, method, url, key string, body, answer any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	p.show(p.who(url, body), fmt.Sprintf("-X %s %s -d '%s'", method, url, b))
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(b))
	if err != nil {
		return err
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return p.send(req, p.who(url, body), answer)
}

func (p People) read(ctx context.Context, url string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return p.send(req, p.who(url, nil), answer)
}

func (p People) send(req *http.Request, who string, answer any) error {
	if p.Token != nil {
		req.Header.Set("Authorization", "Bearer "+p.Token(who))
	}
	resp, err := cmp.Or(p.HTTP, http.DefaultClient).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := api.ProblemOf(resp); err != nil {
		return fmt.Errorf("%s %s: %w", req.Method, req.URL.Path, err)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

func (p People) show(who, request string) {
	if p.Show != nil {
		p.Show(fmt.Sprintf("%s: curl %s", who, request))
	}
}
