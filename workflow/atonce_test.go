package workflow

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"ordertrace/lifecycle"
)

// ask grants a request, or not, as the order's updates do.
func (o *order) ask(r lifecycle.Request) error {
	if err := r.Judge(o.Status); err != nil {
		return err
	}
	switch r := r.(type) {
	case lifecycle.Move:
		o.advance(r)
	case lifecycle.Upload:
		o.upload(r)
	case lifecycle.Rejection:
		o.reject(r)
	case lifecycle.HandOver:
		o.handOver(r)
	case lifecycle.Cancellation:
		o.cancel(r)
	}
	return nil
}

// waiting is an order of operator-1's at a stage's gate.
func waiting(stage lifecycle.Stage) *order {
	o := &order{pending: map[lifecycle.Stage]lifecycle.Move{}, stop: func() {}}
	o.Attended, o.Waiting = true, &lifecycle.Wait{Stage: stage}
	o.Facts = lifecycle.Facts{Material: "silver-925", Operator: "operator-1"}
	if stage != lifecycle.FileUploaded {
		o.Facts.Model = &lifecycle.Model{Digest: digestOf('a')}
	}
	return o
}

func digestOf(c byte) string {
	digest := []byte("sha256-")
	for range 64 {
		digest = append(digest, c)
	}
	return string(digest)
}

// One workflow task may bring two requests, both before the walk goes on: the
// second is judged by what the first was granted.
func TestTwoAtOnce(t *testing.T) {
	by := func(stage lifecycle.Stage, person string) lifecycle.Move {
		return lifecycle.Move{Stage: stage, By: person}
	}
	approve := by(lifecycle.ManufacturingApproved, "manager-1")
	reject := lifecycle.Rejection{By: "manager-2", Reason: "it would break"}
	rejectMaterial := lifecycle.Rejection{By: "manager-1", Reason: "no gold left", Field: "material"}
	take, takeToo := by(lifecycle.ManufacturingStarted, "operator-1"), by(lifecycle.ManufacturingStarted, "operator-2")
	finish := by(lifecycle.ManufacturingCompleted, "operator-1")
	handOver := lifecycle.HandOver{By: "manager-1", From: "operator-1", To: "operator-2"}
	finishAfter := by(lifecycle.ManufacturingCompleted, "operator-2")
	upload := lifecycle.Upload{Model: &lifecycle.Model{Digest: digestOf('a')}}
	uploadToo := lifecycle.Upload{Model: &lifecycle.Model{Digest: digestOf('b')}}
	ship, closing := by(lifecycle.Shipped, "operator-1"), by(lifecycle.Closed, "manager-1")
	cancel := lifecycle.Cancellation{By: "customer-1"}

	tests := map[string]struct {
		at            lifecycle.Stage
		first, second lifecycle.Request
		code          string // what the second is answered; empty: it is granted too
	}{
		"approved, then rejected":         {lifecycle.ManufacturingApproved, approve, reject, lifecycle.CodeNotWaiting},
		"rejected, then approved":         {lifecycle.ManufacturingApproved, reject, approve, lifecycle.CodeNotWaiting},
		"rejected twice":                  {lifecycle.ManufacturingApproved, reject, rejectMaterial, lifecycle.CodeNotWaiting},
		"rejected in the same words":      {lifecycle.ManufacturingApproved, reject, reject, lifecycle.CodeDone},
		"rejected, then uploaded":         {lifecycle.ManufacturingApproved, reject, uploadToo, lifecycle.CodeNotWaiting},
		"taken by two":                    {lifecycle.ManufacturingStarted, take, takeToo, lifecycle.CodeNotWaiting},
		"taken twice by one":              {lifecycle.ManufacturingStarted, take, take, lifecycle.CodeDone},
		"taken and finished":              {lifecycle.ManufacturingStarted, take, finish, lifecycle.CodeNotWaiting},
		"finished, then handed over":      {lifecycle.ManufacturingCompleted, finish, handOver, lifecycle.CodeNotWaiting},
		"handed over, then finished":      {lifecycle.ManufacturingCompleted, handOver, finish, lifecycle.CodeNotWaiting},
		"handed over, finished by both":   {lifecycle.ManufacturingCompleted, handOver, finishAfter, lifecycle.CodeNotWaiting},
		"handed over twice":               {lifecycle.ManufacturingCompleted, handOver, handOver, lifecycle.CodeDone},
		"uploaded, then something else":   {lifecycle.FileUploaded, upload, uploadToo, lifecycle.CodeNotWaiting},
		"uploaded twice":                  {lifecycle.FileUploaded, upload, upload, lifecycle.CodeDone},
		"cancelled, then approved":        {lifecycle.ManufacturingApproved, cancel, approve, lifecycle.CodeEnded},
		"cancelled, then rejected":        {lifecycle.ManufacturingApproved, cancel, reject, lifecycle.CodeEnded},
		"cancelled twice":                 {lifecycle.ManufacturingApproved, cancel, cancel, lifecycle.CodeDone},
		"approved, then cancelled":        {lifecycle.ManufacturingApproved, approve, cancel, ""},
		"shipped, then cancelled":         {lifecycle.Shipped, ship, cancel, lifecycle.CodeShipped},
		"cancelled, then shipped":         {lifecycle.Shipped, cancel, ship, lifecycle.CodeEnded},
		"shipped, then closed":            {lifecycle.Shipped, ship, closing, lifecycle.CodeNotWaiting},
		"closed twice by one":             {lifecycle.Closed, closing, closing, lifecycle.CodeDone},
		"closed by two, one in a message": {lifecycle.Closed, closing, by(lifecycle.Closed, "manager-2"), lifecycle.CodeNotWaiting},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := waiting(tc.at)
			require.NoError(t, o.ask(tc.first))
			err := o.ask(tc.second)
			if tc.code == "" {
				require.NoError(t, err)
				return
			}
			var e *lifecycle.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.code, e.Code, "%v", err)
		})
	}
}

func TestClosedByTheCarrierAndByHandAtOnce(t *testing.T) {
	o := waiting(lifecycle.Closed)
	o.close(lifecycle.Close{By: closeCarrier, Reason: "delivered"})
	var e *lifecycle.Error
	require.ErrorAs(t, o.ask(lifecycle.Move{Stage: lifecycle.Closed, By: "manager-1"}), &e)
	require.Equal(t, lifecycle.CodeNotWaiting, e.Code)
	require.Equal(t, closeCarrier, o.Close.By)
}

// An order that is moved and cancelled in one workflow task is cancelled: the
// stage is not begun, and so there is nothing of it to undo.
func TestMovedAndCancelledAtOnce(t *testing.T) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	var did []string
	record := func(ctx context.Context) (lifecycle.Facts, error) {
		did = append(did, activity.GetInfo(ctx).ActivityType.Name)
		return lifecycle.Facts{}, nil
	}
	env.RegisterActivityWithOptions(record, activity.RegisterOptions{Name: lifecycle.Settle})
	for _, stage := range lifecycle.StageNames() {
		env.RegisterActivityWithOptions(record, activity.RegisterOptions{Name: string(stage)})
		env.RegisterActivityWithOptions(record, activity.RegisterOptions{Name: lifecycle.Undo(stage)})
	}
	env.RegisterDelayedCallback(func() { env.SignalWorkflow("both", nil) }, time.Hour)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		o := Workflow{}.newOrder(ctx, Input{Attended: true, Material: "silver-925", Model: &lifecycle.Model{Digest: digestOf('a')}})
		walking := o.cancellable(ctx)
		workflow.Go(ctx, func(ctx workflow.Context) {
			workflow.GetSignalChannel(ctx, "both").Receive(ctx, nil)
			require.NoError(t, o.ask(lifecycle.Move{Stage: lifecycle.Submitted, By: "customer-1"}))
			require.NoError(t, o.ask(lifecycle.Cancellation{By: "customer-1"}))
		})
		return o.end(ctx, o.walk(walking))
	})
	require.True(t, temporal.IsCanceledError(env.GetWorkflowError()))
	require.Equal(t, []string{"INITIATED", "FILE_UPLOADED", "undo FILE_UPLOADED", "undo INITIATED", "settle"}, did)
}
