// Shop is the worker of the queue shop: the order workflow, the shop's stages,
// and the shop itself unless SHOP_URL names an outside one.
package main

import (
	"context"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/worker"
	sdk "go.temporal.io/sdk/workflow"

	"ordertrace/activities"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/shop"
	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
	"ordertrace/workers"
	"ordertrace/workflow"
)

type flags struct {
	Blobs         string `env:"SHOP_BLOBS" default:"file://./.local/blobs" help:"Where models are kept: file://./FOLDER or file:///FOLDER (a gocloud.dev/blob URL)."`
	MaxModelBytes int64  `env:"SHOP_MAX_MODEL_BYTES" default:"536870912" help:"The largest model that is taken, in bytes."`
}

func main() {
	var f flags
	workers.Main(workers.Kind{
		System: lifecycle.Shop,
		Open: func(ctx context.Context, c workers.Config, p trace.TracerProvider) (workers.Service, error) {
			return shop.New(ctx, shop.Config{DSN: c.DSN, Blobs: f.Blobs, MaxModelBytes: f.MaxModelBytes, TracerProvider: p})
		},
		Register: func(r worker.Registry, c workers.Config, client *api.Client) {
			activities.NewShop(client).Register(r)
			order := workflow.Workflow{
				Wait:     tracing.Wait,
				TraceURL: func(ctx sdk.Context) string { return jaeger.TraceURL(c.JaegerUI, tracing.TraceID(ctx)) },
			}
			r.RegisterWorkflowWithOptions(order.Order, sdk.RegisterOptions{Name: workflow.Name})
		},
	}, &f)
}
