package desk

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func start(mux *http.ServeMux, p api.People) {
	p.Handle(mux, "POST /orders", func(w http.ResponseWriter, r *http.Request) {
		started, created, err := startOrder(w, r, p.Orders)
		status := http.StatusOK
		if created {
			status = http.StatusCreated
			w.Header().Set("Location", "/orders/"+started.OrderID+"/status")
		}
		api.Answer(w, r, status, started, err)
	})
}

// started is the answer to a new order.
type started struct {
	OrderID string `json:"order_id"`
	TraceID string `json:"trace_id,omitempty"`
}

func startOrder(w http.ResponseWriter, r *http.Request, orders api.Orders) (started, bool, error) {
	in := api.NewOrder{Attended: true}
	if err := api.ReadJSON(w, r, &in); err != nil {
		return started{}, false, err
	}
	var err error
	if in.Customer, err = api.ActAs(r.Context(), in.Customer); err != nil {
		return started{}, false, err
	}
	if in.Source != "" && in.Source != "b2c" && in.Source != "b2b" {
		return started{}, false, invalid("source", "an order comes from b2c or b2b")
	}
	// The workflow would keep what nobody can price, and ask for better.
	if u := (lifecycle.Upload{Model: in.Model, Material: in.Material}); in.Model != nil || in.Material != "" {
		if err := u.Judge(lifecycle.Status{Waiting: &lifecycle.Wait{Stage: lifecycle.FileUploaded}}); err != nil {
			return started{}, false, err
		}
	}
	id, err := orderID(r.Header.Get("Idempotency-Key"), in.Customer, time.Now())
	if err != nil {
		return started{}, false, err
	}
	created, err := orders.Start(r.Context(), id, in)
	if err != nil {
		return started{}, false, err
	}
	answer := started{OrderID: id}
	if created { // in the trace of this request
		answer.TraceID = trace.SpanContextFromContext(r.Context()).TraceID().String()
	} else if anchor, err := orders.Anchor(r.Context(), id); err == nil {
		answer.TraceID = anchor.TraceID().String()
	}
	return answer, created, nil
}

const minKey = 16 // bytes: shorter ones are counters, which others use too

// orderID is a new number, or what a customer's key stands for.
func orderID(key, customer string, now time.Time) (string, error) {
	switch {
	case key == "":
		return lifecycle.NewOrderID(now), nil
	case len(key) < minKey:
		return "", invalid("Idempotency-Key", fmt.Sprintf("want at least %d bytes that nobody else uses, such as a UUID", minKey))
	default:
		sum := sha256.Sum256([]byte(customer + "\x00" + key))
		return "ord-" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:20]), nil
	}
}

func invalid(field, detail string) error {
	return &lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidRequest, Field: field, Detail: detail}
}
