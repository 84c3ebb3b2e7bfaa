package crm

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// told are orders that write down what they are told, or answer with an error.
type told struct {
	api.Orders
	mu     sync.Mutex
	heard  []string // "ORDER EVENT STATUS"
	answer error
}

var (
	errSilent = &lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "nobody answers"}
	errEnded  = &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeEnded, Detail: "the order has ended"}
	errGone   = &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "no such order"}
)

func (o *told) Carrier(_ context.Context, order string, e lifecycle.CarrierEvent) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answer == nil {
		o.heard = append(o.heard, order+" "+e.ID+" "+string(e.Status))
	}
	return o.answer
}

func (o *told) answers(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = err
}

// all is what the orders heard so far.
func (o *told) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string{}, o.heard...)
}

func (o *told) Anchor(_ context.Context, order string) (trace.SpanContext, error) {
	return anchorOf(order), nil
}

func anchorOf(order string) trace.SpanContext {
	var id trace.TraceID
	copy(id[:], order)
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: true})
}

// dock is a CRM where carriers call. It knows the orders o1 and o2.
type dock struct {
	*System
	client *api.Client
	url    string
	orders *told
	spans  *tracetest.SpanRecorder
}

const secret = "sécret"

func openDock(t testing.TB, dsn string, secrets ...string) dock {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	s, err := New(t.Context(), Config{DSN: dsn, TracerProvider: provider, CarrierSecrets: secrets})
	require.NoError(t, err)
	orders, mux := &told{}, http.NewServeMux()
	mux.Handle("/", s.Handler())
	s.People(mux, api.People{Orders: orders, TracerProvider: provider})
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, s.Close())
	})
	d := dock{System: s, client: api.NewClient(server.URL), url: server.URL, orders: orders, spans: spans}
	for _, order := range []string{"o1", "o2"} {
		_, err := d.client.Record(t.Context(), order, lifecycle.ManufacturingApproved, api.Key(order, lifecycle.ManufacturingApproved, 1),
			api.StageRequest{Facts: lifecycle.Facts{Price: &lifecycle.Money{Amount: 1, Currency: "EUR"}}}, 0)
		require.NoError(t, err)
	}
	return d
}

// ship has an order shipped by UPS.
func (d dock) ship(t testing.TB, order, tracking string) []lifecycle.CarrierEvent {
	t.Helper()
	early, err := d.client.ExpectParcel(t.Context(), lifecycle.Parcel{Order: order, Carrier: "UPS", Tracking: tracking})
	require.NoError(t, err)
	return early
}

// answer is what the webhook says: the result, or a problem's code.
type answer struct {
	Status int
	Result string `json:"result"`
	Code   string `json:"code"`
}

func (d dock) send(t testing.TB, e carrier.Event) answer {
	t.Helper()
	body, err := e.Body()
	require.NoError(t, err)
	return d.post(t, body, carrier.Sign(secret, body))
}

func (d dock) post(t testing.TB, body []byte, signature string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/webhooks/carrier", bytes.NewReader(body))
	require.NoError(t, err)
	if signature != "" {
		req.Header.Set("X-Hmac-Signature", signature)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	a := answer{Status: resp.StatusCode}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&a))
	return a
}

// get reads what managers see.
func (d dock) get(t testing.TB, path string, out any) int {
	t.Helper()
	resp, err := http.Get(d.url + path) //nolint:noctx // a test
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, out))
	return resp.StatusCode
}

// news is what UPS says of a parcel, some seconds ago.
func news(id, tracking string, status lifecycle.ParcelStatus, secondsAgo int) carrier.Event {
	at := time.Now().Truncate(time.Second).Add(-time.Duration(secondsAgo) * time.Second)
	return carrier.Event{ID: id, Carrier: "UPS", Tracking: tracking, Status: status, At: at}
}
