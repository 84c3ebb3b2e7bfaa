package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"ordertrace/lifecycle"
)

// NewTicket is what a support ticket at the CRM is opened with: what a problem's
// answer named, or the order's number, or both.
type NewTicket struct {
	Order   string `json:"order_id,omitempty"`
	Trace   string `json:"trace_id,omitempty"` // as in W3C Trace Context: 32 lower-case hex digits
	Span    string `json:"span_id,omitempty"`  // 16; only with a trace
	Subject string `json:"subject"`            // may hold personal data: it never leaves the CRM but in answers
	By      string `json:"by"`                 // an identifier of the person, not a name
}

// A Ticket is a support ticket. The order and the trace are empty while they are
// not found: a request may have failed before there was an order.
type Ticket struct {
	ID string `json:"ticket_id"`
	NewTicket
	OpenedAt time.Time         `json:"opened_at"`
	Doubt    string            `json:"doubt,omitempty"`  // why the order and the trace cannot be as they were told
	Status   *lifecycle.Status `json:"status,omitempty"` // how the order stands, if it answers; not in lists
	Links    TicketLinks       `json:"links"`
}

// TicketLinks is where people see what a ticket is about.
type TicketLinks struct {
	Jaeger   string `json:"jaeger,omitempty"`   // the trace, with the span if one is known
	Temporal string `json:"temporal,omitempty"` // the order
}

// OpenTicket opens a ticket at the CRM. key, which may be empty, names the
// request: one that is repeated answers the same ticket.
func (c *Client) OpenTicket(ctx context.Context, key string, in NewTicket) (Ticket, error) {
	header := http.Header{}
	if key != "" {
		header.Set("Idempotency-Key", key)
	}
	var out Ticket
	_, err := c.do(ctx, http.MethodPost, "/tickets", header, in, &out)
	return out, err
}

// Ticket reads a ticket at the CRM. It fails with LookUp and not_found.
func (c *Client) Ticket(ctx context.Context, id string) (Ticket, error) {
	var out Ticket
	_, err := c.do(ctx, http.MethodGet, "/tickets/"+url.PathEscape(id), nil, nil, &out)
	return out, err
}

// Tickets lists the tickets of an order, or of a trace, or all, the newest
// first: at most limit.
func (c *Client) Tickets(ctx context.Context, order, trace string, limit int) ([]Ticket, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if order != "" {
		query.Set("order_id", order)
	}
	if trace != "" {
		query.Set("trace_id", trace)
	}
	var out []Ticket
	_, err := c.do(ctx, http.MethodGet, "/tickets?"+query.Encode(), nil, nil, &out)
	return out, err
}
