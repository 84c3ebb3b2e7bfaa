package stack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	neturl "net/url"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	health "google.golang.org/grpc/health/grpc_health_v1"

	"ordertrace/deploy/secrets"
)

// answers checks that a GET of the URL by a user, nil for nobody, is answered
// with 200.
func answers(url string, user *neturl.Userinfo) func(context.Context) error {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		request.Close = true
		if user != nil {
			request.Header.Set("Authorization", secrets.BasicAuth(user))
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: %s", url, response.Status)
		}
		return nil
	}
}

// listens checks that the address takes connections.
func listens(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// temporalServes asks Temporal's frontend for its health, by gRPC's health protocol.
func temporalServes(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := dial(address)
		if err != nil {
			return err
		}
		defer conn.Close()
		const service = "temporal.api.workflowservice.v1.WorkflowService"
		answer, err := health.NewHealthClient(conn).Check(ctx, &health.HealthCheckRequest{Service: service})
		if err != nil {
			return err
		}
		if answer.GetStatus() != health.HealthCheckResponse_SERVING {
			return fmt.Errorf("the frontend is %s", answer.GetStatus())
		}
		return nil
	}
}

func dial(address string) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
}
