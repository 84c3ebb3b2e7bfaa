package lifecycle

import "fmt"

// Facts is what is known of an order so far: identifiers and measurements,
// never personal data. Each stage is given the facts and adds its own.
type Facts struct {
	Source   string `json:"source,omitempty"`   // "b2c" (the shop's page) or "b2b" (a partner's client)
	Material string `json:"material,omitempty"` // a key of the rate table, such as "silver-925"
	Model    *Model `json:"model,omitempty"`
	Price    *Money `json:"price,omitempty"`
	Operator string `json:"operator,omitempty"` // who took the order in production
	Carrier  string `json:"carrier,omitempty"`
	Tracking string `json:"tracking_number,omitempty"`
}

// A Model is the customer's 3D file, known by its content.
type Model struct {
	Digest    string `json:"digest"` // "sha256-" and 64 lower-case hex digits
	SizeBytes int64  `json:"size_bytes,omitempty"`
	Triangles int64  `json:"triangles,omitempty"`
}

// Money is an amount in a currency's minor units: 1999 EUR is 19.99 euro.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"` // ISO 4217
}

// String is for people: "19.99 EUR". All currencies of the rate table have two
// decimal places.
func (m Money) String() string {
	sign, amount := "", uint64(m.Amount)
	if m.Amount < 0 {
		sign, amount = "-", -amount // unsigned: the least amount has no positive twin
	}
	return fmt.Sprintf("%s%d.%02d %s", sign, amount/100, amount%100, m.Currency)
}

// With returns the facts overlaid with every fact that more states.
func (f Facts) With(more Facts) Facts {
	overlay(&f.Source, more.Source)
	overlay(&f.Material, more.Material)
	overlay(&f.Model, more.Model)
	overlay(&f.Price, more.Price)
	overlay(&f.Operator, more.Operator)
	overlay(&f.Carrier, more.Carrier)
	overlay(&f.Tracking, more.Tracking)
	return f
}

func overlay[T comparable](dst *T, src T) {
	var none T
	if src != none {
		*dst = src
	}
}
