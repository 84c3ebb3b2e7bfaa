// Package carrier simulates the carrier: it sends the CRM's webhook the messages
// that EasyPost would send of a parcel, in its format and with its signature
// (docs.easypost.com: Event and Tracker objects, Webhooks Guide). No parcel
// moves. It is for the demo and for tests, and shares nothing with the CRM's
// side, so that each checks the other.
package carrier

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/text/unicode/norm"

	"ordertrace/lifecycle"
)

// A Simulator sends messages to a CRM's webhook, signed with a secret.
type Simulator struct {
	URL    string // the CRM's base URL
	Secret string
	HTTP   *http.Client // makes the requests. Default: http.DefaultClient
}

// An Event is one message on a parcel. The same Event sent again is a repeated
// message.
type Event struct {
	ID       string // the carrier's own: the same one is the same event
	Carrier  string
	Tracking string
	Status   lifecycle.ParcelStatus
	At       time.Time // when it was so, and when it is sent first
}

// NewEvent is news of a parcel, of now.
func NewEvent(carrier, tracking string, status lifecycle.ParcelStatus) Event {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return Event{ID: "evt_" + hex.EncodeToString(id[:]), Carrier: carrier, Tracking: tracking, Status: status, At: time.Now()}
}

// Say sends news of a parcel. See Send.
func (s Simulator) Say(ctx context.Context, tracking, carrier string, status lifecycle.ParcelStatus) error {
	return s.Send(ctx, NewEvent(carrier, tracking, status))
}

// Send sends one message, once. It fails with a *Refusal for an answer that
// would make the carrier send it again.
func (s Simulator) Send(ctx context.Context, e Event) error {
	body, err := e.Body()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/webhooks/carrier", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("CRM address: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Hmac-Signature", Sign(s.Secret, body))
	resp, err := cmp.Or(s.HTTP, http.DefaultClient).Do(req)
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("answer of the webhook: %w", err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return &Refusal{Status: resp.StatusCode, Answer: string(answer)}
	}
	return nil
}

const maxAnswer = 64 << 10

// A Refusal is an answer of the webhook that is none of 2xx.
type Refusal struct {
	Status int
	Answer string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("the webhook answered %d %s: %s", r.Status, http.StatusText(r.Status), r.Answer)
}

// Sign is the value of X-Hmac-Signature for a body.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(norm.NFKD.String(secret)))
	mac.Write(body)
	return fmt.Sprintf("hmac-sha256-hex=%x", mac.Sum(nil))
}

// Body is the message as EasyPost would write it, with the fields that tell of
// people and places, which a receiver must not keep.
func (e Event) Body() ([]byte, error) {
	sent := e.At.UTC().Format("2006-01-02T15:04:05.000Z")
	happened := e.At.UTC().Format(time.RFC3339)
	place := map[string]any{"object": "TrackingLocation", "city": "PFORZHEIM", "state": nil, "country": "DE", "zip": "75172"}
	tracker := map[string]any{
		"id": "trk_" + e.Tracking, "object": "Tracker", "mode": "test",
		"tracking_code": e.Tracking, "carrier": e.Carrier, "status": e.Status, "status_detail": "unknown",
		"created_at": happened, "updated_at": happened,
		"signed_by": nil, "weight": 17.6, "est_delivery_date": nil, "shipment_id": nil,
		"tracking_details": []any{map[string]any{
			"object": "TrackingDetail", "message": "Simulated", "status": e.Status, "status_detail": "unknown",
			"datetime": happened, "source": e.Carrier, "tracking_location": place,
		}},
		"finalized": true, "is_return": e.Status == lifecycle.ParcelReturnToSender,
		"public_url": "https://track.easypost.com/simulated",
	}
	if e.Status == lifecycle.ParcelDelivered {
		tracker["signed_by"] = "JOHN TESTER"
	}
	body, err := json.Marshal(map[string]any{
		"id": e.ID, "object": "Event", "mode": "test", "description": "tracker.updated",
		"created_at": sent, "updated_at": sent, "status": "pending", "previous_attributes": map[string]any{},
		"pending_urls": []any{}, "completed_urls": []any{}, "result": tracker,
	})
	if err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	return body, nil
}
