package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/deploy/simulate/people"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/tracing/jaeger"
)

// everyone is the people at the stack's three systems.
func (r *rig) everyone() people.People {
	return people.People{Shop: r.ShopURL(), CRM: r.CRMURL(), MES: r.MESURL(), Token: r.Token}
}

// carrier sends the CRM the messages of a carrier.
func (r *rig) carrier(t testing.TB) carrier.Simulator {
	t.Helper()
	secret, err := r.CarrierSecret()
	require.NoError(t, err)
	return carrier.Simulator{URL: r.CRMURL(), Secret: secret}
}

// order starts an attended order at the shop, with its model.
func (r *rig) order(t testing.TB) order {
	t.Helper()
	everyone := r.everyone()
	started, err := everyone.Start(t.Context(), "silver-925", "")
	require.NoError(t, err)
	require.NoError(t, everyone.Await(t.Context(), started.OrderID, lifecycle.FileUploaded))
	require.NoError(t, r.giveModel(t.Context(), started.OrderID))
	return order{ID: started.OrderID, Trace: started.TraceID}
}

func (r *rig) giveModel(ctx context.Context, id string) error {
	model, err := os.Open(filepath.Join(root, ring))
	if err != nil {
		return err
	}
	defer model.Close()
	return r.everyone().Upload(ctx, id, ring, model)
}

// trackingOf is a parcel's number that no other order of this stack has.
func trackingOf(id string) string { return "1Z-" + id }

// At the three systems' APIs people take an order to its carrier, whose signed
// message closes it. One trace holds all of it, each HTTP request included.
func TestPeopleAndTheCarrierMoveAnOrder(t *testing.T) {
	r, ctx := shared, t.Context()
	everyone := r.everyone()
	o := r.order(t)
	for _, step := range everyone.Steps(trackingOf(o.ID)) {
		require.NoError(t, everyone.Take(ctx, o.ID, step), step)
	}
	require.NoError(t, everyone.Await(ctx, o.ID, lifecycle.Closed))
	ups := r.carrier(t)
	for _, status := range []lifecycle.ParcelStatus{lifecycle.ParcelInTransit, lifecycle.ParcelDelivered} {
		require.NoError(t, ups.Say(ctx, trackingOf(o.ID), "UPS", status))
	}
	s := r.until(t, o.ID, "end")
	require.Equal(t, lifecycle.Close{By: "carrier", Reason: "delivered"}, *s.Close)
	r.requireClosedEverywhere(t, o.ID)

	want := closedOrder().plus(tally{
		"update upload": 1, "update advance": 6, "await FILE_UPLOADED": 1,
		"expect parcel": 1, "signal carrier": 1, "carrier in_transit": 1,
	})
	for _, step := range everyone.Steps("") {
		want["await "+string(step.Stage)] = 1
	}
	spans := r.requireFacts(t, o.ID, want)
	require.Equal(t, o.Trace, spans[0].Trace)
	requests := tally{"POST /orders": 1, "PUT /orders/{order}/model": 1, "POST /webhooks/carrier": 2}
	for _, verb := range []string{"submit", "approve", "take", "finish", "pack", "ship"} {
		requests["POST /orders/{order}/"+verb] = 1
	}
	names := count(spans)
	for name, n := range requests {
		require.Equal(t, n, names[name], "%s\n%s", name, draw(spans))
	}
	r.requireAgreement(t, o.ID)
	r.keep(t, o.ID, "people-api")
}

// requireAgreement requires that the three databases, Temporal and the trace
// tell the same story of an order that has ended.
func (r *rig) requireAgreement(t testing.TB, id string) {
	t.Helper()
	require.NoError(t, r.disagreement(t, id))
}

func (r *rig) disagreement(t testing.TB, id string) error {
	s, err := r.statusOf(t.Context(), id)
	if err != nil {
		return err
	}
	if err := r.recordsDiffer(t.Context(), s); err != nil {
		return err
	}
	return r.traceAgrees(t, s, visitsOf(s))
}

// recordsDiffer tells what Temporal or a database says otherwise of an order that
// has ended than the order itself.
func (r *rig) recordsDiffer(ctx context.Context, s lifecycle.Status) error {
	d, err := r.temporal.DescribeWorkflowExecution(ctx, s.OrderID, "")
	if err != nil {
		return err
	}
	ended := map[lifecycle.Outcome]enumspb.WorkflowExecutionStatus{
		lifecycle.OutcomeClosed:    enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED,
		lifecycle.OutcomeCancelled: enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED,
		lifecycle.OutcomeFailed:    enumspb.WORKFLOW_EXECUTION_STATUS_FAILED,
	}[s.Outcome]
	if d.WorkflowExecutionInfo.Status != ended {
		return fmt.Errorf("order %s was %s, and Temporal says %s", s.OrderID, s.Outcome, d.WorkflowExecutionInfo.Status)
	}
	visits := visitsOf(s)
	for system, url := range map[lifecycle.System]string{lifecycle.Shop: r.ShopURL(), lifecycle.CRM: r.CRMURL(), lifecycle.MES: r.MESURL()} {
		if err := systemAgrees(ctx, system, url, s, visits); err != nil {
			return err
		}
	}
	return nil
}

func visitsOf(s lifecycle.Status) map[lifecycle.Stage]int {
	visits := map[lifecycle.Stage]int{}
	for _, p := range s.Passed {
		visits[p.Stage]++
	}
	return visits
}

func systemAgrees(ctx context.Context, system lifecycle.System, url string, s lifecycle.Status, visits map[lifecycle.Stage]int) error {
	o, err := api.NewClient(url).Order(ctx, s.OrderID)
	recorded := map[lifecycle.Stage]int{}
	for _, stage := range o.Stages {
		recorded[stage.Stage]++
		if undone := stage.UndoneAt != nil; undone != (s.Outcome == lifecycle.OutcomeCancelled) {
			return fmt.Errorf("order %s was %s, and %s of the %s undone: %v", s.OrderID, s.Outcome, stage.Stage, system, undone)
		}
	}
	met := false
	for _, stage := range lifecycle.Owned(system) {
		met = met || visits[stage] > 0
		if recorded[stage] != visits[stage] {
			return fmt.Errorf("order %s passed %s %d times, and the %s has it %d times", s.OrderID, stage, visits[stage], system, recorded[stage])
		}
	}
	if met && (err != nil || o.Outcome != s.Outcome) {
		return fmt.Errorf("order %s was %s, and the %s says %q: %w", s.OrderID, s.Outcome, system, o.Outcome, err)
	}
	return nil
}

// traceAgrees compares what the trace tells with what the order says of itself.
func (r *rig) traceAgrees(t testing.TB, s lifecycle.Status, visits map[lifecycle.Stage]int) error {
	var wrong error
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(200 * time.Millisecond); ; <-tick.C {
		if wrong = r.traceDiffers(t, s, visits); wrong == nil || time.Now().After(deadline) {
			tick.Stop()
			return wrong
		}
	}
}

func (r *rig) traceDiffers(t testing.TB, s lifecycle.Status, visits map[lifecycle.Stage]int) error {
	traces := r.tracesOf(t, s.OrderID)
	if report := jaeger.Examine(traces...); !report.Whole() {
		return fmt.Errorf("trace of %s: %v\n%s", s.OrderID, report, draw(traces...))
	}
	good := tally{}
	for _, span := range traces[0] {
		if span.Tags["temporalAttempt"] != "" && !span.Failed() && span.Tags["error.type"] == "" {
			good[span.Name]++
		} else if span.Service == "order" {
			good[span.Name]++
		}
	}
	for _, stage := range lifecycle.StageNames() {
		if good[string(stage)] != visits[stage] {
			return fmt.Errorf("order %s passed %s %d times, and its trace has it %d times\n%s", s.OrderID, stage, visits[stage], good[string(stage)], draw(traces...))
		}
		undone := 0
		if s.Outcome == lifecycle.OutcomeCancelled && visits[stage] > 0 {
			undone = 1
		}
		if good[lifecycle.Undo(stage)] < undone {
			return fmt.Errorf("order %s was %s, and its trace does not undo %s", s.OrderID, s.Outcome, stage)
		}
	}
	if name := "Order " + string(s.Outcome); good[name] != 1 {
		return fmt.Errorf("trace of %s: want one %q", s.OrderID, name)
	}
	return nil
}

func (r *rig) statusOf(ctx context.Context, id string) (s lifecycle.Status, err error) {
	answer, err := r.temporal.QueryWorkflow(ctx, id, "", "status")
	if err != nil {
		return s, err
	}
	return s, answer.Get(&s)
}

// A request that the order does not grant says why, in an answer that a ticket
// can be made of, and in the order's trace.
func TestRefusalsSayWhy(t *testing.T) {
	r, ctx := shared, t.Context()
	everyone := r.everyone()
	o := r.order(t)
	steps := everyone.Steps(trackingOf(o.ID))
	do := func(url, verb string, body map[string]string) error {
		return everyone.Do(ctx, http.MethodPost, fmt.Sprintf("%s/orders/%s/%s", url, o.ID, verb), body, nil)
	}
	require.NoError(t, everyone.Await(ctx, o.ID, lifecycle.Submitted))
	requireCode(t, lifecycle.CodeNotWaiting, do(r.MESURL(), "take", map[string]string{"by": "operator-7"}))
	requireCode(t, lifecycle.CodeInvalidRequest, do(r.ShopURL(), "submit", map[string]string{"reason": "none is taken here"}))
	requireCode(t, lifecycle.CodeNotFound, everyone.Do(ctx, http.MethodPost, r.MESURL()+"/orders/none/take", map[string]string{"by": "operator-7"}, nil))
	for _, step := range steps[:3] {
		require.NoError(t, everyone.Take(ctx, o.ID, step))
		require.NoError(t, do(step.URL, step.Verb, step.Body), "the same request again is granted again")
	}
	require.NoError(t, everyone.Await(ctx, o.ID, lifecycle.ManufacturingCompleted))
	requireCode(t, lifecycle.CodeWrongPerson, do(r.MESURL(), "finish", map[string]string{"by": "operator-9"}))
	requireCode(t, lifecycle.CodeNotWaiting, do(r.MESURL(), "take", map[string]string{"by": "operator-9"}))
	requireCode(t, lifecycle.CodeWrongPerson, do(r.MESURL(), "hand-over", map[string]string{"by": "operator-9", "from": "operator-8", "to": "operator-9"}))
	require.NoError(t, do(r.MESURL(), "hand-over", map[string]string{"by": "operator-7", "from": "operator-7", "to": "operator-9"}))
	require.NoError(t, everyone.Await(ctx, o.ID, lifecycle.ManufacturingCompleted))
	require.NoError(t, do(r.MESURL(), "finish", map[string]string{"by": "operator-9"}))
	require.NoError(t, do(r.ShopURL(), "cancel", map[string]string{"by": "customer-1", "reason": "changed my mind"}))
	require.NoError(t, do(r.CRMURL(), "cancel", map[string]string{"by": "manager-3"}), "it is cancelled already")
	require.Error(t, r.ended(t, o.ID))
	requireCode(t, lifecycle.CodeEnded, do(r.MESURL(), "pack", map[string]string{"by": "operator-9"}))
	r.requireAgreement(t, o.ID)
	spans := r.spans(t, o)
	require.Equal(t, 4, count(spans)["POST /orders/{order}/take"], "refused ones too\n%s", draw(spans))
}

func requireCode(t *testing.T, code string, err error) {
	t.Helper()
	var e *lifecycle.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code, e)
}
