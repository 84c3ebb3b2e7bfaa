package crm

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/store/storetest"
)

// FuzzWebhook sends bodies to the real handler over a real database, signed by
// the carrier or with whatever signature comes along. Whatever they are: the
// answer is one of those that are promised, and never the CRM's own trouble;
// nothing unsigned leaves a trace; an order hears of its parcel alone; and its
// next message closes it.
func FuzzWebhook(f *testing.F) {
	example, _, _ := easyPostExample(f)
	at := time.Date(2024, 8, 2, 19, 26, 52, 0, time.UTC)
	var seeds [][]byte
	for _, status := range []lifecycle.ParcelStatus{lifecycle.ParcelDelivered, lifecycle.ParcelReturnToSender, "teleported"} {
		for _, tracking := range []string{"1Z", "1-z", "other"} {
			body, err := carrier.Event{ID: "e1", Carrier: "UPS", Tracking: tracking, Status: status, At: at}.Body()
			if err != nil {
				f.Fatal(err)
			}
			seeds = append(seeds, body)
		}
	}
	usual := seeds[0]
	changed := func(old, with string) []byte { return bytes.ReplaceAll(usual, []byte(old), []byte(with)) }
	seeds = append(seeds, example, nil, []byte("{}"), []byte("null"), []byte("[]"), []byte(`{"description":"batch.created","result":7}`),
		usual[:len(usual)/2], append(bytes.Clone(usual), usual...), append(bytes.Clone(usual), strings.Repeat(" ", maxMessage)...),
		changed(`"e1"`, `""`), changed(`"e1"`, `"\u0000"`), changed(`"e1"`, `"`+strings.Repeat("e", 300)+`"`), changed(`"e1"`, "\"\xff\""),
		changed(`"UPS"`, `"ＵＰＳ"`), changed(`"UPS"`, `null`), changed(`"1Z"`, `["1Z"]`), changed(`"1Z"`, `"\ud800"`),
		changed("2024", "0000"), changed("2024", "9999"), changed("2024", "-1"), changed(".000Z", "+23:59"))
	for _, body := range seeds {
		f.Add(body, "", true)
		f.Add(body, carrier.Sign("other", body), false)
	}
	f.Add(usual, "hmac-sha256-hex=", false)
	f.Add(usual, "hmac-sha256-hex=00", false)

	d := openDock(f, storetest.SQLite(f), secret)
	d.seal.window = 100 * 365 * 24 * time.Hour // the seeds stay good
	d.ship(f, "o1", "1Z")
	mux := http.NewServeMux()
	d.carrierRoutes(mux, api.People{Orders: d.orders})
	f.Fuzz(func(t *testing.T, body []byte, signature string, signed bool) {
		if signed {
			signature = carrier.Sign(secret, body)
		}
		w := post(t, mux, body, signature)
		promised := []int{http.StatusOK, http.StatusAccepted, http.StatusBadRequest, http.StatusUnauthorized,
			http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity}
		if !slices.Contains(promised, w.Status) || (w.Result == "") == (w.Code == "") {
			t.Fatalf("answered %v", w)
		}
		var kept int
		if err := d.DB().QueryRow(`SELECT count(*) FROM carrier_events`).Scan(&kept); err != nil {
			t.Fatal(err)
		}
		heard := d.orders.all()
		switch {
		case w.Code != "" && kept > 0:
			t.Fatalf("refused and kept: %v", w)
		case w.Code == "" && !signed:
			t.Fatalf("not signed, and answered %v", w)
		case w.Code == "" && w != ignored && kept == 0:
			t.Fatalf("not kept, and answered %v", w)
		case len(heard) > 0 && !isOf(body, "ups", "1Z"):
			t.Fatalf("of another parcel: %q", heard)
		case kept == 0:
			return
		}
		good, err := carrier.Event{ID: "good", Carrier: "UPS", Tracking: "1Z", Status: lifecycle.ParcelDelivered, At: time.Now()}.Body()
		if err != nil {
			t.Fatal(err)
		}
		if after := post(t, mux, good, carrier.Sign(secret, good)); after != closed && !slices.Contains(heard, "o1 good delivered") {
			t.Fatalf("the next message is answered %v", after)
		}
		d.forget(t)
	})
}

func post(t *testing.T, mux *http.ServeMux, body []byte, signature string) answer {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/carrier", bytes.NewReader(body))
	r.Header.Set("X-Hmac-Signature", signature)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	a := answer{Status: w.Code}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("answered %d %q: %v", w.Code, w.Body, err)
	}
	return a
}

// isOf reads a message in another way than the CRM does.
func isOf(body []byte, by, tracking string) bool {
	var message struct {
		Result struct {
			Carrier  string `json:"carrier"`
			Tracking string `json:"tracking_code"`
		} `json:"result"`
	}
	if err := json.Unmarshal(body, &message); err != nil {
		return false
	}
	return strings.EqualFold(plain(message.Result.Carrier), by) && strings.EqualFold(plain(message.Result.Tracking), tracking)
}

// forget makes the CRM and the orders as they were, but for their parcels.
func (d dock) forget(t *testing.T) {
	t.Helper()
	for _, table := range []string{`carrier_events`, `parcels WHERE order_id IS NULL`} {
		if _, err := d.DB().Exec(`DELETE FROM ` + table); err != nil {
			t.Fatal(err)
		}
	}
	d.orders.mu.Lock()
	defer d.orders.mu.Unlock()
	d.orders.heard = nil
}
