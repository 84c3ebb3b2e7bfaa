package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

func TestPreferredWait(t *testing.T) {
	tests := map[string]struct {
		prefer []string
		want   time.Duration
	}{
		"none":                     {nil, 0},
		"seconds":                  {[]string{"wait=30"}, 30 * time.Second},
		"among others":             {[]string{"respond-async, wait=5"}, 5 * time.Second},
		"in a second header":       {[]string{"respond-async", "wait=5"}, 5 * time.Second},
		"with a parameter":         {[]string{"wait=5; foo=bar"}, 5 * time.Second},
		"in quotes":                {[]string{`wait="5"`}, 5 * time.Second},
		"in capitals":              {[]string{"Wait=5"}, 5 * time.Second},
		"with space":               {[]string{"wait = 5"}, 5 * time.Second},
		"another's name":           {[]string{"await=5"}, 0},
		"no number":                {[]string{"wait=soon"}, 0},
		"negative":                 {[]string{"wait=-5"}, 0},
		"zero":                     {[]string{"wait=0"}, 0},
		"longer than anyone lives": {[]string{"wait=9223372036854775"}, maxWait},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPut, "/", nil)
			r.Header["Prefer"] = tc.prefer
			require.Equal(t, tc.want, preferredWait(r))
		})
	}
}

func TestLimitOf(t *testing.T) {
	for query, want := range map[string]int{
		"": 50, "limit=7": 7, "limit=1000": 1000, "limit=1001": 1000, "limit=0": 50, "limit=-1": 50, "limit=all": 50, "limit=99999999999999999999": 50,
	} {
		require.Equal(t, want, limitOf(httptest.NewRequest(http.MethodGet, "/orders?"+query, nil)), query)
	}
}

func TestRouteOf(t *testing.T) {
	for path, want := range map[string]string{
		"/healthz":                                "/healthz",
		"/models":                                 "/models",
		"/models/sha256-abc":                      "/models/{digest}",
		"/orders":                                 "/orders",
		"/orders/ord-1":                           "/orders/{order}",
		"/orders/ord-1/outcome":                   "/orders/{order}/outcome",
		"/orders/ord-1/parcel":                    "/orders/{order}/parcel",
		"/orders/ord-1/stages/CLOSED":             "/orders/{order}/stages/{stage}",
		"/orders/ord-1/stages/CLOSED/undo":        "/orders/{order}/stages/{stage}/undo",
		"/mes/v2/orders/ord-1/stages/CLOSED":      "/orders/{order}/stages/{stage}",
		"/":                                       "/…",
		"/jane.doe@example.org":                   "/…",
		"/orders/ord-1/jane.doe@example.org":      "/…",
		"/orders/ord-1/stages/CLOSED/jane":        "/…",
		"/models/sha256-abc/jane.doe@example.org": "/…",
	} {
		require.Equal(t, want, routeOf(path), path)
	}
}

// fake is a system whose answers are the test's.
type fake struct {
	System
	answer StageAnswer
	err    error
	wait   time.Duration
}

func (f *fake) Record(_ context.Context, _ string, _ lifecycle.Stage, _ string, _ StageRequest, wait time.Duration) (StageAnswer, error) {
	f.wait = wait
	return f.answer, f.err
}

func (f *fake) Ping(context.Context) error { return f.err }

func served(t *testing.T, s System) string {
	mux := http.NewServeMux()
	Register(mux, lifecycle.MES, s)
	server := httptest.NewServer(Traced(mux, "mes-api"))
	t.Cleanup(server.Close)
	return server.URL
}

func TestSpansAreNamedByTheirRoute(t *testing.T) {
	for want, r := range map[string]*http.Request{
		"GET /orders/{order}":  httptest.NewRequest(http.MethodGet, "/orders/ord-1?limit=1", nil),
		"HTTP /orders/{order}": httptest.NewRequest("JANE", "/orders/ord-1", nil),
		"PUT /…":               httptest.NewRequest(http.MethodPut, "/jane/doe", nil),
	} {
		require.Equal(t, want, spanName("", r))
	}
}

func TestRecordIsRefusedBeforeTheSystemSeesIt(t *testing.T) {
	tests := map[string]struct {
		stage, key, body string
		status           int
		field            string
	}{
		"a stage that does not exist":  {"MELTED", "k", "{}", http.StatusUnprocessableEntity, "stage"},
		"another system's stage":       {"CLOSED", "k", "{}", http.StatusUnprocessableEntity, "stage"},
		"without an Idempotency-Key":   {"PACKAGING", "", "{}", http.StatusUnprocessableEntity, "Idempotency-Key"},
		"with a body that is not JSON": {"PACKAGING", "k", "by=jane", http.StatusBadRequest, "body"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			url := served(t, &fake{err: errors.New("it was asked")})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/orders/ord-1/stages/"+tc.stage, strings.NewReader(tc.body))
			require.NoError(t, err)
			if tc.key != "" {
				req.Header.Set("Idempotency-Key", tc.key)
			}
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, tc.status, resp.StatusCode)
			var p Problem
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&p))
			require.Equal(t, tc.field, p.Field)
			require.Equal(t, lifecycle.FixInput, p.Remedy)
		})
	}
}

func TestHealth(t *testing.T) {
	for name, err := range map[string]error{"well": nil, "its database is away": errors.New("no database")} {
		t.Run(name, func(t *testing.T) {
			resp, got := http.Get(served(t, &fake{err: err}) + "/healthz")
			require.NoError(t, got)
			defer resp.Body.Close()
			require.Equal(t, err == nil, resp.StatusCode == http.StatusOK)
		})
	}
}
