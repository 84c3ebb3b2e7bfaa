package activities_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// expect asks a CRM that answers so to expect a parcel, and returns the
// request's path and body too.
func expect(t *testing.T, answer http.HandlerFunc) (events []lifecycle.CarrierEvent, path, body string, err error) {
	s := serve(t, lifecycle.CRM, &system{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		path, body = r.Method+" "+r.URL.EscapedPath(), string(b)
		answer(w, r)
	}))
	out, err := s.env.ExecuteActivity(lifecycle.ExpectParcel, lifecycle.Parcel{Order: "ord/1", Carrier: "UPS", Tracking: "1Z999"})
	if err == nil {
		err = out.Get(&events)
	}
	return events, path, body, err
}

func TestTheCRMIsToldOfAParcelAndTellsWhatCameBefore(t *testing.T) {
	early := lifecycle.CarrierEvent{ID: "evt_1", Status: lifecycle.ParcelInTransit, At: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	tests := map[string]struct {
		answer string
		want   []lifecycle.CarrierEvent
	}{
		"nothing came":   {`{"events":[]}`, []lifecycle.CarrierEvent{}},
		"something came": {`{"events":[{"id":"evt_1","status":"in_transit","at":"2026-11-23T12:00:00Z"}]}`, []lifecycle.CarrierEvent{early}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			events, path, body, err := expect(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, tc.answer) })
			require.NoError(t, err)
			require.Equal(t, tc.want, events)
			require.Equal(t, "PUT /orders/ord%2F1/parcel", path)
			require.JSONEq(t, `{"carrier":"UPS","tracking_number":"1Z999"}`, body)
		})
	}
}

func TestAParcelThatTheCRMDoesNotTake(t *testing.T) {
	tests := map[string]struct {
		err       error
		retryable bool
	}{
		"another order's": {&lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "it is another order's"}, false},
		"not now":         {errors.New("disk full"), true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, _, err := expect(t, func(w http.ResponseWriter, r *http.Request) { api.WriteProblem(w, r, tc.err) })
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.Equal(t, tc.retryable, !app.NonRetryable())
		})
	}
}
