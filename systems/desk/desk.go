// Package desk is where people move orders: a few routes in front of each
// system, each of which asks one thing of the order's workflow. It keeps nothing,
// and so serves a system of ours and an outside one alike.
//
//	shop  POST /orders                     {"material","source","attended"} -> 201 {"order_id","trace_id"}
//	      GET  /orders/{order}/status
//	      POST /orders/{order}/upload      {"model":{"digest"},"material"}: of a model that POST /models took
//	      POST /orders/{order}/submit      {"by"}
//	      POST /orders/{order}/cancel      {"by","reason"}
//	crm   GET  /approvals                  orders that wait for a manager
//	      POST /orders/{order}/approve     {"by"}
//	      POST /orders/{order}/reject      {"by","reason","field"}
//	      POST /orders/{order}/close       {"by","reason"}
//	      POST /orders/{order}/cancel      {"by","reason"}
//	mes   GET  /free-orders                orders that wait for an operator, newest first
//	      POST /orders/{order}/take        {"by"}
//	      POST /orders/{order}/hand-over   {"by","from","to"}
//	      POST /orders/{order}/finish      {"by"}
//	      POST /orders/{order}/pack        {"by"}
//	      POST /orders/{order}/ship        {"by","carrier","tracking_number"}
//
// The shop's are for customers and partners, each for their own orders, the CRM's
// for managers and the MES's for operators; a manager may also hand over. "by"
// comes from the caller's token: a body may leave it out.
//
// A POST answers 200 with the order's status once the order has granted it, also
// to one that is repeated. It answers 409 with the code not_waiting,
// wrong_person, shipped or ended if the order will not, and 422 if the request
// itself is wrong. An order that is started waits for its people unless attended
// is false; an Idempotency-Key of 16 bytes or more names it, and the same key
// again answers the same order, 200. Elsewhere an Idempotency-Key tells a
// repeated request from a second one even after the order came back to the same
// stage.
package desk

import (
	"cmp"
	"context"
	"net/http"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// Register adds a system's routes for people to a mux.
func Register(mux *http.ServeMux, system lifecycle.System, p api.People) {
	customers, managers, operators := p.For(lifecycle.Customer, lifecycle.Partner), p.For(lifecycle.Manager), p.For(lifecycle.Operator)
	switch system {
	case lifecycle.Shop:
		start(mux, customers)
		customers.Handle(mux, "GET /orders/{order}/status", func(w http.ResponseWriter, r *http.Request) { status(w, r, p.Orders) })
		ask(mux, customers, "upload", body[lifecycle.Upload])
		ask(mux, customers, "submit", moveTo(lifecycle.Submitted))
		ask(mux, customers, "cancel", body[lifecycle.Cancellation])
	case lifecycle.CRM:
		list(mux, managers, "GET /approvals", lifecycle.ManufacturingApproved)
		ask(mux, managers, "approve", moveTo(lifecycle.ManufacturingApproved))
		ask(mux, managers, "reject", body[lifecycle.Rejection])
		ask(mux, managers, "close", moveTo(lifecycle.Closed))
		ask(mux, managers, "cancel", body[lifecycle.Cancellation])
	case lifecycle.MES:
		list(mux, operators, "GET /free-orders", lifecycle.ManufacturingStarted)
		ask(mux, operators, "take", moveTo(lifecycle.ManufacturingStarted))
		ask(mux, p.For(lifecycle.Operator, lifecycle.Manager), "hand-over", body[lifecycle.HandOver])
		ask(mux, operators, "finish", moveTo(lifecycle.ManufacturingCompleted))
		ask(mux, operators, "pack", moveTo(lifecycle.Packaging))
		ask(mux, operators, "ship", ship)
	}
}

// read makes a request of a body.
type read func(http.ResponseWriter, *http.Request) (lifecycle.Request, error)

// ask adds a route that asks one thing of an order, in its caller's name.
func ask(mux *http.ServeMux, p api.People, verb string, read read) {
	p.Handle(mux, "POST /orders/{order}/"+verb, func(w http.ResponseWriter, r *http.Request) {
		order := r.PathValue("order")
		request, err := read(w, r)
		if err == nil {
			request, err = signed(r.Context(), request)
		}
		if err == nil {
			err = api.MayAct(r.Context(), p.Orders, order)
		}
		if err != nil {
			api.WriteProblem(w, r, err)
			return
		}
		s, err := p.Orders.Ask(r.Context(), order, r.Header.Get("Idempotency-Key"), request)
		api.AnswerMoved(w, r, s, err)
	})
}

// signed puts the caller into a request, for which nobody else can speak.
func signed(ctx context.Context, request lifecycle.Request) (_ lifecycle.Request, err error) {
	switch r := request.(type) {
	case lifecycle.Move:
		r.By, err = api.ActAs(ctx, r.By)
		return r, err
	case lifecycle.Rejection:
		r.By, err = api.ActAs(ctx, r.By)
		return r, err
	case lifecycle.HandOver:
		r.By, err = api.ActAs(ctx, r.By)
		return r, err
	case lifecycle.Cancellation:
		r.By, err = api.ActAs(ctx, r.By)
		return r, err
	default: // an upload is nobody's word
		return request, nil
	}
}

func status(w http.ResponseWriter, r *http.Request, orders api.Orders) {
	s, err := api.Own(r.Context(), orders, r.PathValue("order"))
	api.Answer(w, r, http.StatusOK, s, err)
}

func body[R lifecycle.Request](w http.ResponseWriter, r *http.Request) (lifecycle.Request, error) {
	var request R
	err := api.ReadJSON(w, r, &request)
	return request, err
}

// moveTo reads a move to a stage. The body may leave the stage out.
func moveTo(stage lifecycle.Stage) read {
	return func(w http.ResponseWriter, r *http.Request) (lifecycle.Request, error) {
		var m lifecycle.Move
		if err := api.ReadJSON(w, r, &m); err != nil {
			return nil, err
		}
		if cmp.Or(m.Stage, stage) != stage {
			return nil, invalid("stage", "this route moves orders to "+string(stage))
		}
		m.Stage = stage
		return m, nil
	}
}

// ship reads a move to SHIPPED, which takes a parcel: without its number, no
// carrier's message finds the order.
func ship(w http.ResponseWriter, r *http.Request) (lifecycle.Request, error) {
	request, err := moveTo(lifecycle.Shipped)(w, r)
	if m, ok := request.(lifecycle.Move); ok && (m.Carrier == "" || m.Tracking == "") {
		return nil, invalid("tracking_number", "say by which carrier, and under which tracking number")
	}
	return request, err
}

func list(mux *http.ServeMux, p api.People, pattern string, stage lifecycle.Stage) {
	p.Handle(mux, pattern, func(w http.ResponseWriter, r *http.Request) {
		orders, err := p.Orders.Waiting(r.Context(), stage, api.Limit(r))
		api.Answer(w, r, http.StatusOK, orders, err)
	})
}
