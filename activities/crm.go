package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// CRM is the activities on the queue crm.
type CRM struct{ system }

// NewCRM returns the activities that call the CRM.
func NewCRM(client *api.Client) *CRM { return &CRM{system{client}} }

// Register makes them known to a worker.
func (c *CRM) Register(r Registry) {
	register(r, lifecycle.ManufacturingApproved, c.Approve)
	register(r, lifecycle.Closed, c.Close)
	r.RegisterActivityWithOptions(c.ExpectParcel, activity.RegisterOptions{Name: lifecycle.ExpectParcel})
	registerEnd(r, lifecycle.CRM, c.system)
}

// Approve confirms the deal at its price and hands it to production.
func (c *CRM) Approve(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return c.record(ctx, a)
}

// Close closes the deal, with who closed it and why.
func (c *CRM) Close(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return c.record(ctx, a)
}

// ExpectParcel has the CRM watch for the carrier's messages on a parcel, and
// answers those that came before.
func (c *CRM) ExpectParcel(ctx context.Context, p lifecycle.Parcel) ([]lifecycle.CarrierEvent, error) {
	early, err := c.api.ExpectParcel(ctx, p)
	return early, toTemporal(err)
}
