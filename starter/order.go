package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/workflow"
)

type orderCmd struct {
	Model    string `required:"" placeholder:"FILE" help:"The 3D model, an STL file in millimetres."`
	Material string `default:"silver-925" help:"What it is cast of: a key of the MES's rate table."`
	ID       string `help:"The order's number. Default: a new one."`
	Customer string `help:"Who orders, by an identifier: they may follow and change it at the shop."`
	Source   string `enum:"b2c,b2b" default:"b2c" help:"Where it comes from: b2c (the shop) or b2b (a partner)."`
	Attended bool   `help:"Wait at each stage for its person: the signal advance."`
	Wait     bool   `help:"Wait until the order ends, and tell how it goes."`
}

// started is the answer of the command order.
type started struct {
	OrderID     string `json:"order_id"`
	RunID       string `json:"run_id"`
	TraceID     string `json:"trace_id"`
	JaegerURL   string `json:"jaeger_url"`
	TemporalURL string `json:"temporal_url"`
}

func (c *orderCmd) Run(e *environment) error {
	if err := checkModel(c.Model); err != nil {
		return err
	}
	if c.ID == "" {
		c.ID = lifecycle.NewOrderID(time.Now())
	}
	temporal, err := e.temporal()
	if err != nil {
		return err
	}
	ctx, span := otel.Tracer("ordertrace/starter").Start(e.ctx, "order")
	model, err := uploadModel(ctx, e, c.Model)
	if err != nil {
		span.End()
		return err
	}
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                                       c.ID,
		TaskQueue:                                workflow.TaskQueue,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            fmt.Sprintf("%s order in %s", c.Source, c.Material),
	}, workflow.Name, workflow.Input{Customer: c.Customer, Source: c.Source, Material: c.Material, Model: &model, Attended: c.Attended})
	span.End()
	go func() { _ = e.telemetry.Flush(e.ctx) }() // the worker's first span hangs below these
	if err != nil {
		return aboutOrder(err, c.ID)
	}
	id, err := orderTrace(e, c.ID)
	if err != nil {
		return err
	}
	answer := started{
		OrderID: c.ID, RunID: run.GetRunID(), TraceID: id.String(),
		JaegerURL:   e.jaeger.TraceURL(id),
		TemporalURL: e.workflowURL(temporal.Namespace, c.ID, run.GetRunID()),
	}
	if err := e.answer(answer, answer.print); err != nil || !c.Wait {
		return err
	}
	return follow(e, c.ID, untilEnd)
}

func (s started) print(w io.Writer) {
	fmt.Fprintf(w, "order     %s\ntrace     %s\nTemporal  %s\n", s.OrderID, s.JaegerURL, s.TemporalURL)
}

// checkModel refuses what cannot be a model, before any server is asked.
func checkModel(path string) error {
	const hint = "--model takes the path of an STL file"
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return hinted(err, hint)
	case info.IsDir():
		return hinted(fmt.Errorf("%s is a folder", path), hint)
	default:
		return nil
	}
}

// uploadModel sends a file to the shop, which checks it.
func uploadModel(ctx context.Context, e *environment, path string) (lifecycle.Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return lifecycle.Model{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return lifecycle.Model{}, err
	}
	model, err := api.NewClient(e.cli.ShopURL).As(apiToken()).Upload(ctx, f, info.Size())
	return model, aboutSystem(err, lifecycle.Shop)
}
