package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
)

func TestErrorsCrossTheWireWhole(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		want   lifecycle.Error
	}{
		"wrong input": {
			&lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidModel, Field: "model", Detail: "it is open"},
			http.StatusUnprocessableEntity,
			lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidModel, Field: "model", Detail: "it is open"},
		},
		"wrapped on its way": {
			fmt.Errorf("price: %w", &lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeUnknownRate, Field: "material", Detail: "no such material"}),
			http.StatusUnprocessableEntity,
			lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeUnknownRate, Field: "material", Detail: "no such material"},
		},
		"not JSON": {
			&lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeMalformed, Field: "body", Detail: "not JSON"},
			http.StatusBadRequest,
			lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeMalformed, Field: "body", Detail: "not JSON"},
		},
		"too large": {
			&lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeTooLarge, Field: "model", Detail: "at most 512 MiB"},
			http.StatusRequestEntityTooLarge,
			lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeTooLarge, Field: "model", Detail: "at most 512 MiB"},
		},
		"an order that is elsewhere": {
			&lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "it has ended"},
			http.StatusConflict,
			lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "it has ended"},
		},
		"an order that is unknown": {
			&lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "no such order"},
			http.StatusNotFound,
			lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "no such order"},
		},
		"busy": {
			&lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "the MES is stopping"},
			http.StatusServiceUnavailable,
			lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "the MES is stopping"},
		},
		"trouble of its own, whose words stay at home": {
			errors.New(`insert into orders: password of "jane" is wrong`),
			http.StatusServiceUnavailable,
			lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "the system has a problem of its own; the same call may succeed later"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			WriteProblem(w, httptest.NewRequest(http.MethodGet, "/", nil), tc.err)
			resp := w.Result()
			require.Equal(t, tc.status, resp.StatusCode)
			require.Equal(t, problemType, resp.Header.Get("Content-Type"))
			var got *lifecycle.Error
			require.ErrorAs(t, problemOf(resp), &got)
			require.Equal(t, tc.want, *got)
		})
	}
}

func TestProblemNamesTheRequestsSpan(t *testing.T) {
	sc := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	w := httptest.NewRecorder()
	WriteProblem(w, r.WithContext(trace.ContextWithSpanContext(r.Context(), sc)), errors.New("disk full"))
	require.JSONEq(t, `{
		"title": "Service Unavailable", "status": 503, "code": "unavailable", "remedy": "retry",
		"detail": "the system has a problem of its own; the same call may succeed later",
		"trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000"
	}`, w.Body.String())
}

// A vendor's system may know nothing of problem+json, or half of it.
func TestVendorsErrorsAreUnderstoodByTheirStatus(t *testing.T) {
	const plain = "text/plain; charset=utf-8"
	tests := map[string]struct {
		status     int
		kind, body string
		want       lifecycle.Error
	}{
		"bad request":           {400, plain, "no", lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidRequest, Detail: "answered 400 Bad Request"}},
		"unprocessable":         {422, plain, "no", lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidRequest, Detail: "answered 422 Unprocessable Entity"}},
		"our key has expired":   {401, plain, "no", lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "answered 401 Unauthorized"}},
		"we may not":            {403, plain, "no", lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "answered 403 Forbidden"}},
		"a proxy wants a login": {407, plain, "no", lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "answered 407 Proxy Authentication Required"}},
		"not found":             {404, plain, "no", lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "answered 404 Not Found"}},
		"gone":                  {410, plain, "no", lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "answered 410 Gone"}},
		"conflict":              {409, plain, "no", lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "answered 409 Conflict"}},
		"precondition":          {412, plain, "no", lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "answered 412 Precondition Failed"}},
		"timeout":               {408, plain, "no", lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "answered 408 Request Timeout"}},
		"too many":              {429, plain, "no", lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "answered 429 Too Many Requests"}},
		"its own error":         {500, "text/html", "<h1>oops</h1>", lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "answered 500 Internal Server Error"}},
		"a problem without our members": {409, "application/problem+json; charset=utf-8", `{"type":"about:blank","detail":"shipped already"}`,
			lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "shipped already"}},
		"a remedy that we do not know": {422, problemType, `{"remedy":"pray","code":"own_code"}`,
			lifecycle.Error{Remedy: lifecycle.FixInput, Code: "own_code", Detail: "answered 422 Unprocessable Entity"}},
		"a problem that is none": {503, problemType, `{"detail":`, lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "answered 503 Service Unavailable"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.kind)
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer server.Close()
			_, err := NewClient(server.URL).Order(t.Context(), "ord-1")
			var got *lifecycle.Error
			require.ErrorAs(t, err, &got)
			require.Equal(t, tc.want, *got)
		})
	}
}

func TestReadJSON(t *testing.T) {
	tests := map[string]struct {
		body   string
		status int // 0: it is read
	}{
		"one object":              {`{"by":"manual","facts":{}}`, 0},
		"with space around it":    {" \n{}\n ", 0},
		"nothing":                 {``, http.StatusBadRequest},
		"cut short":               {`{"by":`, http.StatusBadRequest},
		"a list":                  {`[]`, http.StatusBadRequest},
		"a wrong type":            {`{"by":7}`, http.StatusBadRequest},
		"an unknown member":       {`{"by":"x","to":"y"}`, http.StatusBadRequest},
		"two objects":             {`{}{}`, http.StatusBadRequest},
		"a bracket too many":      {`{}}`, http.StatusBadRequest},
		"words after it":          {`{} and more`, http.StatusBadRequest},
		"just within 1 MiB":       {`{"reason":"` + strings.Repeat("x", maxJSON-13) + `"}`, 0},
		"beyond 1 MiB":            {`{"reason":"` + strings.Repeat("x", maxJSON) + `"}`, http.StatusRequestEntityTooLarge},
		"1 MiB of space after it": {`{}` + strings.Repeat(" ", maxJSON), http.StatusRequestEntityTooLarge},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var in StageRequest
			err := ReadJSON(httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, "/", strings.NewReader(tc.body)), &in)
			if tc.status == 0 {
				require.NoError(t, err)
				return
			}
			require.Equal(t, tc.status, Status(err))
			var e *lifecycle.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, [2]string{string(lifecycle.FixInput), "body"}, [2]string{string(e.Remedy), e.Field})
		})
	}
}
