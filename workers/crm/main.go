// Crm is the worker of the queue crm: the CRM's stages, and the CRM itself
// unless CRM_URL names an outside one.
package main

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/trace"

	"ordertrace/activities"
	"ordertrace/lifecycle"
	"ordertrace/systems/crm"
	"ordertrace/workers"
)

type flags struct {
	Secrets []string      `env:"CARRIER_SECRET" name:"carrier-secret" placeholder:"SECRET,…" help:"What the carrier signs its messages with. Several, with commas between, while it is changed. Default: none, and the CRM takes no message of the carrier's."`
	Window  time.Duration `env:"CARRIER_REPLAY_WINDOW" name:"carrier-replay-window" default:"168h" help:"How old a carrier's message may be."`
}

func main() {
	var f flags
	workers.Main(workers.Kind{
		System: lifecycle.CRM,
		Open: func(ctx context.Context, c workers.Config, p trace.TracerProvider) (workers.Service, error) {
			return crm.New(ctx, crm.Config{
				DSN: c.DSN, TracerProvider: p, JaegerUI: c.JaegerUI, CarrierSecrets: f.Secrets, CarrierWindow: f.Window,
			})
		},
		Register: func(_ context.Context, q workers.Queue) error {
			activities.NewCRM(q.System).Register(q)
			return nil
		},
	}, &f)
}
