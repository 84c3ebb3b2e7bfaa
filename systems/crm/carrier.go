package crm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// The carrier's webhook takes EasyPost's messages on parcels:
//
//	200 {"result":"closed"}    delivered: the order was told, and closes
//	200 {"result":"recorded"}  the order was told
//	200 {"result":"ended"}     the order has ended already, and was not told
//	200 {"result":"repeated"}  the order knew: nothing was done
//	200 {"result":"ignored"}   about something else, or a status that is unknown
//	202 {"result":"kept"}      no order was shipped as this parcel yet
//	400 malformed, 401 not signed, 413 larger than 64 KiB, 422 too old
//	503 the order does not answer (the message is kept, and told when the
//	    carrier sends it again), or the CRM has no secret
const carrierWebhook = "POST /webhooks/carrier"

const maxMessage = 64 << 10 // bytes

// results of a message.
const (
	resultClosed   = "closed"
	resultRecorded = "recorded"
	resultEnded    = "ended"
	resultRepeated = "repeated"
	resultIgnored  = "ignored"
	resultKept     = "kept"
)

// carrierRoutes adds the carrier's webhook. A message stands in the trace of its parcel's order.
func (s *System) carrierRoutes(mux *http.ServeMux, p api.People) {
	traced := http.NewServeMux()
	p.HandleAbout(traced, carrierWebhook, s.aboutParcel, func(w http.ResponseWriter, r *http.Request) {
		s.answerCarrier(w, r, p.Orders)
	})
	mux.HandleFunc(carrierWebhook, func(w http.ResponseWriter, r *http.Request) {
		m, err := s.seal.receive(w, r)
		traced.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), receivedKey{}, received{m, err})))
	})
}

// received is what a request held, read before its span begins.
type received struct {
	message message
	err     error
}

type receivedKey struct{}

func receivedBy(r *http.Request) received {
	in, _ := r.Context().Value(receivedKey{}).(received)
	return in
}

// receive reads a request's message.
func (c carrierSeal) receive(w http.ResponseWriter, r *http.Request) (message, error) {
	if len(c.keys) == 0 {
		return message{}, &lifecycle.Error{
			Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable,
			Detail: "the CRM cannot tell the carrier's messages from others: set CARRIER_SECRET to the secret that the carrier signs with",
		}
	}
	body, err := c.readBody(w, r)
	if err != nil {
		return message{}, err
	}
	return c.open(r.Header, body, time.Now())
}

// readBody does not wait for a sender that trickles. The server lifts the
// deadline itself once the body came whole: the order may take its time.
func (c carrierSeal) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(c.patience)) // a test's recorder has none
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &lifecycle.Error{
			Remedy: lifecycle.FixInput, Code: lifecycle.CodeTooLarge, Field: "body",
			Detail: fmt.Sprintf("the message must be at most %d bytes", tooLarge.Limit),
		}
	case err != nil:
		return nil, malformed("body", "the message did not come whole")
	default:
		return body, nil
	}
}

// aboutParcel finds the order that a message is about. One that cannot be looked
// up now costs the span its place: the handler meets the same trouble.
func (s *System) aboutParcel(r *http.Request) (string, *http.Request) {
	in := receivedBy(r)
	if in.err != nil || !in.message.ofParcel {
		return "", r
	}
	order, err := s.orderOf(r.Context(), in.message.parcel)
	if err != nil {
		slog.WarnContext(r.Context(), "find the parcel's order", "error", err)
	}
	return order, r
}

func (s *System) answerCarrier(w http.ResponseWriter, r *http.Request, orders api.Orders) {
	in := receivedBy(r)
	result, err := "", in.err
	if err == nil {
		result, err = s.take(r.Context(), orders, in.message)
	}
	status := http.StatusOK
	if result == resultKept {
		status = http.StatusAccepted
	}
	api.Answer(w, r, status, map[string]string{"result": result}, err)
}

// take keeps a message, tells the order what it was not told yet, and returns
// the message's result. A status that is not known is ignored: it is news of the
// carrier's that repeating does not mend.
func (s *System) take(ctx context.Context, orders api.Orders, m message) (string, error) {
	if !m.ofParcel {
		return resultIgnored, nil
	}
	trace.SpanFromContext(ctx).SetAttributes(
		attribute.String("carrier.event.id", m.event.ID), attribute.String("parcel.status", string(m.event.Status)))
	if !m.event.Status.Known() {
		slog.WarnContext(ctx, "the carrier says a status that is not known")
		return resultIgnored, nil
	}
	known, err := s.keep(ctx, m)
	if err != nil {
		return "", err
	}
	if known.order == "" {
		return resultKept, nil
	}
	ended, err := s.tell(ctx, orders, known.order, m.parcel)
	switch {
	case err != nil:
		return "", err
	case known.told:
		return resultRepeated, nil
	case ended:
		return resultEnded, nil
	case m.event.Status == lifecycle.ParcelDelivered:
		return resultClosed, nil
	default:
		return resultRecorded, nil
	}
}

// tell tells the order what it was not told of its parcel yet, the oldest first,
// and whether the order is over: then it takes nothing more, and counts as told.
// What is told at once by two requests, or by one that dies, is told again.
func (s *System) tell(ctx context.Context, orders api.Orders, order string, parcel parcelID) (over bool, err error) {
	events, err := s.untold(ctx, parcel)
	if err != nil {
		return false, err
	}
	for _, e := range events {
		err := orders.Carrier(ctx, order, e)
		var refused *lifecycle.Error
		switch {
		case errors.As(err, &refused) && refused.Remedy == lifecycle.LookUp:
			over = true
		case err != nil:
			return over, fmt.Errorf("tell order: %w", err)
		}
		if err := s.markTold(ctx, e.ID); err != nil {
			return over, err
		}
	}
	return over, nil
}
