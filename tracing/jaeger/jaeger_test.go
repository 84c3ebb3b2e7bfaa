package jaeger_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/tracing/jaeger"
)

// An answer as Jaeger 2.13 gives it, cut to one span.
const answer = `{"data":[{"traceID":"0af7651916cd43dd8448eb211c80319c","spans":[{
 "traceID":"0af7651916cd43dd8448eb211c80319c","spanID":"b7ad6b7169203331","operationName":"CLOSED",
 "references":[{"refType":"CHILD_OF","traceID":"0af7651916cd43dd8448eb211c80319c","spanID":"00f067aa0ba902b7"},
               {"refType":"FOLLOWS_FROM","traceID":"4bf92f3577b34da6a3ce929d0e0e4736","spanID":"53995c3f42cd8ad8"}],
 "startTime":1700000000000001,"duration":1500,
 "tags":[{"key":"temporalAttempt","type":"int64","value":2},{"key":"error","type":"bool","value":true}],
 "processID":"p1","warnings":null}],"processes":{"p1":{"serviceName":"crm","tags":[]}}}]}`

func TestTrace(t *testing.T) {
	id, err := trace.TraceIDFromHex("0af7651916cd43dd8448eb211c80319c")
	require.NoError(t, err)
	tests := map[string]struct {
		status int
		body   string
		check  func(*testing.T, []jaeger.Span, error)
	}{
		"a span": {http.StatusOK, answer, func(t *testing.T, spans []jaeger.Span, err error) {
			require.NoError(t, err)
			require.Len(t, spans, 1)
			s := spans[0]
			require.Equal(t, "crm", s.Service)
			require.Equal(t, "00f067aa0ba902b7", s.Parent)
			require.Equal(t, []jaeger.Link{{Trace: "4bf92f3577b34da6a3ce929d0e0e4736", Span: "53995c3f42cd8ad8"}}, s.Links)
			require.Equal(t, "2", s.Tags["temporalAttempt"])
			require.True(t, s.Failed())
			require.Equal(t, time.UnixMicro(1700000000001501).UTC(), s.End())
		}},
		"no such trace": {http.StatusNotFound, `{"data":null,"errors":[{"code":404}]}`, func(t *testing.T, _ []jaeger.Span, err error) {
			require.ErrorIs(t, err, jaeger.ErrNotFound)
		}},
		"an empty answer": {http.StatusOK, `{"data":[]}`, func(t *testing.T, _ []jaeger.Span, err error) {
			require.ErrorIs(t, err, jaeger.ErrNotFound)
		}},
		"not Jaeger": {http.StatusOK, `<html>`, func(t *testing.T, _ []jaeger.Span, err error) {
			require.ErrorContains(t, err, "jaeger's answer")
		}},
		"not for nobody": {http.StatusUnauthorized, "no basic auth provided\n", func(t *testing.T, _ []jaeger.Span, err error) {
			require.ErrorIs(t, err, jaeger.ErrUnauthorized)
		}},
		"not for this user, says a proxy": {http.StatusForbidden, `<html>`, func(t *testing.T, _ []jaeger.Span, err error) {
			require.ErrorIs(t, err, jaeger.ErrUnauthorized)
		}},
		"trouble": {http.StatusInternalServerError, ``, func(t *testing.T, _ []jaeger.Span, err error) {
			require.ErrorContains(t, err, "500")
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/traces/"+id.String() {
					http.Error(w, "another address", http.StatusTeapot)
				}
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer server.Close()
			spans, err := jaeger.NewClient(server.URL+"/", nil).Trace(t.Context(), id)
			tc.check(t, spans, err)
		})
	}
}

func TestClientSignsIn(t *testing.T) {
	type user struct {
		name, password string
		known          bool
	}
	for name, tc := range map[string]struct {
		user *url.Userinfo
		want user
	}{
		"as nobody":  {nil, user{}},
		"as someone": {url.UserPassword("trace-viewer", "p:ss wörd"), user{"trace-viewer", "p:ss wörd", true}},
	} {
		t.Run(name, func(t *testing.T) {
			var got user
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got.name, got.password, got.known = r.BasicAuth()
				_, _ = w.Write([]byte(answer))
			}))
			defer server.Close()
			_, err := jaeger.NewClient(server.URL, tc.user).Find(t.Context(), "crm", "k", "v")
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}
