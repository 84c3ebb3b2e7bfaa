package lifecycle

import "time"

// A ParcelStatus is what a carrier says of a parcel, in EasyPost's words
// (docs.easypost.com, Tracker object).
type ParcelStatus string

// The statuses of a parcel.
const (
	ParcelUnknown            ParcelStatus = "unknown"
	ParcelPreTransit         ParcelStatus = "pre_transit"
	ParcelInTransit          ParcelStatus = "in_transit"
	ParcelOutForDelivery     ParcelStatus = "out_for_delivery"
	ParcelAvailableForPickup ParcelStatus = "available_for_pickup"
	ParcelDelivered          ParcelStatus = "delivered"
	ParcelReturnToSender     ParcelStatus = "return_to_sender"
	ParcelFailure            ParcelStatus = "failure"
	ParcelCancelled          ParcelStatus = "cancelled"
	ParcelError              ParcelStatus = "error"
)

// Known tells whether it is one of the statuses above.
func (p ParcelStatus) Known() bool {
	switch p {
	case ParcelUnknown, ParcelPreTransit, ParcelInTransit, ParcelOutForDelivery, ParcelAvailableForPickup,
		ParcelDelivered, ParcelReturnToSender, ParcelFailure, ParcelCancelled, ParcelError:
		return true
	default:
		return false
	}
}

// Trouble tells whether somebody has to look after the parcel.
func (p ParcelStatus) Trouble() bool {
	return p == ParcelReturnToSender || p == ParcelFailure || p == ParcelCancelled || p == ParcelError
}

// A CarrierEvent is one message of a carrier on an order's parcel.
type CarrierEvent struct {
	ID     string       `json:"id"` // the carrier's own, the same for a message that is sent again
	Status ParcelStatus `json:"status"`
	At     time.Time    `json:"at"` // when the carrier says that it was so
}

// A Parcel is what an order was shipped as.
type Parcel struct {
	Order    string `json:"order_id"`
	Carrier  string `json:"carrier"`
	Tracking string `json:"tracking_number"`
}

// ExpectParcel is the activity, on the CRM's queue, that has the CRM watch for
// the carrier's messages on a Parcel. It answers those that came before.
const ExpectParcel = "expect parcel"
