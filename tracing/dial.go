package tracing

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
)

// Dial connects to Temporal as its own variables say (TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS…; default
// 127.0.0.1:7233, namespace default), and traces through the given provider
// what the client and its workers do.
func Dial(ctx context.Context, p trace.TracerProvider) (client.Client, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, fmt.Errorf("temporal configuration: %w", err)
	}
	if options.HostPort == "" {
		options.HostPort = "127.0.0.1:7233"
	}
	traced, err := NewInterceptor(p)
	if err != nil {
		return nil, err
	}
	options.Interceptors = append(options.Interceptors, traced)
	options.Logger = log.NewStructuredLogger(slog.Default())
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("temporal at %s: %w", options.HostPort, err)
	}
	return c, nil
}
