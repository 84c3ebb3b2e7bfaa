package carrier_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/crm"
	"ordertrace/systems/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// told is an order that writes down what it is told.
type told struct {
	api.Orders
	heard []lifecycle.ParcelStatus
}

func (o *told) Carrier(_ context.Context, _ string, e lifecycle.CarrierEvent) error {
	o.heard = append(o.heard, e.Status)
	return nil
}

func (*told) Anchor(context.Context, string) (trace.SpanContext, error) {
	return trace.SpanContext{}, nil
}

func TestTheCRMUnderstandsTheSimulator(t *testing.T) {
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	s, err := crm.New(t.Context(), crm.Config{DSN: storetest.SQLite(t), CarrierSecrets: []string{"sécret"}})
	require.NoError(t, err)
	order, mux := &told{}, http.NewServeMux()
	mux.Handle("/", s.Handler())
	s.People(mux, api.People{Orders: order})
	server := httptest.NewServer(mux)
	defer func() {
		server.Close()
		require.NoError(t, s.Close())
	}()
	client := api.NewClient(server.URL)
	_, err = client.Record(t.Context(), "o", lifecycle.ManufacturingApproved, api.Key("o", lifecycle.ManufacturingApproved, 1),
		api.StageRequest{Facts: lifecycle.Facts{Price: &lifecycle.Money{Amount: 1, Currency: "EUR"}}}, 0)
	require.NoError(t, err)
	_, err = client.ExpectParcel(t.Context(), lifecycle.Parcel{Order: "o", Carrier: "UPS", Tracking: "1Z999"})
	require.NoError(t, err)

	ups := carrier.Simulator{URL: server.URL, Secret: "sécret"}
	require.NoError(t, ups.Say(t.Context(), "1Z999", "UPS", lifecycle.ParcelInTransit))
	delivered := carrier.NewEvent("UPS", "1Z999", lifecycle.ParcelDelivered)
	require.NoError(t, ups.Send(t.Context(), delivered))
	require.NoError(t, ups.Send(t.Context(), delivered), "sent again")
	require.Equal(t, []lifecycle.ParcelStatus{lifecycle.ParcelInTransit, lifecycle.ParcelDelivered}, order.heard)

	stranger := carrier.Simulator{URL: server.URL, Secret: "guessed"}
	err = stranger.Say(t.Context(), "1Z999", "UPS", lifecycle.ParcelReturnToSender)
	var refusal *carrier.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, http.StatusUnauthorized, refusal.Status)
	require.ErrorContains(t, err, "not signed with the secret")
}
