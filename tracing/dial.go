package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"
	"google.golang.org/grpc"
)

// Dial connects to Temporal as its own variables say (TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS…; default
// 127.0.0.1:7233, namespace default), and traces what the client and its workers
// do.
func Dial(ctx context.Context, o Options) (client.Client, error) {
	options, err := clientOptions()
	if err != nil {
		return nil, err
	}
	traced, err := NewInterceptor(o)
	if err != nil {
		return nil, err
	}
	options.Interceptors = append(options.Interceptors, traced)
	traced.held = &held{tell: traced.export}
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions,
		grpc.WithChainUnaryInterceptor(traced.held.watch))
	options.Logger = log.NewStructuredLogger(slog.Default())
	c, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("temporal at %s: %w", options.HostPort, err)
	}
	if o.SearchAttribute {
		if err := ensureSearchAttribute(ctx, c, options.Namespace); err != nil {
			traced.searchAttribute = false
			slog.WarnContext(ctx, "orders cannot be found by their trace ID", "search_attribute", TraceIDAttribute, "error", err)
		}
	}
	return c, nil
}

// Namespace is the one that Dial connects to.
func Namespace() (string, error) {
	options, err := clientOptions()
	return options.Namespace, err
}

func clientOptions() (client.Options, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return options, fmt.Errorf("temporal configuration: %w", err)
	}
	if options.HostPort == "" {
		options.HostPort = "127.0.0.1:7233"
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return options, nil
}

// ensureSearchAttribute adds the search attribute to the namespace if it is
// missing.
func ensureSearchAttribute(ctx context.Context, c client.Client, namespace string) error {
	_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace:        namespace,
		SearchAttributes: map[string]enumspb.IndexedValueType{TraceIDAttribute: enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	var exists *serviceerror.AlreadyExists
	if errors.As(err, &exists) {
		return nil
	}
	return err
}
