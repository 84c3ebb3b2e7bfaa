// Shop is the worker of the queue shop: the order workflow, the shop's stages,
// and the shop itself unless SHOP_URL names an outside one.
package main

import (
	"context"

	"go.opentelemetry.io/otel/trace"
	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/workflow"

	"ordertrace/activities"
	"ordertrace/lifecycle"
	"ordertrace/systems/shop"
	"ordertrace/tracing"
	"ordertrace/tracing/jaeger"
	"ordertrace/workers"
	"ordertrace/workflow"
)

type flags struct {
	Blobs         string `env:"SHOP_BLOBS" default:"file://./.local/blobs" help:"Where models are kept: file://./FOLDER or file:///FOLDER (a gocloud.dev/blob URL)."`
	ServiceLevels string `env:"SERVICE_LEVELS" placeholder:"FILE" help:"How long orders may wait at each gate, a YAML file. Default: the one that is built in."`
	MaxModelBytes int64  `env:"SHOP_MAX_MODEL_BYTES" default:"536870912" help:"The largest model that is taken, in bytes."`
}

func main() {
	var f flags
	workers.Main(workers.Kind{
		System: lifecycle.Shop,
		Open: func(ctx context.Context, c workers.Config, p trace.TracerProvider) (workers.Service, error) {
			return shop.New(ctx, shop.Config{DSN: c.DSN, Blobs: f.Blobs, MaxModelBytes: f.MaxModelBytes, TracerProvider: p})
		},
		Register: func(ctx context.Context, q workers.Queue) error {
			levels, err := lifecycle.LoadLevels(f.ServiceLevels)
			if err != nil {
				return err
			}
			activities.NewShop(q.System).Register(q)
			order := workflow.Workflow{
				Wait: tracing.Wait, Note: tracing.Note, Levels: levels,
				TraceURL: func(ctx sdk.Context) string { return jaeger.TraceURL(q.Config.JaegerUI, tracing.TraceID(ctx)) },
				Searchable: q.Temporal.EnsureSearchAttribute(ctx, workflow.AttributeWaiting, enumspb.INDEXED_VALUE_TYPE_KEYWORD) &&
					q.Temporal.EnsureSearchAttribute(ctx, workflow.AttributeOverdue, enumspb.INDEXED_VALUE_TYPE_BOOL),
			}
			q.RegisterWorkflowWithOptions(order.Order, sdk.RegisterOptions{Name: workflow.Name})
			return nil
		},
	}, &f)
}
