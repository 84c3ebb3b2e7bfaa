package orders

import (
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	"ordertrace/tracing"
	"ordertrace/workers/encryption"
	"ordertrace/workflow"
)

// Historian tells which spans an order must have, by its history alone.
func Historian(keys encryption.Keys) tracing.Historian {
	convert := keys.ForWorker() // an unknown key ends the replay, and is no error of the order's
	return tracing.Historian{
		Signals: workflow.Signals(), Data: convert.Data, Failure: convert.Failure,
		Register: func(r worker.WorkflowRegistry) {
			order := workflow.Workflow{Wait: tracing.Wait, Note: tracing.Note}
			r.RegisterWorkflowWithOptions(order.Order, sdk.RegisterOptions{Name: workflow.Name})
		},
	}
}
