package crm

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/store"
)

// tickets are the support tickets that the CRM keeps. Their words may hold
// personal data: they stay in its database, and reach no span, log, or order.
type tickets struct {
	*System
	orders api.Orders
}

// ticketRoutes adds
//
//	POST /tickets        api.NewTicket -> 201 api.Ticket; 200 if the Idempotency-Key has one already
//	GET  /tickets/{id}   api.Ticket, with how its order stands
//	GET  /tickets        ?order_id=…, or ?trace_id=…, &limit=50: newest first -> []api.Ticket
func (s *System) ticketRoutes(mux *http.ServeMux, p api.People) {
	t := tickets{System: s, orders: p.Orders}
	p.HandleAbout(mux, "POST /tickets", t.about, t.open)
	p.Handle(mux, "GET /tickets/{id}", t.show)
	p.Handle(mux, "GET /tickets", t.list)
}

func (t tickets) open(w http.ResponseWriter, r *http.Request) {
	var in api.NewTicket
	key := r.Header.Get("Idempotency-Key")
	err := api.ReadJSON(w, r, &in)
	if err == nil {
		in.By, err = api.ActAs(r.Context(), in.By)
	}
	if err == nil {
		err = check(in, key)
	}
	if err != nil {
		api.WriteProblem(w, r, err)
		return
	}
	ticket, isNew, err := t.create(r.Context(), key, in)
	status := http.StatusOK
	if isNew {
		status = http.StatusCreated
	}
	if err == nil {
		w.Header().Set("Location", "/tickets/"+url.PathEscape(ticket.ID))
	}
	api.Answer(w, r, status, t.linked(ticket), err)
}

func (t tickets) show(w http.ResponseWriter, r *http.Request) {
	ticket, found, err := t.read(r.Context(), r.PathValue("id"))
	if err != nil {
		api.Answer(w, r, 0, nil, err)
		return
	}
	if !found {
		t.mend(r.Context(), &ticket)
	}
	if ticket.Order != "" {
		ticket.Status = t.status(r.Context(), ticket.Order)
	}
	api.Answer(w, r, http.StatusOK, t.linked(ticket), nil)
}

func (t tickets) list(w http.ResponseWriter, r *http.Request) {
	order, id := r.URL.Query().Get("order_id"), r.URL.Query().Get("trace_id")
	err := checkPlace(order, id, "")
	if order != "" && id != "" {
		err = fixInput("trace_id", "ask for an order or for a trace: either finds the tickets of both")
	}
	if err != nil {
		api.WriteProblem(w, r, err)
		return
	}
	order, id = t.both(r.Context(), order, id)
	found, err := t.of(r.Context(), order, id, api.Limit(r))
	for i := range found {
		found[i] = t.linked(found[i])
	}
	api.Answer(w, r, http.StatusOK, found, err)
}

// create keeps a ticket, unless the key has one already. It fails with LookUp or
// FixInput if the order and the trace cannot be as they are told; if nobody can
// say, it keeps them.
func (t tickets) create(ctx context.Context, key string, in api.NewTicket) (ticket api.Ticket, isNew bool, err error) {
	if key != "" {
		if ticket, err = t.byKey(ctx, key, in); err == nil || !isNotFound(err) {
			return ticket, false, err
		}
	}
	now := store.Now()
	ticket = api.Ticket{ID: newTicketID(now), NewTicket: in, OpenedAt: now}
	found, err := t.find(ctx, &ticket)
	if err != nil {
		return ticket, false, err
	}
	isNew, err = t.insert(ctx, key, ticket, found)
	if err == nil && !isNew { // the same request came twice at once
		ticket, err = t.byKey(ctx, key, in)
	}
	return ticket, isNew, err
}

// byKey reads the ticket that a request opened when it first came.
func (t tickets) byKey(ctx context.Context, key string, in api.NewTicket) (api.Ticket, error) {
	ticket, err := t.keyed(ctx, key)
	isOther := func(told, kept string) bool { return told != "" && told != kept }
	if err == nil && (isOther(in.Order, ticket.Order) || isOther(in.Trace, ticket.Trace) || in.Span != ticket.Span ||
		in.Subject != ticket.Subject || in.By != ticket.By) {
		err = fixInput("Idempotency-Key", "it named the request that opened %s, which was another", ticket.ID)
	}
	return ticket, err
}

// linked adds where people see what the ticket is about.
func (t tickets) linked(ticket api.Ticket) api.Ticket {
	if ticket.Trace != "" && t.jaegerUI != "" {
		ticket.Links.Jaeger = strings.TrimRight(t.jaegerUI, "/") + "/trace/" + ticket.Trace
		if ticket.Span != "" {
			ticket.Links.Jaeger += "?uiFind=" + ticket.Span
		}
	}
	if ticket.Order != "" {
		ticket.Links.Temporal = t.orders.URL(ticket.Order)
	}
	return ticket
}

// newTicketID is short enough to read over the telephone: the day, and 40 random
// bits.
func newTicketID(now time.Time) string {
	return fmt.Sprintf("tic-%s-%s", now.Format("060102"), strings.ToLower(rand.Text()[:8]))
}

const (
	maxOrder   = 255 // bytes, as are the others
	maxBy      = 100
	maxKey     = 255
	maxSubject = 500
	maxBody    = 1 << 20
)

// about reads which order a new ticket is about, so that its request stands in
// the order's trace. The request is read again by whoever handles it.
func (t tickets) about(r *http.Request) (string, *http.Request) {
	head, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	var in api.NewTicket
	if err != nil || json.Unmarshal(head, &in) != nil || check(in, "") != nil {
		return "", r
	}
	if in.Order == "" {
		in.Order, _ = t.both(r.Context(), "", in.Trace)
	}
	return in.Order, r
}

// check looks at what a ticket is opened with.
func check(in api.NewTicket, key string) error {
	switch {
	case in.Order == "" && in.Trace == "":
		return fixInput("order_id", "say which order it is about, or the trace_id that came with the problem")
	case in.Subject == "":
		return fixInput("subject", "say what it is about")
	case !oneLine(in.Subject, maxSubject):
		return fixInput("subject", "want one line of at most %d bytes", maxSubject)
	case in.By == "":
		return fixInput("by", "say who, by an identifier")
	case !oneLine(in.By, maxBy):
		return fixInput("by", "want an identifier of at most %d bytes", maxBy)
	case !oneLine(key, maxKey):
		return fixInput("Idempotency-Key", "want at most %d bytes of text", maxKey)
	}
	return checkPlace(in.Order, in.Trace, in.Span)
}

// checkPlace looks at where a ticket's trouble was. Identifiers of traces are
// W3C Trace Context's.
func checkPlace(order, id, span string) error {
	if !oneLine(order, maxOrder) {
		return fixInput("order_id", "an order number is at most %d bytes of text", maxOrder)
	}
	if id != "" {
		if _, err := trace.TraceIDFromHex(id); err != nil {
			return fixInput("trace_id", "want 32 lower-case hex digits, not all zeros")
		}
	}
	if span != "" {
		if _, err := trace.SpanIDFromHex(span); err != nil {
			return fixInput("span_id", "want 16 lower-case hex digits, not all zeros")
		}
		if id == "" {
			return fixInput("span_id", "say also in which trace_id it is")
		}
	}
	return nil
}

// oneLine tells whether s is one line that every database and terminal takes.
func oneLine(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func fixInput(field, format string, args ...any) error {
	return &lifecycle.Error{
		Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidRequest, Field: field, Detail: fmt.Sprintf(format, args...),
	}
}
