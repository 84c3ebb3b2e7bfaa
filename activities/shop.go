package activities

import (
	"context"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// Shop is the activities on the queue shop.
type Shop struct{ system }

// NewShop returns the activities that call the shop.
func NewShop(client *api.Client) *Shop { return &Shop{system{client}} }

// Register makes them known to a worker.
func (s *Shop) Register(r Registry) {
	register(r, lifecycle.Initiated, s.Initiate)
	register(r, lifecycle.FileUploaded, s.UploadFile)
	register(r, lifecycle.Submitted, s.Submit)
	registerEnd(r, lifecycle.Shop, s.system)
}

// Initiate opens the order.
func (s *Shop) Initiate(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return s.record(ctx, a)
}

// UploadFile binds the uploaded model to the order, by its digest.
func (s *Shop) UploadFile(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return s.record(ctx, a)
}

// Submit freezes the order.
func (s *Shop) Submit(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return s.record(ctx, a)
}
