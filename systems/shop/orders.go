package shop

import (
	"net/http"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// People adds the shop's own route for customers:
//
//	PUT  /orders/{order}/model   the 3D model itself, as a stream -> api.Moved
//
// A model is known by its content: the same file sent again, after an answer
// that was lost, does nothing.
func (s *System) People(mux *http.ServeMux, p api.People) {
	p.For(lifecycle.Customer, lifecycle.Partner).Handle(mux, "PUT /orders/{order}/model", func(w http.ResponseWriter, r *http.Request) {
		status, err := s.takeOrdersModel(w, r, p.Orders)
		api.AnswerMoved(w, r, status, err)
	})
}

func (s *System) takeOrdersModel(w http.ResponseWriter, r *http.Request, orders api.Orders) (lifecycle.Status, error) {
	order := r.PathValue("order")
	status, err := api.Own(r.Context(), orders, order)
	if err != nil {
		return status, err
	}
	if status.Outcome != "" { // before half a gigabyte is sent for nothing
		return status, &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeEnded, Detail: "the order has ended: it was " + string(status.Outcome)}
	}
	model, _, err := s.takeModel(r.Context(), w, r)
	if err != nil {
		return status, err
	}
	return orders.Ask(r.Context(), order, r.Header.Get("Idempotency-Key"), lifecycle.Upload{Model: &model})
}
