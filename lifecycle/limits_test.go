package lifecycle_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

// Ill-formed requests are refused wherever the order stands, with the field that
// is wrong.
func TestIllFormedRequestsAreRefused(t *testing.T) {
	long, longer := strings.Repeat("x", 100), strings.Repeat("x", 101)
	essay := strings.Repeat("x", 501)
	move := func(change func(*lifecycle.Move)) lifecycle.Move {
		m := moves[lifecycle.Packaging]
		change(&m)
		return m
	}
	ship := func(carrier, tracking string) lifecycle.Move {
		return lifecycle.Move{Stage: lifecycle.Shipped, By: "operator-1", Carrier: carrier, Tracking: tracking}
	}
	tests := map[string]struct {
		request lifecycle.Request
		field   string // empty: it is well-formed
		code    string // invalid_request, if empty
	}{
		"a move":                                  {request: moves[lifecycle.Packaging]},
		"a move by nobody":                        {request: move(func(m *lifecycle.Move) { m.By = "" }), field: "by"},
		"a move by a long identifier":             {request: move(func(m *lifecycle.Move) { m.By = long })},
		"a move by one too long":                  {request: move(func(m *lifecycle.Move) { m.By = longer }), field: "by"},
		"a move by an identifier in two lines":    {request: move(func(m *lifecycle.Move) { m.By = "op\n1" }), field: "by"},
		"a move by an identifier that rings":      {request: move(func(m *lifecycle.Move) { m.By = "op\a1" }), field: "by"},
		"a move by an identifier with a zero":     {request: move(func(m *lifecycle.Move) { m.By = "op\x00" }), field: "by"},
		"a move by an identifier that turns text": {request: move(func(m *lifecycle.Move) { m.By = "op\u202e1" }), field: "by"},
		"a move by broken UTF-8":                  {request: move(func(m *lifecycle.Move) { m.By = "op\xff" }), field: "by"},
		"a move by somebody of another script":    {request: move(func(m *lifecycle.Move) { m.By = "мастер-1" })},
		"a move to nowhere":                       {request: move(func(m *lifecycle.Move) { m.Stage = "" }), field: "stage", code: "unknown_stage"},
		"a move to an unknown stage":              {request: move(func(m *lifecycle.Move) { m.Stage = "MELTED" }), field: "stage", code: "unknown_stage"},
		"a move to the start":                     {request: moves[lifecycle.Initiated], field: "stage"},
		"a move to what takes a model":            {request: moves[lifecycle.FileUploaded], field: "stage"},
		"a move to what goes by itself":           {request: moves[lifecycle.PriceCalculated], field: "stage"},
		"a move with a reason":                    {request: move(func(m *lifecycle.Move) { m.Reason = "done" }), field: "reason"},
		"a move with a carrier":                   {request: move(func(m *lifecycle.Move) { m.Carrier = "dhl" }), field: "carrier"},
		"a move with a tracking number":           {request: move(func(m *lifecycle.Move) { m.Tracking = "JD0146" }), field: "carrier"},

		"a shipment":                          {request: ship("dhl", "JD0146")},
		"a shipment without a carrier":        {request: ship("", "")},
		"a carrier without tracking":          {request: ship("dhl", ""), field: "tracking_number"},
		"tracking without a carrier":          {request: ship("", "JD0146"), field: "tracking_number"},
		"a carrier too long":                  {request: ship(longer, "JD0146"), field: "carrier"},
		"a tracking number too long":          {request: ship("dhl", longer), field: "tracking_number"},
		"a tracking number that is no text":   {request: ship("dhl", "JD\t0146"), field: "tracking_number"},
		"a close with an essay":               {request: lifecycle.Move{Stage: lifecycle.Closed, By: "manager-1", Reason: essay}, field: "reason"},
		"a close with a reason":               {request: lifecycle.Move{Stage: lifecycle.Closed, By: "manager-1", Reason: essay[:500]}},
		"a close with a reason with a zero":   {request: lifecycle.Move{Stage: lifecycle.Closed, By: "manager-1", Reason: "a\x00b"}, field: "reason"},
		"a close with a reason in two lines":  {request: lifecycle.Move{Stage: lifecycle.Closed, By: "manager-1", Reason: "picked up\nby hand"}},
		"a close with a reason not in UTF-8":  {request: lifecycle.Move{Stage: lifecycle.Closed, By: "manager-1", Reason: "\xc3\x28"}, field: "reason"},
		"an upload":                           {request: upload},
		"an upload of nothing":                {request: lifecycle.Upload{}, field: "model", code: "missing_model"},
		"an upload of a file's name":          {request: lifecycle.Upload{Model: &lifecycle.Model{Digest: "ring.stl"}}, field: "model", code: "invalid_model"},
		"an upload of an empty digest":        {request: lifecycle.Upload{Model: &lifecycle.Model{}, Material: "silver-925"}, field: "model", code: "invalid_model"},
		"an upload of a digest in upper case": {request: lifecycle.Upload{Model: &lifecycle.Model{Digest: "sha256-" + strings.Repeat("A", 64)}}, field: "model", code: "invalid_model"},
		"an upload of a digest and a line":    {request: lifecycle.Upload{Model: &lifecycle.Model{Digest: ring.Digest + "\n"}}, field: "model", code: "invalid_model"},
		"an upload of an endless material":    {request: lifecycle.Upload{Material: longer}, field: "material"},
		"an upload of a material with a zero": {request: lifecycle.Upload{Material: "silver\x00"}, field: "material"},

		"a rejection":                     {request: rejection},
		"a rejection by nobody":           {request: lifecycle.Rejection{Reason: "too thin"}, field: "by"},
		"a rejection without a reason":    {request: lifecycle.Rejection{By: "manager-1"}, field: "reason"},
		"a rejection with an essay":       {request: lifecycle.Rejection{By: "manager-1", Reason: essay}, field: "reason"},
		"a rejection of the material":     {request: lifecycle.Rejection{By: "manager-1", Reason: "no gold left", Field: "material"}},
		"a rejection of the price":        {request: lifecycle.Rejection{By: "manager-1", Reason: "too cheap", Field: "price"}, field: "field"},
		"a hand-over":                     {request: handOver},
		"a hand-over by nobody":           {request: lifecycle.HandOver{From: "operator-1", To: "operator-2"}, field: "by"},
		"a hand-over from nobody":         {request: lifecycle.HandOver{By: "manager-1", To: "operator-2"}, field: "from"},
		"a hand-over to nobody":           {request: lifecycle.HandOver{By: "manager-1", From: "operator-1"}, field: "to"},
		"a hand-over to the same":         {request: lifecycle.HandOver{By: "manager-1", From: "operator-1", To: "operator-1"}, field: "to"},
		"a cancellation":                  {request: cancel},
		"a cancellation without a reason": {request: lifecycle.Cancellation{By: "customer-1"}},
		"a cancellation by nobody":        {request: lifecycle.Cancellation{Reason: "changed my mind"}, field: "by"},
		"a cancellation with an essay":    {request: lifecycle.Cancellation{By: "customer-1", Reason: essay}, field: "reason"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for _, words := range []string{"comes to INITIATED", "waits for PACKAGING", "being cancelled at PACKAGING", "closed"} {
				err := tc.request.Judge(standing(t, words))
				var e *lifecycle.Error
				if tc.field == "" {
					if err != nil {
						require.ErrorAs(t, err, &e)
						require.Equal(t, lifecycle.LookUp, e.Remedy, "%s: %v", words, err)
					}
					continue
				}
				code := tc.code
				if code == "" {
					code = lifecycle.CodeInvalidRequest
				}
				require.ErrorAs(t, err, &e, words)
				require.Equal(t, [3]string{"fix_input", code, tc.field}, [3]string{string(e.Remedy), e.Code, e.Field}, "%s: %v", words, err)
				require.NotContains(t, err.Error(), longer, "what was sent is not sent back whole")
			}
		})
	}
}

func TestCloseHasLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		close lifecycle.Close
		field string
	}{
		"by hand":              {lifecycle.Close{By: "manual"}, ""},
		"a reason":             {lifecycle.Close{By: "manual", Reason: strings.Repeat("x", 500)}, ""},
		"an essay":             {lifecycle.Close{By: "manual", Reason: strings.Repeat("x", 501)}, "reason"},
		"a reason with a zero": {lifecycle.Close{By: "manual", Reason: "a\x00b"}, "reason"}, // PostgreSQL takes none: it would never be recorded
		"a person":             {lifecycle.Close{By: "manual", Person: "manager-1"}, ""},
		"a person too long":    {lifecycle.Close{By: "manual", Person: strings.Repeat("x", 101)}, "person"},
		"a person with a zero": {lifecycle.Close{By: "manual", Person: "m\x00"}, "person"},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.close.Judge(waitsFor(lifecycle.Closed))
			if tc.field == "" {
				require.NoError(t, err)
				return
			}
			var e *lifecycle.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.field, e.Field)
		})
	}
}

func TestVerbsAreTheUpdatesNames(t *testing.T) {
	var verbs []string
	for _, r := range requests()[9:] {
		verbs = append(verbs, r.Verb())
	}
	require.Equal(t, []string{"advance", "upload", "upload", "reject", "hand_over", "cancel"}, verbs)
}

func TestParcelStatuses(t *testing.T) {
	trouble := map[lifecycle.ParcelStatus]bool{
		"unknown": false, "pre_transit": false, "in_transit": false, "out_for_delivery": false, "available_for_pickup": false,
		"delivered": false, "return_to_sender": true, "failure": true, "cancelled": true, "error": true,
	}
	for status, want := range trouble {
		require.True(t, status.Known(), status)
		require.Equal(t, want, status.Trouble(), status)
	}
	for _, status := range []lifecycle.ParcelStatus{"", "Delivered", "lost"} {
		require.False(t, status.Known(), status)
		require.False(t, status.Trouble(), status)
	}
}
