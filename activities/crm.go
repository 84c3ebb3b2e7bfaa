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
	r.RegisterActivityWithOptions(c.Settle, activity.RegisterOptions{Name: lifecycle.Settle})
}

// Approve confirms the deal at its price and hands it to production.
func (c *CRM) Approve(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return c.record(ctx, a)
}

// Close closes the deal, with who closed it and why.
func (c *CRM) Close(ctx context.Context, a lifecycle.Arrival) (lifecycle.Facts, error) {
	return c.record(ctx, a)
}
