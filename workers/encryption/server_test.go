package encryption

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	uiURL    = "http://127.0.0.1:8233"
	operator = "Bearer operator's"
)

// served is a codec server that knows one operator by a token.
func served(t *testing.T, keys Keys) string {
	s := httptest.NewServer(Server{
		Codec: keys.Codec(), UI: uiURL + "/some/path",
		Allowed: func(r *http.Request) bool { return r.Header.Get("Authorization") == operator },
	}.Handler())
	t.Cleanup(s.Close)
	return s.URL
}

// ask makes a request as the UI's page does; headers are "Name: value".
func ask(t *testing.T, method, url string, body []byte, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(answer)
}

func body(t *testing.T, payloads ...*commonpb.Payload) []byte {
	t.Helper()
	b, err := protojson.Marshal(&commonpb.Payloads{Payloads: payloads})
	require.NoError(t, err)
	return b
}

func TestOnlyTheAllowedReadPayloads(t *testing.T) {
	keys := keysOf(t, NewKey("a"))
	url := served(t, keys)
	plain, secret := payload(t, canary), encoded(t, keys.Codec(), payload(t, canary))
	for name, tc := range map[string]struct {
		headers []string
		status  int
	}{
		"an operator in the UI":       {[]string{"Origin: " + uiURL, "Authorization: " + operator}, http.StatusOK},
		"an operator's program":       {[]string{"Authorization: " + operator}, http.StatusOK},
		"nobody":                      {[]string{"Origin: " + uiURL}, http.StatusUnauthorized},
		"somebody else":               {[]string{"Origin: " + uiURL, "Authorization: Bearer viewer's"}, http.StatusUnauthorized},
		"an operator on another page": {[]string{"Origin: http://evil.example", "Authorization: " + operator}, http.StatusForbidden},
		"a page without an origin":    {[]string{"Origin: null", "Authorization: " + operator}, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			headers := append(tc.headers, "Content-Type: application/json", "X-Namespace: default")
			for _, path := range []string{"/decode", "/encode", "/decode?preserveStorageRefs=true"} {
				resp, answer := ask(t, http.MethodPost, url+path, body(t, secret, plain), headers...)
				require.Equal(t, tc.status, resp.StatusCode, path)
				require.Equal(t, uiURL, resp.Header.Get("Access-Control-Allow-Origin"))
				require.Equal(t, "true", resp.Header.Get("Access-Control-Allow-Credentials"))
				require.NotContains(t, resp.Header.Get("WWW-Authenticate"), "Basic", "no window asks for a password")
				if tc.status != http.StatusOK {
					require.NotContains(t, answer, string(plain.Data))
				}
			}
		})
	}
}

func TestServerDecodesAndEncodes(t *testing.T) {
	keys := keysOf(t, NewKey("a"))
	url := served(t, keys)
	plain := payload(t, canary)
	read := func(path string, payloads ...*commonpb.Payload) []*commonpb.Payload {
		resp, answer := ask(t, http.MethodPost, url+path, body(t, payloads...), "Authorization: "+operator)
		require.Equal(t, http.StatusOK, resp.StatusCode, answer)
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		var out commonpb.Payloads
		require.NoError(t, protojson.Unmarshal([]byte(answer), &out))
		return out.Payloads
	}
	hidden := read("/encode", plain)
	require.Len(t, hidden, 1)
	require.NotContains(t, hidden[0].String(), canary)
	shown := read("/decode", hidden[0], plain)
	require.Len(t, shown, 2)
	requireSame(t, plain, shown[0])
	requireSame(t, plain, shown[1])
}

func TestServerRefusesWhatItCannotRead(t *testing.T) {
	url := served(t, keysOf(t, NewKey("a")))
	for name, tc := range map[string]struct {
		method, path string
		body         []byte
		status       int
		says         string
	}{
		"an unknown key":      {http.MethodPost, "/decode", body(t, encoded(t, keysOf(t, NewKey("b")).Codec(), payload(t, canary))), http.StatusBadRequest, `key "b"`},
		"not payloads":        {http.MethodPost, "/decode", []byte("[]"), http.StatusBadRequest, ""},
		"too much":            {http.MethodPost, "/decode", bytes.Repeat([]byte(" "), maxBody+1), http.StatusBadRequest, "too large"},
		"another path":        {http.MethodPost, "/download", nil, http.StatusNotFound, ""},
		"a path that ends so": {http.MethodPost, "/x/decode", nil, http.StatusNotFound, ""},
		"another method":      {http.MethodGet, "/decode", nil, http.StatusMethodNotAllowed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, answer := ask(t, tc.method, url+tc.path, tc.body, "Authorization: "+operator)
			require.Equal(t, tc.status, resp.StatusCode)
			require.Contains(t, answer, tc.says)
		})
	}
}

// A browser asks first whether the UI's page may call.
func TestPreflight(t *testing.T) {
	url := served(t, Keys{})
	for from, allowed := range map[string]bool{uiURL: true, "http://evil.example": false, "http://127.0.0.1:8081": false} {
		t.Run(from, func(t *testing.T) {
			resp, _ := ask(t, http.MethodOptions, url+"/decode", nil, "Origin: "+from,
				"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,x-namespace")
			require.Equal(t, http.StatusNoContent, resp.StatusCode)
			require.Equal(t, uiURL, resp.Header.Get("Access-Control-Allow-Origin"))
			require.Equal(t, allowed, strings.Contains(resp.Header.Get("Access-Control-Allow-Headers"), "X-Namespace"))
		})
	}
}

func TestTheFrontPageSignsInAndLeadsToTheUI(t *testing.T) {
	url := served(t, Keys{})
	resp, _ := ask(t, http.MethodGet, url+"/", nil)
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.Contains(t, resp.Header.Get("WWW-Authenticate"), "Basic")
	resp, _ = ask(t, http.MethodGet, url+"/", nil, "Authorization: "+operator)
	require.Equal(t, http.StatusSeeOther, resp.StatusCode)
	require.Equal(t, uiURL+"/some/path", resp.Header.Get("Location"))
}
