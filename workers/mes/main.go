// Mes is the worker of the queue mes: the MES's stages, and the MES itself
// unless MES_URL names an outside one.
package main

import (
	"context"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/activities"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mes"
	"ordertrace/workers"
)

type flags struct {
	ShopURL string `env:"SHOP_URL" default:"http://127.0.0.1:8081" help:"Where the MES reads models: the shop."`
	Rates   string `env:"MES_RATES" placeholder:"FILE" help:"The rate table, a YAML file. Default: the one that is built in."`
}

func main() {
	var f flags
	workers.Main(workers.Kind{
		System: lifecycle.MES,
		Open: func(ctx context.Context, c workers.Config, p trace.TracerProvider) (workers.Service, error) {
			return mes.New(ctx, mes.Config{
				DSN: c.DSN, Shop: api.NewClient(f.ShopURL, otelhttp.WithTracerProvider(p)).As(c.APIToken), RatesFile: f.Rates, TracerProvider: p,
			})
		},
		Register: func(_ context.Context, q workers.Queue) error {
			activities.NewMES(q.System).Register(q)
			return nil
		},
	}, &f)
}
