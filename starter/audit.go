package main

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"ordertrace/tracing"
	"ordertrace/tracing/audit"
	"ordertrace/workers/orders"
	"ordertrace/workflow"
)

// auditor looks at orders; it writes what is missing if it has a teller.
func auditor(e *environment, settled time.Duration, teller audit.Teller) (audit.Auditor, error) {
	temporal, err := e.temporal()
	if err != nil {
		return audit.Auditor{}, err
	}
	keys, err := e.cli.Payloads.Load()
	return audit.Auditor{
		Temporal: temporal, Jaeger: e.jaeger, Historian: orders.Historian(keys), Teller: teller, Settled: settled,
	}, err
}

type verifyCmd struct {
	Order   string        `arg:"" help:"The order's number."`
	Settled time.Duration `default:"2s" help:"What happened less than this ago is not missed yet."`
}

func (c *verifyCmd) Run(e *environment) error {
	a, err := auditor(e, c.Settled, nil)
	if err != nil {
		return err
	}
	r, err := a.Order(e.ctx, c.Order)
	if err != nil {
		return aboutAudit(err, c.Order)
	}
	err = e.answer(r, func(w io.Writer) {
		fmt.Fprintf(w, "order %s: %d facts in its history, %d spans in Jaeger, %v\n", r.WorkflowID, r.Facts, r.Spans, r.Trace)
		for _, f := range r.MissingFacts() {
			fmt.Fprintf(w, "missing: %s (%s) at %s\n", f.Name, f.ID, f.From.Format(time.RFC3339Nano))
		}
		for _, d := range r.Differences {
			fmt.Fprintln(w, "differs:", d)
		}
	})
	if err == nil && !r.Whole() {
		err = hinted(fmt.Errorf("order %s: %s", c.Order, r.Why()), "`starter trace repair %s` writes what is missing", c.Order)
	}
	return err
}

type repairCmd struct {
	Order   string        `arg:"" optional:"" help:"The order's number; or --since, or --all."`
	Since   time.Duration `placeholder:"2h" xor:"which" help:"All orders that have moved or were closed since so long ago."`
	All     bool          `xor:"which" help:"All orders that Temporal keeps."`
	From    string        `placeholder:"PAGE" help:"Go on where an earlier one was stopped: what it printed then."`
	Rate    float64       `default:"50" help:"How many orders a second at most; 0: as fast as it goes."`
	Settled time.Duration `default:"2m" help:"What happened less than this ago is not missed yet: a worker tries for a minute to send its spans."`
}

// Validate is called by the command line.
func (c *repairCmd) Validate() error {
	if (c.Order != "") == (c.All || c.Since > 0) {
		return errors.New("which orders? name one, or take --all, or --since=2h")
	}
	return nil
}

// repaired is the answer of the command trace repair.
type repaired struct {
	audit.Summary
	Page string `json:"page,omitempty"` // where it was stopped
}

func (c *repairCmd) Run(e *environment) error {
	page, err := base64.RawURLEncoding.DecodeString(c.From)
	if err != nil {
		return hinted(fmt.Errorf("--from %s is not a page", c.From), "take what the stopped command printed")
	}
	teller, err := tracing.NewTeller(e.ctx)
	if err != nil {
		return err
	}
	defer func() { _ = teller.Shutdown(e.ctx) }() // what was told has been taken
	a, err := auditor(e, c.Settled, teller)
	if err != nil {
		return err
	}
	if c.Order != "" {
		return c.one(e, a)
	}
	return c.many(e, a, page)
}

// one repairs the order that was named.
func (c *repairCmd) one(e *environment, a audit.Auditor) error {
	r, err := a.Order(e.ctx, c.Order)
	if err != nil {
		return aboutAudit(err, c.Order)
	}
	var sum repaired
	sum.Add(audit.Visit{Report: r})
	return sum.print(e)
}

// many repairs the orders of a scope, and says where it stands as it goes.
func (c *repairCmd) many(e *environment, a audit.Auditor, page []byte) error {
	scope := audit.Scope{Type: workflow.Name, Page: page, Rate: c.Rate}
	if c.Since > 0 {
		scope.Since = time.Now().Add(-c.Since)
	}
	var sum repaired
	err := a.Each(e.ctx, scope, func(v audit.Visit) error {
		sum.Add(v)
		sum.Page = base64.RawURLEncoding.EncodeToString(v.Page)
		if why := v.Why(); why != "" {
			fmt.Fprintf(e.stderr, "%s: %s\n", v.WorkflowID, why)
		}
		if sum.Looked%progressEvery == 0 {
			fmt.Fprintf(e.stderr, "%d orders looked at, %d spans added\n", sum.Looked, sum.Added)
		}
		if audit.OfAll(v.Err) {
			return v.Err
		}
		return nil
	})
	if err != nil {
		err = hinted(aboutAudit(err, ""), "go on with --from %s", cmp.Or(sum.Page, "\"\""))
	} else {
		sum.Page = ""
	}
	return errors.Join(err, sum.print(e))
}

// progressEvery is how many orders there are between two lines of progress.
const progressEvery = 100

func (r repaired) print(e *environment) error {
	err := e.answer(r, func(w io.Writer) {
		fmt.Fprintf(w, "%d orders looked at: %d whole already, %d repaired with %d spans, %d not whole\n",
			r.Looked, r.Whole, r.Repaired, r.Added, r.NotWhole)
		for _, order := range slices.Sorted(maps.Keys(r.Unrepairable)) {
			fmt.Fprintf(w, "%s: %s\n", order, r.Unrepairable[order])
		}
	})
	if err == nil && r.NotWhole > 0 {
		return hinted(fmt.Errorf("%d traces are not whole", r.NotWhole), "`starter trace verify ORDER` says what differs")
	}
	return err
}

type exportCmd struct {
	Order string `arg:"" help:"The order's number."`
	To    string `short:"o" placeholder:"FILE" help:"Where to; - is standard output. Default: ORDER.json."`
}

func (c *exportCmd) Run(e *environment) error {
	id, err := orderTrace(e, c.Order)
	if err != nil {
		return err
	}
	trace, err := e.jaeger.JSON(e.ctx, id)
	if err != nil {
		return aboutTrace(err, c.Order)
	}
	if c.To == "-" {
		_, err = e.stdout.Write(trace)
		return err
	}
	name := cmp.Or(c.To, c.Order+".json")
	if err := os.WriteFile(name, trace, 0o600); err != nil {
		return err
	}
	return e.answer(map[string]string{"order_id": c.Order, "trace_id": id.String(), "file": name}, func(w io.Writer) {
		fmt.Fprintln(w, name)
	})
}

// aboutAudit gives errors of an audit the words of this program.
func aboutAudit(err error, order string) error {
	switch {
	case errors.Is(err, audit.ErrNoHistory):
		return hinted(err, "`starter list` shows the orders; Temporal keeps closed ones for as long as the namespace's retention says")
	case errors.Is(err, audit.ErrNotArriving):
		return hinted(err, "is the collector up, and may the starter send? OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS say where and who")
	case order == "":
		return err
	default:
		return aboutTrace(err, order)
	}
}
