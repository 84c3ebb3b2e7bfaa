package desk_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/desk"
)

// crowd is callers by their tokens.
type crowd map[string]api.Caller

func (c crowd) Caller(_ context.Context, token string) (api.Caller, error) {
	if caller, ok := c[token]; ok {
		return caller, nil
	}
	return api.Caller{}, &lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeUnauthorized, Detail: "nobody's"}
}

var everyone = crowd{
	"c1": {ID: "customer-1", Roles: []lifecycle.Role{lifecycle.Customer}},
	"c2": {ID: "customer-2", Roles: []lifecycle.Role{lifecycle.Customer}},
	"m":  {ID: "manager-3", Roles: []lifecycle.Role{lifecycle.Manager}},
	"o":  {ID: "operator-7", Roles: []lifecycle.Role{lifecycle.Operator}},
	"om": {ID: "boss", Roles: []lifecycle.Role{lifecycle.Operator, lifecycle.Manager}},
}

// owned is a workflow whose orders are customer-1's.
type owned struct{ *workflow }

func (o owned) Status(_ context.Context, order string) (lifecycle.Status, error) {
	return lifecycle.Status{OrderID: order, Customer: "customer-1"}, nil
}

func callAs(t *testing.T, w *workflow, system lifecycle.System, token, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	mux := http.NewServeMux()
	desk.Register(mux, system, api.People{Orders: owned{w}, Callers: everyone})
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, r)
	return answer
}

func TestNobodyActsInSomeoneElsesPlace(t *testing.T) {
	tests := map[string]struct {
		system     lifecycle.System
		token      string
		path, body string
		status     int
		by         string
	}{
		"by comes from the token":         {lifecycle.MES, "o", "take", `{}`, http.StatusOK, "operator-7"},
		"and may be said":                 {lifecycle.MES, "o", "take", `{"by":"operator-7"}`, http.StatusOK, "operator-7"},
		"but not otherwise":               {lifecycle.MES, "o", "take", `{"by":"operator-9"}`, http.StatusForbidden, ""},
		"nor in a rejection":              {lifecycle.CRM, "m", "reject", `{"by":"manager-4","reason":"thin"}`, http.StatusForbidden, ""},
		"nor in a hand-over":              {lifecycle.MES, "om", "hand-over", `{"by":"manager-4","from":"a","to":"b"}`, http.StatusForbidden, ""},
		"nor in a cancellation":           {lifecycle.CRM, "m", "cancel", `{"by":"customer-1"}`, http.StatusForbidden, ""},
		"a customer's order is theirs":    {lifecycle.Shop, "c1", "submit", `{}`, http.StatusOK, "customer-1"},
		"and does not exist for others":   {lifecycle.Shop, "c2", "submit", `{}`, http.StatusNotFound, ""},
		"nor to be cancelled":             {lifecycle.Shop, "c2", "cancel", `{}`, http.StatusNotFound, ""},
		"nor to be given another model":   {lifecycle.Shop, "c2", "upload", `{"material":"gold-585"}`, http.StatusNotFound, ""},
		"an operator is no manager":       {lifecycle.CRM, "o", "approve", `{}`, http.StatusForbidden, ""},
		"a stranger is nobody":            {lifecycle.CRM, "x", "approve", `{}`, http.StatusUnauthorized, ""},
		"a manager cancels for a company": {lifecycle.CRM, "m", "cancel", `{}`, http.StatusOK, "manager-3"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := &workflow{}
			answer := callAs(t, w, tc.system, tc.token, http.MethodPost, "/orders/ord-1/"+tc.path, tc.body)
			require.Equal(t, tc.status, answer.Code, answer.Body)
			if tc.status != http.StatusOK {
				require.Nil(t, w.asked)
				return
			}
			asked, err := json.Marshal(w.asked)
			require.NoError(t, err)
			require.Contains(t, string(asked), `"by":"`+tc.by+`"`)
		})
	}
}

func TestACustomerSeesTheirOwnOrdersAlone(t *testing.T) {
	for token, status := range map[string]int{"c1": http.StatusOK, "c2": http.StatusNotFound} {
		answer := callAs(t, &workflow{}, lifecycle.Shop, token, http.MethodGet, "/orders/ord-1/status", "")
		require.Equal(t, status, answer.Code)
	}
}

func TestAnOrderIsItsStarters(t *testing.T) {
	w := &workflow{started: map[string]api.NewOrder{}}
	answer := callAs(t, w, lifecycle.Shop, "c1", http.MethodPost, "/orders", `{"material":"silver-925"}`)
	require.Equal(t, http.StatusCreated, answer.Code)
	for _, in := range w.started {
		require.Equal(t, "customer-1", in.Customer)
	}
	answer = callAs(t, w, lifecycle.Shop, "c2", http.MethodPost, "/orders", `{"customer":"customer-1"}`)
	require.Equal(t, http.StatusForbidden, answer.Code)
	require.Len(t, w.started, 1)
}

// A customer's key says nothing of another's, though they chose the same.
func TestAKeyIsItsCustomers(t *testing.T) {
	w := &workflow{started: map[string]api.NewOrder{}}
	for _, token := range []string{"c1", "c2", "c1"} {
		mux := http.NewServeMux()
		desk.Register(mux, lifecycle.Shop, api.People{Orders: owned{w}, Callers: everyone})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/orders", strings.NewReader(`{}`))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Idempotency-Key", "the-same-key-of-two")
		mux.ServeHTTP(httptest.NewRecorder(), r)
	}
	require.Len(t, w.started, 2)
}
