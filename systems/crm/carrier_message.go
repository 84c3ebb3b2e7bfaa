package crm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"ordertrace/lifecycle"
)

// A carrierSeal tells which messages are the carrier's, in EasyPost's scheme
// (docs.easypost.com, Webhooks Guide): the header X-Hmac-Signature is
// "hmac-sha256-hex=" and the HMAC of the raw body. As EasyPost's own clients do,
// it takes the secret in Unicode's form NFKD.
//
// EasyPost's newer header X-Hmac-Signature-V2, which comes beside this one, is
// not read: none of its own clients does.
type carrierSeal struct {
	keys     [][]byte
	window   time.Duration // how old a message may be
	patience time.Duration // how long its body may take to come
}

const (
	signatureHeader = "X-Hmac-Signature"
	signatureScheme = "hmac-sha256-hex="
	defaultWindow   = 7 * 24 * time.Hour
	bodyTimeout     = 10 * time.Second
	clockSkew       = 5 * time.Minute // how far the carrier's clock may be ahead of ours
	maxIdentifier   = 255             // bytes
)

func newCarrierSeal(secrets []string, window time.Duration) carrierSeal {
	c := carrierSeal{window: window, patience: bodyTimeout}
	if window <= 0 {
		c.window = defaultWindow
	}
	for _, secret := range secrets {
		if secret = strings.TrimSpace(secret); secret != "" {
			c.keys = append(c.keys, norm.NFKD.Bytes([]byte(secret)))
		}
	}
	return c
}

// open reads a message if it is the carrier's, and if now is within its window.
// It fails with unauthorized, malformed, or invalid_request for one that is too
// old or from the future.
func (c carrierSeal) open(header http.Header, body []byte, now time.Time) (message, error) {
	if !c.signed(header.Get(signatureHeader), body) {
		return message{}, &lifecycle.Error{
			Remedy: lifecycle.FixInput, Code: lifecycle.CodeUnauthorized, Field: signatureHeader,
			Detail: "the message is not signed with the secret that the CRM shares with the carrier",
		}
	}
	m, err := parseMessage(body)
	if err != nil || !m.ofParcel {
		return m, err
	}
	if age := now.Sub(m.sent); age > c.window || age < -clockSkew {
		return m, fixInput("created_at", "the message must be at most %v old, and not from the future", c.window)
	}
	return m, nil
}

// signed compares in constant time, and with all secrets whichever fits.
func (c carrierSeal) signed(signature string, body []byte) bool {
	digits, ok := strings.CutPrefix(signature, signatureScheme)
	given, err := hex.DecodeString(digits)
	if !ok || err != nil {
		return false
	}
	signed := false
	for _, key := range c.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(body)
		signed = hmac.Equal(given, mac.Sum(nil)) || signed
	}
	return signed
}

// A message is all that is kept of what a carrier sends: identifiers, a status
// and times. Names and places of people stay out.
type message struct {
	ofParcel bool // false: it is about something else, and the rest is empty
	event    lifecycle.CarrierEvent
	parcel   parcelID
	sent     time.Time
}

// parseMessage reads EasyPost's Event with a Tracker in it (docs.easypost.com,
// Event and Tracker objects). Fields that it does not know may be there.
//
// The event's time is the tracker's updated_at: one clock for all messages on a
// parcel. The times of its tracking_details are often local ones of the place of
// each scan, and would put the messages into a wrong order.
func parseMessage(body []byte) (message, error) {
	var event struct {
		ID          string          `json:"id"`
		Description string          `json:"description"`
		CreatedAt   *time.Time      `json:"created_at"`
		Result      json.RawMessage `json:"result"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		return message{}, malformed("body", "the message must be one JSON object, an Event: %v", err)
	}
	if event.Description != "tracker.created" && event.Description != "tracker.updated" {
		return message{}, nil
	}
	switch {
	case event.ID == "" || !oneLine(event.ID, maxIdentifier):
		return message{}, malformed("id", "an event's ID is 1 to %d bytes of text", maxIdentifier)
	case event.CreatedAt == nil:
		return message{}, malformed("created_at", "the event's time is missing")
	}
	var tracker struct {
		Tracking  string                 `json:"tracking_code"`
		Carrier   string                 `json:"carrier"`
		Status    lifecycle.ParcelStatus `json:"status"`
		UpdatedAt *time.Time             `json:"updated_at"`
	}
	if err := json.Unmarshal(event.Result, &tracker); err != nil {
		return message{}, malformed("result", "the result must be a Tracker: %v", err)
	}
	if tracker.Status == "" {
		return message{}, malformed("result.status", "the parcel's status is missing")
	}
	parcel, err := newParcelID(tracker.Carrier, tracker.Tracking)
	if err != nil {
		return message{}, malformed("result", "%v", err)
	}
	m := message{
		ofParcel: true, parcel: parcel, sent: *event.CreatedAt,
		event: lifecycle.CarrierEvent{ID: event.ID, Status: tracker.Status, At: *event.CreatedAt},
	}
	if at := tracker.UpdatedAt; at != nil && at.Before(m.sent) { // no event is sent before it happens
		m.event.At = *at
	}
	m.event.At = m.event.At.UTC().Truncate(time.Microsecond) // as the databases keep it
	return m, nil
}

func malformed(field, format string, args ...any) error {
	return &lifecycle.Error{
		Remedy: lifecycle.FixInput, Code: lifecycle.CodeMalformed, Field: field, Detail: fmt.Sprintf(format, args...),
	}
}
