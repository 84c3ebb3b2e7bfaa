package crm

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/lifecycle"
)

// A message of our own in EasyPost's format, and what OpenSSL signs it with under
// the decomposed form of the secret (Unicode's NFKD), as EasyPost does:
//
//	openssl dgst -sha256 -mac HMAC -macopt hexkey:7365cc8163726574 testdata/easypost-event.json
func easyPostExample(t testing.TB) (body []byte, secret, signature string) {
	t.Helper()
	body, err := os.ReadFile("testdata/easypost-event.json")
	require.NoError(t, err)
	return body, "sécret", "hmac-sha256-hex=7970caef25bd47ac08f8380fbfe16a0ae845d8104e50802766f7899564bc9ee9"
}

func signedAs(signature string) http.Header {
	h := http.Header{}
	if signature != "" {
		h.Set("X-Hmac-Signature", signature)
	}
	return h
}

func TestAMessageInEasyPostsFormatIsUnderstood(t *testing.T) {
	body, secret, signature := easyPostExample(t)
	sent := time.Date(2024, 8, 2, 19, 26, 52, 0, time.UTC)
	m, err := newCarrierSeal([]string{secret}, 0).open(signedAs(signature), body, sent)
	require.NoError(t, err)
	require.Equal(t, message{
		ofParcel: true, parcel: parcelID{carrier: "fedex", tracking: "1"}, sent: sent,
		event: lifecycle.CarrierEvent{ID: "evt_1", Status: lifecycle.ParcelInTransit, At: sent.Add(-time.Second)},
	}, m)
	require.Equal(t, signature, carrier.Sign(secret, body), "the simulator signs as EasyPost does")
}

func TestOnlyWhoKnowsASecretIsTheCarrier(t *testing.T) {
	e := carrier.NewEvent("UPS", "1Z", lifecycle.ParcelInTransit)
	body, err := e.Body()
	require.NoError(t, err)
	const precomposed, decomposed = "s\u00e9cret", "se\u0301cret"
	good := carrier.Sign("new", body)
	for name, c := range map[string]struct {
		secrets   []string
		signature string
		body      string
		want      bool
	}{
		"the secret":                        {secrets: []string{"new"}, signature: good, want: true},
		"one of several, first":             {secrets: []string{"new", "old"}, signature: good, want: true},
		"one of several, last":              {secrets: []string{"old", "new"}, signature: good, want: true},
		"spaces around it":                  {secrets: []string{" new "}, signature: good, want: true},
		"an accent, written in another way": {secrets: []string{precomposed}, signature: carrier.Sign(decomposed, body), want: true},
		"hex in capitals":                   {secrets: []string{"new"}, signature: "hmac-sha256-hex=" + strings.ToUpper(good[16:]), want: true},
		"another secret":                    {secrets: []string{"old"}, signature: good},
		"an empty secret is none":           {secrets: []string{"", " "}, signature: carrier.Sign("", body)},
		"no signature":                      {secrets: []string{"new"}},
		"no digits":                         {secrets: []string{"new"}, signature: "hmac-sha256-hex="},
		"half of the digits":                {secrets: []string{"new"}, signature: good[:len(good)-32]},
		"more digits":                       {secrets: []string{"new"}, signature: good + "00"},
		"no digits of hex":                  {secrets: []string{"new"}, signature: "hmac-sha256-hex=" + strings.Repeat("z", 64)},
		"no scheme":                         {secrets: []string{"new"}, signature: good[16:]},
		"another scheme":                    {secrets: []string{"new"}, signature: "hmac-sha1-hex=" + good[16:]},
		"another body":                      {secrets: []string{"new"}, signature: good, body: string(body) + " "},
	} {
		t.Run(name, func(t *testing.T) {
			sent := body
			if c.body != "" {
				sent = []byte(c.body)
			}
			_, err := newCarrierSeal(c.secrets, 0).open(signedAs(c.signature), sent, e.At)
			if c.want {
				require.NoError(t, err)
				return
			}
			requireCode(t, lifecycle.CodeUnauthorized, err)
		})
	}
}

func TestAMessageIsNeitherStaleNorFromTheFuture(t *testing.T) {
	e := carrier.NewEvent("UPS", "1Z", lifecycle.ParcelInTransit)
	e.At = e.At.Truncate(time.Millisecond) // as it is written
	body, err := e.Body()
	require.NoError(t, err)
	for name, c := range map[string]struct {
		window, age time.Duration
		stale       bool
	}{
		"of now":                      {},
		"as old as may be":            {age: 7 * 24 * time.Hour},
		"older":                       {age: 7*24*time.Hour + 1, stale: true},
		"as old as one's window":      {window: time.Minute, age: time.Minute},
		"older than one's window":     {window: time.Minute, age: time.Minute + 1, stale: true},
		"a clock that is ahead":       {age: -5 * time.Minute},
		"a clock that is years ahead": {age: -5*time.Minute - 1, stale: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newCarrierSeal([]string{"s"}, c.window).open(signedAs(carrier.Sign("s", body)), body, e.At.Add(c.age))
			if !c.stale {
				require.NoError(t, err)
				return
			}
			requireCode(t, lifecycle.CodeInvalidRequest, err)
		})
	}
}

// event is a message's fields, with some changed. A nil takes one away.
func event(t *testing.T, changed, tracker map[string]any) []byte {
	t.Helper()
	result := map[string]any{"tracking_code": "1Z", "carrier": "UPS", "status": "in_transit", "updated_at": "2026-11-23T10:00:00Z"}
	event := map[string]any{"id": "evt_1", "description": "tracker.updated", "created_at": "2026-11-23T10:00:01Z", "result": result}
	overlay(result, tracker)
	overlay(event, changed)
	body, err := json.Marshal(event)
	require.NoError(t, err)
	return body
}

func overlay(on, changed map[string]any) {
	for k, v := range changed {
		if on[k] = v; v == nil {
			delete(on, k)
		}
	}
}

func TestWhatIsKeptOfAMessage(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	usual := message{
		ofParcel: true, parcel: parcelID{"ups", "1Z"}, sent: at.Add(time.Second),
		event: lifecycle.CarrierEvent{ID: "evt_1", Status: lifecycle.ParcelInTransit, At: at},
	}
	with := func(change func(*message)) message { m := usual; change(&m); return m }
	for name, c := range map[string]struct {
		event, tracker map[string]any
		want           message
	}{
		"usual":                      {want: usual},
		"the first one":              {event: map[string]any{"description": "tracker.created"}, want: usual},
		"fields that nobody knows":   {event: map[string]any{"a": 1, "user": map[string]any{}}, tracker: map[string]any{"b": []any{1, "x"}}, want: usual},
		"names in another writing":   {tracker: map[string]any{"carrier": " u.P-S ", "tracking_code": "1 z\u0000"}, want: usual},
		"a status that is new":       {tracker: map[string]any{"status": "lost"}, want: with(func(m *message) { m.event.Status = "lost" })},
		"no time of the tracker":     {tracker: map[string]any{"updated_at": nil}, want: with(func(m *message) { m.event.At = m.sent })},
		"a tracker from the future":  {tracker: map[string]any{"updated_at": "9999-01-01T00:00:00Z"}, want: with(func(m *message) { m.event.At = m.sent })},
		"more digits than are kept":  {tracker: map[string]any{"updated_at": "2026-11-23T10:00:00.0000009Z"}, want: usual},
		"another zone":               {tracker: map[string]any{"updated_at": "2026-11-23T11:00:00+01:00"}, want: usual},
		"about something else":       {event: map[string]any{"description": "batch.created", "result": 7}, want: message{}},
		"about nothing":              {event: map[string]any{"description": nil}, want: message{}},
		"about what we do not know":  {event: map[string]any{"description": "tracker.painted"}, want: message{}},
		"something else has no time": {event: map[string]any{"description": "batch.created", "created_at": nil, "id": nil}, want: message{}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := parseMessage(event(t, c.event, c.tracker))
			require.NoError(t, err)
			require.Equal(t, c.want.event.At, m.event.At)
			require.True(t, c.want.sent.Equal(m.sent))
			m.sent = c.want.sent
			require.Equal(t, c.want, m)
		})
	}
}

func TestMalformedMessages(t *testing.T) {
	long := strings.Repeat("x", maxIdentifier+1)
	for name, body := range map[string][]byte{
		"nothing":                     nil,
		"no JSON":                     []byte("delivered"),
		"a list":                      []byte("[]"),
		"two objects":                 append(event(t, nil, nil), "{}"...),
		"cut off":                     event(t, nil, nil)[:100],
		"no ID":                       event(t, map[string]any{"id": nil}, nil),
		"a long ID":                   event(t, map[string]any{"id": long}, nil),
		"an ID with a NUL":            event(t, map[string]any{"id": "evt\x00"}, nil),
		"an ID in two lines":          event(t, map[string]any{"id": "evt\n1"}, nil),
		"no time":                     event(t, map[string]any{"created_at": nil}, nil),
		"a time in words":             event(t, map[string]any{"created_at": "today"}, nil),
		"no tracker":                  event(t, map[string]any{"result": nil}, nil),
		"a tracker that is none":      event(t, map[string]any{"result": "delivered"}, nil),
		"no status":                   event(t, nil, map[string]any{"status": nil}),
		"a status that is none":       event(t, nil, map[string]any{"status": map[string]any{"delivered": 1}}),
		"no carrier":                  event(t, nil, map[string]any{"carrier": nil}),
		"no tracking number":          event(t, nil, map[string]any{"tracking_code": nil}),
		"a tracking number of dashes": event(t, nil, map[string]any{"tracking_code": "- -"}),
		"a long tracking number":      event(t, nil, map[string]any{"tracking_code": long}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseMessage(body)
			requireCode(t, lifecycle.CodeMalformed, err)
		})
	}
}

func requireCode(t *testing.T, code string, err error) {
	t.Helper()
	var e *lifecycle.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.Code)
}
