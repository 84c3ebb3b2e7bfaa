// Crm is the worker of the queue crm: the CRM's stages, and the CRM itself
// unless CRM_URL names an outside one.
package main

import (
	"context"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/worker"

	"ordertrace/activities"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/crm"
	"ordertrace/workers"
)

func main() {
	workers.Main(workers.Kind{
		System: lifecycle.CRM,
		Open: func(ctx context.Context, c workers.Config, p trace.TracerProvider) (workers.Service, error) {
			return crm.New(ctx, crm.Config{DSN: c.DSN, TracerProvider: p})
		},
		Register: func(r worker.Registry, _ workers.Config, client *api.Client) {
			activities.NewCRM(client).Register(r)
		},
	}, nil)
}
