package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

func TestRecordTellsWhetherTheStageIsDone(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		want   StageAnswer
	}{
		"done":                       {http.StatusOK, `{"facts":{"carrier":"dhl"}}`, StageAnswer{Facts: lifecycle.Facts{Carrier: "dhl"}, Done: true}},
		"at it":                      {http.StatusAccepted, `{"facts":{},"progress":0.25}`, StageAnswer{Progress: 0.25}},
		"a vendor's: created":        {http.StatusCreated, `{"facts":{}}`, StageAnswer{Done: true}},
		"a vendor's: nothing to say": {http.StatusNoContent, ``, StageAnswer{Done: true}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}))
			defer server.Close()
			got, err := NewClient(server.URL).Record(t.Context(), "ord-1", lifecycle.Shipped, "k", StageRequest{}, 0)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestRecordSaysHowLongItWaits(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{0: 0, 30 * time.Second: 30 * time.Second, 100 * time.Millisecond: time.Second} {
		s := &fake{answer: StageAnswer{Done: true}}
		_, err := NewClient(served(t, s)+"/").Record(t.Context(), "ord-1", lifecycle.PriceCalculated, "k", StageRequest{}, wait)
		require.NoError(t, err)
		require.Equal(t, want, s.wait, wait)
	}
}

func TestAddressThatIsNone(t *testing.T) {
	for name, base := range map[string]string{"no scheme": "127.0.0.1:8081", "control characters": "http://a\x00b"} {
		t.Run(name, func(t *testing.T) {
			_, err := NewClient(base).Upload(t.Context(), strings.NewReader("solid"), 5)
			require.Error(t, err)
			_, _, err = NewClient(base).Model(t.Context(), "sha256-a")
			require.Error(t, err)
		})
	}
}

func TestOrderNumbersAreEscaped(t *testing.T) {
	var path string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.EscapedPath()
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	_, err := NewClient(server.URL).Order(t.Context(), "a/b?c#d")
	require.NoError(t, err)
	require.Equal(t, "/orders/a%2Fb%3Fc%23d", path)
}
