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

// A Connection is a Temporal client, and the namespace that it is for.
type Connection struct {
	client.Client
	Namespace string
}

// Dial connects to Temporal as its own variables say (TEMPORAL_ADDRESS,
// TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS…; default
// 127.0.0.1:7233, namespace default), and traces what the client and its workers
// do.
func Dial(ctx context.Context, o Options) (Connection, error) {
	options, err := clientOptions()
	if err != nil {
		return Connection{}, err
	}
	traced, err := NewInterceptor(o)
	if err != nil {
		return Connection{}, err
	}
	options.Interceptors = append(options.Interceptors, traced)
	options.DataConverter, options.FailureConverter = o.Data, o.Failure
	traced.held = &held{tell: traced.export}
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions,
		addressesOnly, grpc.WithChainUnaryInterceptor(traced.held.watch))
	options.Logger = log.NewStructuredLogger(slog.Default())
	connect := func() (client.Client, error) { return client.DialContext(ctx, options) }
	if o.Lazy {
		connect = func() (client.Client, error) { return client.NewLazyClient(options) }
	}
	c, err := connect()
	if err != nil {
		return Connection{}, fmt.Errorf("temporal at %s: %w", options.HostPort, err)
	}
	connection := Connection{Client: c, Namespace: options.Namespace}
	if o.SearchAttribute {
		traced.searchAttribute = connection.EnsureSearchAttribute(ctx, TraceIDAttribute, enumspb.INDEXED_VALUE_TYPE_KEYWORD)
	}
	return connection, nil
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

// EnsureSearchAttribute adds a search attribute to the namespace if it is
// missing. Where it may not, workflows must do without: it tells whether the
// attribute is there.
func (c Connection) EnsureSearchAttribute(ctx context.Context, name string, kind enumspb.IndexedValueType) bool {
	_, err := c.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace:        c.Namespace,
		SearchAttributes: map[string]enumspb.IndexedValueType{name: kind},
	})
	var exists *serviceerror.AlreadyExists
	if err != nil && !errors.As(err, &exists) {
		slog.WarnContext(ctx, "orders cannot be found by it", "search_attribute", name, "error", err)
		return false
	}
	return true
}
