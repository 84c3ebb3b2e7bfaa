package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
)

// setUpNamespace gives the namespace its retention and the search attributes
// that it lacks. It goes through Temporal's API: neither `server start-dev` has a
// flag for the retention, nor does it touch a namespace that exists.
func (s *Stack) setUpNamespace(ctx context.Context) error {
	conn, err := dial(s.TemporalAddress())
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.StartTimeout)
	defer cancel()
	if err := setRetention(ctx, conn, s.cfg.Retention); err != nil {
		return fmt.Errorf("retention: %w", err)
	}
	if err := addSearchAttributes(ctx, conn, s.cfg.SearchAttributes); err != nil {
		return fmt.Errorf("search attributes: %w", err)
	}
	return nil
}

func setRetention(ctx context.Context, conn grpc.ClientConnInterface, retention time.Duration) error {
	client := workflowservice.NewWorkflowServiceClient(conn)
	now, err := client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: Namespace})
	if err != nil {
		return err
	}
	if now.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration() == retention {
		return nil
	}
	_, err = client.UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
		Namespace: Namespace,
		Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(retention)},
	})
	return err
}

func addSearchAttributes(ctx context.Context, conn grpc.ClientConnInterface, wanted map[string]string) error {
	client := operatorservice.NewOperatorServiceClient(conn)
	present, err := client.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: Namespace})
	if err != nil {
		return err
	}
	missing := make(map[string]enumspb.IndexedValueType)
	for name, typeName := range wanted {
		kind, err := enumspb.IndexedValueTypeFromString(typeName)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if has, ok := present.GetCustomAttributes()[name]; !ok {
			missing[name] = kind
		} else if has != kind {
			return errors.New(name + " is a " + has.String() + ", not a " + kind.String())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	_, err = client.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: Namespace, SearchAttributes: missing,
	})
	return err
}
