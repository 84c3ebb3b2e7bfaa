package crm

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/store/storetest"
)

var (
	closed   = answer{Status: http.StatusOK, Result: "closed"}
	recorded = answer{Status: http.StatusOK, Result: "recorded"}
	repeated = answer{Status: http.StatusOK, Result: "repeated"}
	over     = answer{Status: http.StatusOK, Result: "ended"}
	ignored  = answer{Status: http.StatusOK, Result: "ignored"}
	kept     = answer{Status: http.StatusAccepted, Result: "kept"}
	silent   = answer{Status: http.StatusServiceUnavailable, Code: lifecycle.CodeUnavailable}
)

func TestAParcelOnItsWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		require.Empty(t, d.ship(t, "o1", "1Z 999"))
		require.Equal(t, recorded, d.send(t, news("e1", "1Z999", lifecycle.ParcelInTransit, 20)))
		require.Equal(t, closed, d.send(t, news("e2", "1Z999", lifecycle.ParcelDelivered, 10)))
		require.Equal(t, repeated, d.send(t, news("e2", "1Z999", lifecycle.ParcelDelivered, 10)))
		require.Equal(t, []string{"o1 e1 in_transit", "o1 e2 delivered"}, d.orders.all())
	})
}

func TestNewsThatComesBeforeTheOrderIsShipped(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		later := news("e2", "1Z", lifecycle.ParcelDelivered, 10)
		earlier := news("e1", "1Z", lifecycle.ParcelInTransit, 20)
		require.Equal(t, kept, d.send(t, later))
		require.Equal(t, kept, d.send(t, earlier))
		require.Equal(t, kept, d.send(t, earlier), "sent again, it is still early")

		early := d.ship(t, "o1", "1z")
		require.Equal(t, []lifecycle.CarrierEvent{
			{ID: "e1", Status: lifecycle.ParcelInTransit, At: earlier.At.UTC()},
			{ID: "e2", Status: lifecycle.ParcelDelivered, At: later.At.UTC()},
		}, early)
		require.Equal(t, repeated, d.send(t, later), "the order knows it from the answer")
		require.Equal(t, recorded, d.send(t, news("e3", "1Z", lifecycle.ParcelReturnToSender, 0)))
		require.Equal(t, early, d.ship(t, "o1", "1Z"), "asked again, the same answer")
		require.Equal(t, []string{"o1 e3 return_to_sender"}, d.orders.all())
	})
}

func TestNewsWhileNobodyAnswersForTheOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		d.ship(t, "o1", "1Z")
		first, second := news("e1", "1Z", lifecycle.ParcelInTransit, 20), news("e2", "1Z", lifecycle.ParcelDelivered, 10)
		d.orders.answers(errSilent)
		require.Equal(t, silent, d.send(t, second))
		require.Equal(t, silent, d.send(t, first))
		require.Empty(t, d.orders.all())

		d.orders.answers(nil)
		require.Equal(t, closed, d.send(t, second), "the carrier sends it again")
		require.Equal(t, []string{"o1 e1 in_transit", "o1 e2 delivered"}, d.orders.all(), "with what was not told, the oldest first")
		require.Equal(t, repeated, d.send(t, first))
	})
}

func TestAnOrderThatAskedAgainHearsWhatNobodyToldIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		d.ship(t, "o1", "1Z")
		d.orders.answers(errSilent)
		require.Equal(t, silent, d.send(t, news("e1", "1Z", lifecycle.ParcelDelivered, 10)))
		require.Len(t, d.ship(t, "o1", "1Z"), 1)
		d.orders.answers(nil)
		require.Equal(t, repeated, d.send(t, news("e1", "1Z", lifecycle.ParcelDelivered, 10)))
	})
}

func TestNewsForAnOrderThatIsOver(t *testing.T) {
	for name, answer := range map[string]error{"ended": errEnded, "and forgotten": errGone} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, dsn string) {
				d := openDock(t, dsn, secret)
				d.ship(t, "o1", "1Z")
				d.orders.answers(answer)
				require.Equal(t, over, d.send(t, news("e1", "1Z", lifecycle.ParcelReturnToSender, 10)))
				d.orders.answers(nil)
				require.Equal(t, repeated, d.send(t, news("e1", "1Z", lifecycle.ParcelReturnToSender, 10)))
				require.Empty(t, d.orders.all())
				var p Parcel
				require.Equal(t, http.StatusOK, d.get(t, "/orders/o1/parcel", &p))
				require.Equal(t, lifecycle.ParcelReturnToSender, p.Status, "the managers see it")
			})
		})
	}
}

func TestTheCRMRemembersEventsOverARestart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		e := news("e1", "1Z", lifecycle.ParcelDelivered, 10)
		var before *told
		t.Run("before", func(t *testing.T) {
			d := openDock(t, dsn, secret)
			d.ship(t, "o1", "1Z")
			require.Equal(t, closed, d.send(t, e))
			before = d.orders
		})
		require.Len(t, before.all(), 1)
		d := openDock(t, dsn, secret)
		require.Equal(t, repeated, d.send(t, e))
		require.Empty(t, d.orders.all())
	})
}

func TestTwoCarriersMayGiveTheSameNumber(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		d.ship(t, "o1", "1Z")
		_, err := d.client.ExpectParcel(t.Context(), lifecycle.Parcel{Order: "o2", Carrier: "DHL Express", Tracking: "1Z"})
		require.NoError(t, err)
		other := news("e1", "1z", lifecycle.ParcelInTransit, 0)
		other.Carrier = "DHLExpress"
		require.Equal(t, recorded, d.send(t, other))
		require.Equal(t, recorded, d.send(t, news("e2", "1Z", lifecycle.ParcelInTransit, 0)))
		require.Equal(t, []string{"o2 e1 in_transit", "o1 e2 in_transit"}, d.orders.all())
	})
}

func TestWhatIsNoNewsHarmsNoOrder(t *testing.T) {
	good, err := news("e1", "1Z", lifecycle.ParcelDelivered, 10).Body()
	require.NoError(t, err)
	stale, err := news("e1", "1Z", lifecycle.ParcelDelivered, 8*24*3600).Body()
	require.NoError(t, err)
	future, err := news("e1", "1Z", lifecycle.ParcelDelivered, -3600).Body()
	require.NoError(t, err)
	long := append(bytes.Clone(good), strings.Repeat(" ", 64<<10)...)
	filled := append(bytes.Clone(good), strings.Repeat(" ", 64<<10-len(good))...)
	strange := bytes.ReplaceAll(good, []byte(`"status":"delivered"`), []byte(`"status":"teleported"`))
	refused := func(status int, code string) answer { return answer{Status: status, Code: code} }
	for name, c := range map[string]struct {
		body      []byte
		signature string
		want      answer
	}{
		"unsigned":                 {good, "", refused(http.StatusUnauthorized, "unauthorized")},
		"signed by somebody else":  {good, carrier.Sign("other", good), refused(http.StatusUnauthorized, "unauthorized")},
		"changed on the way":       {strange, carrier.Sign(secret, good), refused(http.StatusUnauthorized, "unauthorized")},
		"unsigned and malformed":   {[]byte("{"), "", refused(http.StatusUnauthorized, "unauthorized")},
		"malformed":                {[]byte("{"), carrier.Sign(secret, []byte("{")), refused(http.StatusBadRequest, "malformed")},
		"empty":                    {nil, carrier.Sign(secret, nil), refused(http.StatusBadRequest, "malformed")},
		"oversized":                {long, carrier.Sign(secret, long), refused(http.StatusRequestEntityTooLarge, "too_large")},
		"oversized and unsigned":   {long, "", refused(http.StatusRequestEntityTooLarge, "too_large")},
		"stale":                    {stale, carrier.Sign(secret, stale), refused(http.StatusUnprocessableEntity, "invalid_request")},
		"from the future":          {future, carrier.Sign(secret, future), refused(http.StatusUnprocessableEntity, "invalid_request")},
		"a status that is unknown": {strange, carrier.Sign(secret, strange), ignored},
		"about something else": {[]byte(`{"description":"batch.created"}`),
			carrier.Sign(secret, []byte(`{"description":"batch.created"}`)), ignored},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, dsn string) {
				d := openDock(t, dsn, secret)
				d.ship(t, "o1", "1Z")
				require.Equal(t, c.want, d.post(t, c.body, c.signature))
				require.Empty(t, d.orders.all())
				require.Equal(t, closed, d.post(t, filled, carrier.Sign(secret, filled)), "the good one, as large as may be, is new")
			})
		})
	}
}

func TestWithoutASecretTheWebhookSaysWhatToSet(t *testing.T) {
	d := openDock(t, storetest.SQLite(t))
	body, err := news("e1", "1Z", lifecycle.ParcelDelivered, 0).Body()
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/webhooks/carrier", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("X-Hmac-Signature", carrier.Sign("", body))
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var said bytes.Buffer
	_, err = said.ReadFrom(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Contains(t, said.String(), "CARRIER_SECRET")
}

func TestTheRequestStandsInTheOrdersTraceAndTellsNothingOfPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		d.ship(t, "o1", "1Z999")
		require.Equal(t, closed, d.send(t, news("e1", "1Z999", lifecycle.ParcelDelivered, 0)))
		require.Equal(t, kept, d.send(t, news("e2", "unknown", lifecycle.ParcelDelivered, 0)))

		requests := map[string]sdktrace.ReadOnlySpan{}
		for _, span := range d.spans.Ended() {
			for _, a := range span.Attributes() {
				for _, private := range []string{"1Z999", "TESTER", "PFORZHEIM"} {
					require.NotContains(t, a.Value.String(), private, a.Key)
				}
				if a.Key == "carrier.event.id" {
					requests[a.Value.AsString()] = span
				}
			}
		}
		span := requests["e1"]
		require.NotNil(t, span)
		require.Equal(t, "POST /webhooks/carrier", span.Name())
		require.Equal(t, anchorOf("o1").TraceID(), span.SpanContext().TraceID())
		require.Contains(t, span.Attributes(), attribute.String("parcel.status", "delivered"))
		require.NotNil(t, requests["e2"])
		require.NotEqual(t, anchorOf("o1").TraceID(), requests["e2"].SpanContext().TraceID())
	})
}

// slow are orders that take their time.
type slow struct {
	told
	takes time.Duration
}

func (o *slow) Carrier(ctx context.Context, order string, e lifecycle.CarrierEvent) error {
	select {
	case <-time.After(o.takes):
		return o.told.Carrier(ctx, order, e)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestASenderMayNotTrickleAndAnOrderMayTakeItsTime(t *testing.T) {
	d := openDock(t, storetest.SQLite(t), secret)
	d.ship(t, "o1", "1Z")
	d.seal.patience = 100 * time.Millisecond
	mux := http.NewServeMux()
	d.carrierRoutes(mux, api.People{Orders: &slow{takes: 4 * d.seal.patience}})
	server := httptest.NewServer(mux)
	defer server.Close()
	d.url = server.URL
	require.Equal(t, closed, d.send(t, news("e1", "1Z", lifecycle.ParcelDelivered, 0)))

	connection, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer connection.Close()
	_, err = io.WriteString(connection, "POST /webhooks/carrier HTTP/1.1\r\nHost: crm\r\nContent-Length: 1000\r\n\r\n{")
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(10*time.Second)))
	line, err := bufio.NewReader(connection).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 400 Bad Request\r\n", line)
}
