package desk_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/desk"
)

// workflow stands for the orders' workflow: it remembers what it is asked, and
// answers as it is told to.
type workflow struct {
	api.Orders
	asked   lifecycle.Request
	key     string
	answer  error
	started map[string]api.NewOrder
	waiting lifecycle.Stage
	limit   int
}

func (w *workflow) Ask(_ context.Context, order, key string, r lifecycle.Request) (lifecycle.Status, error) {
	w.asked, w.key = r, key
	return lifecycle.Status{OrderID: order}, w.answer
}

func (w *workflow) Start(_ context.Context, order string, in api.NewOrder) (bool, error) {
	if _, ok := w.started[order]; ok || w.answer != nil {
		return false, w.answer
	}
	w.started[order] = in
	return true, nil
}

func (w *workflow) Waiting(_ context.Context, stage lifecycle.Stage, limit int) ([]lifecycle.Status, error) {
	w.waiting, w.limit = stage, limit
	return []lifecycle.Status{{OrderID: "ord-2"}, {OrderID: "ord-1"}}, w.answer
}

func (w *workflow) Status(_ context.Context, order string) (lifecycle.Status, error) {
	return lifecycle.Status{OrderID: order}, w.answer
}

func (w *workflow) Anchor(context.Context, string) (trace.SpanContext, error) {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}}), nil
}

// send makes a request at a system's desk.
func send(t *testing.T, w *workflow, system lifecycle.System, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	desk.Register(mux, system, api.People{Orders: w})
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, r)
	return answer
}

func TestEachRouteAsksOneThing(t *testing.T) {
	move := func(stage lifecycle.Stage, by string) lifecycle.Move { return lifecycle.Move{Stage: stage, By: by} }
	shipped := lifecycle.Move{Stage: lifecycle.Shipped, By: "o", Carrier: "UPS", Tracking: "1Z"}
	tests := map[string]struct {
		system lifecycle.System
		path   string
		body   string
		asks   lifecycle.Request
	}{
		"submit":                {lifecycle.Shop, "submit", `{"by":"c"}`, move(lifecycle.Submitted, "c")},
		"a move says its stage": {lifecycle.Shop, "submit", `{"stage":"SUBMITTED","by":"c"}`, move(lifecycle.Submitted, "c")},
		"upload":                {lifecycle.Shop, "upload", `{"material":"gold-585"}`, lifecycle.Upload{Material: "gold-585"}},
		"cancel at the shop":    {lifecycle.Shop, "cancel", `{"by":"c","reason":"r"}`, lifecycle.Cancellation{By: "c", Reason: "r"}},
		"cancel at the CRM":     {lifecycle.CRM, "cancel", `{"by":"m"}`, lifecycle.Cancellation{By: "m"}},
		"approve":               {lifecycle.CRM, "approve", `{"by":"m"}`, move(lifecycle.ManufacturingApproved, "m")},
		"reject":                {lifecycle.CRM, "reject", `{"by":"m","reason":"thin","field":"model"}`, lifecycle.Rejection{By: "m", Reason: "thin", Field: "model"}},
		"close":                 {lifecycle.CRM, "close", `{"by":"m","reason":"r"}`, lifecycle.Move{Stage: lifecycle.Closed, By: "m", Reason: "r"}},
		"take":                  {lifecycle.MES, "take", `{"by":"o"}`, move(lifecycle.ManufacturingStarted, "o")},
		"hand-over":             {lifecycle.MES, "hand-over", `{"by":"m","from":"o","to":"p"}`, lifecycle.HandOver{By: "m", From: "o", To: "p"}},
		"finish":                {lifecycle.MES, "finish", `{"by":"o"}`, move(lifecycle.ManufacturingCompleted, "o")},
		"pack":                  {lifecycle.MES, "pack", `{"by":"o"}`, move(lifecycle.Packaging, "o")},
		"ship":                  {lifecycle.MES, "ship", `{"by":"o","carrier":"UPS","tracking_number":"1Z"}`, shipped},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := &workflow{}
			answer := send(t, w, tc.system, http.MethodPost, "/orders/ord-1/"+tc.path, tc.body, "Idempotency-Key", "k")
			require.Equal(t, http.StatusOK, answer.Code, answer.Body)
			require.Equal(t, tc.asks, w.asked)
			require.Equal(t, "k", w.key)
			var moved api.Moved
			require.NoError(t, json.NewDecoder(answer.Body).Decode(&moved))
			require.Equal(t, "ord-1", moved.OrderID)
		})
	}
}

func TestARequestThatIsWrongIsNotAsked(t *testing.T) {
	for name, tc := range map[string]struct {
		path, body string
		status     int
	}{
		"no JSON":                {"take", `by operator`, http.StatusBadRequest},
		"an unknown field":       {"take", `{"by":"o","tool":"saw"}`, http.StatusBadRequest},
		"another stage":          {"take", `{"stage":"SHIPPED","by":"o"}`, http.StatusUnprocessableEntity},
		"a parcel with no name":  {"ship", `{"by":"o"}`, http.StatusUnprocessableEntity},
		"a parcel with no owner": {"ship", `{"by":"o","tracking_number":"1Z"}`, http.StatusUnprocessableEntity},
	} {
		t.Run(name, func(t *testing.T) {
			w := &workflow{}
			require.Equal(t, tc.status, send(t, w, lifecycle.MES, http.MethodPost, "/orders/ord-1/"+tc.path, tc.body).Code)
			require.Nil(t, w.asked)
		})
	}
}

func TestARefusalSaysWhy(t *testing.T) {
	w := &workflow{answer: &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeWrongPerson, Detail: "o has the order"}}
	answer := send(t, w, lifecycle.MES, http.MethodPost, "/orders/ord-1/finish", `{"by":"p"}`)
	require.Equal(t, http.StatusConflict, answer.Code)
	require.Contains(t, answer.Body.String(), `"code":"wrong_person"`)
}

func TestListsAreOfOrdersThatWait(t *testing.T) {
	for path, tc := range map[string]struct {
		system lifecycle.System
		stage  lifecycle.Stage
	}{
		"/approvals?limit=7":   {lifecycle.CRM, lifecycle.ManufacturingApproved},
		"/free-orders?limit=7": {lifecycle.MES, lifecycle.ManufacturingStarted},
	} {
		w := &workflow{}
		answer := send(t, w, tc.system, http.MethodGet, path, "")
		require.Equal(t, http.StatusOK, answer.Code)
		require.Equal(t, tc.stage, w.waiting)
		require.Equal(t, 7, w.limit)
		var orders []lifecycle.Status
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&orders))
		require.Equal(t, "ord-2", orders[0].OrderID, "in the workflow's order")
	}
}

func TestAnOrderIsStartedOnce(t *testing.T) {
	w := &workflow{started: map[string]api.NewOrder{}}
	begin := func(body string, header ...string) (id string, status int) {
		answer := send(t, w, lifecycle.Shop, http.MethodPost, "/orders", body, header...)
		var started struct {
			OrderID string `json:"order_id"`
		}
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&started))
		return started.OrderID, answer.Code
	}
	const key = "6f1c1f5e-6a0d-4a8e-9a76-2f6f3b1d2c11"
	id, status := begin(`{"material":"silver-925"}`, "Idempotency-Key", key)
	require.Equal(t, http.StatusCreated, status)
	require.Equal(t, api.NewOrder{Material: "silver-925", Attended: true}, w.started[id], "attended by default")
	again, status := begin(`{"material":"silver-925"}`, "Idempotency-Key", key)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, id, again)
	other, status := begin(`{"material":"silver-925","attended":false}`)
	require.Equal(t, http.StatusCreated, status)
	require.NotEqual(t, id, other)
	require.False(t, w.started[other].Attended)
	for name, body := range map[string]string{
		"no such source":     `{"source":"fax"}`,
		"a model that isn't": `{"model":{"digest":"ring.stl"}}`,
		"an odd material":    `{"material":"gold\u0000"}`,
	} {
		_, status = begin(body)
		require.Equal(t, http.StatusUnprocessableEntity, status, name)
	}
	_, status = begin(`{}`, "Idempotency-Key", "1")
	require.Equal(t, http.StatusUnprocessableEntity, status, "others count from one, too")
	require.Len(t, w.started, 2)
}
