package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/lifecycle"
	"ordertrace/systems/crm"
)

// shipped is an attended order whose parcel is on its way.
func (r *rig) shipped(t *testing.T) order {
	t.Helper()
	o := r.mustStartTo(t, lifecycle.Shipped)
	r.ship(t, o)
	return o
}

// ship hands an order's parcel to the carrier.
func (r *rig) ship(t *testing.T, o order) {
	t.Helper()
	steps := r.everyone().Steps(trackingOf(o.ID))
	require.NoError(t, r.everyone().Take(t.Context(), o.ID, steps[len(steps)-1]))
	eventually(t, patience, 50*time.Millisecond, func() (bool, string) {
		s := r.status(t, o.ID)
		return s.WaitsFor(lifecycle.Closed) || s.Outcome != "", "it is not shipped"
	})
}

// news is a message of the carrier's on an order's parcel.
func news(o order, status lifecycle.ParcelStatus) carrier.Event {
	return carrier.NewEvent("UPS", trackingOf(o.ID), status)
}

// webhook posts a body to the CRM's webhook, and returns the answer's status and
// result.
func (r *rig) webhook(t *testing.T, body []byte, signature string) (status int, result string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.CRMURL()+"/webhooks/carrier", bytes.NewReader(body))
	require.NoError(t, err)
	if signature != "" {
		req.Header.Set("X-Hmac-Signature", signature)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var words struct{ Result, Code string }
	require.NoError(t, json.Unmarshal(answer, &words), "%s", answer)
	return resp.StatusCode, words.Result + words.Code
}

// says sends a message, signed, and requires what it is answered with.
func (r *rig) says(t *testing.T, e carrier.Event, status int, result string) {
	t.Helper()
	body := bodyOf(t, e)
	gotStatus, gotResult := r.webhook(t, body, carrier.Sign(r.carrier(t).Secret, body))
	require.Equal(t, fmt.Sprint(status, " ", result), fmt.Sprint(gotStatus, " ", gotResult))
}

func bodyOf(t *testing.T, e carrier.Event) []byte {
	t.Helper()
	body, err := e.Body()
	require.NoError(t, err)
	return body
}

// No bad message harms an order, even one that would close it.
func TestBadMessagesOfTheCarrier(t *testing.T) {
	r := shared
	o := r.shipped(t)
	secret := r.carrier(t).Secret
	delivered := bodyOf(t, news(o, lifecycle.ParcelDelivered))
	at := func(when time.Time) []byte {
		e := news(o, lifecycle.ParcelDelivered)
		e.At = when
		return bodyOf(t, e)
	}
	stranger := carrier.NewEvent("UPS", "1Z-"+newID("stranger"), lifecycle.ParcelDelivered)
	otherCarrier := carrier.NewEvent("DHLExpress", trackingOf(o.ID), lifecycle.ParcelDelivered)
	for name, tc := range map[string]struct {
		body   []byte
		secret string // it is signed with; empty: unsigned
		status int
		result string
	}{
		"unsigned":                      {delivered, "", http.StatusUnauthorized, lifecycle.CodeUnauthorized},
		"signed with another secret":    {delivered, secret + "x", http.StatusUnauthorized, lifecycle.CodeUnauthorized},
		"stale":                         {at(time.Now().Add(-8 * 24 * time.Hour)), secret, http.StatusUnprocessableEntity, lifecycle.CodeInvalidRequest},
		"from the future":               {at(time.Now().Add(time.Hour)), secret, http.StatusUnprocessableEntity, lifecycle.CodeInvalidRequest},
		"oversized":                     {append(bytes.Clone(delivered), bytes.Repeat([]byte(" "), 64<<10)...), secret, http.StatusRequestEntityTooLarge, lifecycle.CodeTooLarge},
		"cut off":                       {delivered[:len(delivered)-20], secret, http.StatusBadRequest, lifecycle.CodeMalformed},
		"no JSON":                       {[]byte("delivered"), secret, http.StatusBadRequest, lifecycle.CodeMalformed},
		"empty":                         {nil, secret, http.StatusBadRequest, lifecycle.CodeMalformed},
		"without an ID":                 {bytes.Replace(delivered, []byte(`"id":"evt_`), []byte(`"di":"evt_`), 1), secret, http.StatusBadRequest, lifecycle.CodeMalformed},
		"without a status":              {bodyOf(t, news(o, "")), secret, http.StatusBadRequest, lifecycle.CodeMalformed},
		"a status that is not known":    {bodyOf(t, news(o, "teleported")), secret, http.StatusOK, "ignored"},
		"about something else":          {bytes.Replace(delivered, []byte("tracker.updated"), []byte("batch.updated"), 1), secret, http.StatusOK, "ignored"},
		"of a parcel that is not known": {bodyOf(t, stranger), secret, http.StatusAccepted, "kept"},
		"of another carrier's parcel":   {bodyOf(t, otherCarrier), secret, http.StatusAccepted, "kept"},
	} {
		t.Run(name, func(t *testing.T) {
			signature := ""
			if tc.secret != "" {
				signature = carrier.Sign(tc.secret, tc.body)
			}
			status, result := r.webhook(t, tc.body, signature)
			require.Equal(t, fmt.Sprint(tc.status, " ", tc.result), fmt.Sprint(status, " ", result))
		})
	}
	t.Run("signed, and changed since", func(t *testing.T) {
		inTransit := bodyOf(t, news(o, lifecycle.ParcelInTransit))
		changed := bytes.ReplaceAll(inTransit, []byte(lifecycle.ParcelInTransit), []byte(lifecycle.ParcelDelivered))
		status, _ := r.webhook(t, changed, carrier.Sign(secret, inTransit))
		require.Equal(t, http.StatusUnauthorized, status)
	})
	s := r.status(t, o.ID)
	require.True(t, s.WaitsFor(lifecycle.Closed))
	require.Empty(t, s.Ignored)
	require.Empty(t, s.Parcel)
	require.Empty(t, s.Problem)

	r.says(t, news(o, lifecycle.ParcelDelivered), http.StatusOK, "closed")
	require.NoError(t, r.ended(t, o.ID))
	r.requireClosedEverywhere(t, o.ID)
	r.requireAgreement(t, o.ID)
}

// Messages that are repeated are told once, also across the CRM's death; those
// that come out of order are told, and change nothing that is newer.
func TestMessagesTwiceAndOutOfOrder(t *testing.T) {
	r := shared
	o := r.shipped(t)
	began := time.Now()
	at := func(status lifecycle.ParcelStatus, after time.Duration) carrier.Event {
		e := news(o, status)
		e.At = began.Add(after)
		return e
	}
	outForDelivery, inTransit := at(lifecycle.ParcelOutForDelivery, 2*time.Second), at(lifecycle.ParcelInTransit, time.Second)
	r.says(t, outForDelivery, http.StatusOK, "recorded")
	r.says(t, outForDelivery, http.StatusOK, "repeated")
	r.says(t, inTransit, http.StatusOK, "recorded")
	r.restart(t, "crm", syscall.SIGKILL)
	r.says(t, inTransit, http.StatusOK, "repeated")
	r.says(t, outForDelivery, http.StatusOK, "repeated")
	eventually(t, patience, 50*time.Millisecond, func() (bool, string) {
		s := r.status(t, o.ID)
		return s.Parcel == lifecycle.ParcelOutForDelivery, string(s.Parcel)
	})
	require.True(t, r.status(t, o.ID).WaitsFor(lifecycle.Closed))

	delivered := at(lifecycle.ParcelDelivered, 3*time.Second)
	r.says(t, delivered, http.StatusOK, "closed")
	r.says(t, delivered, http.StatusOK, "repeated")
	require.NoError(t, r.ended(t, o.ID))
	r.says(t, at(lifecycle.ParcelInTransit, 4*time.Second), http.StatusOK, "ended")
	r.says(t, delivered, http.StatusOK, "repeated")
	s := r.status(t, o.ID)
	require.Equal(t, lifecycle.Close{By: "carrier", Reason: "delivered"}, *s.Close)
	require.Empty(t, s.Ignored)
	r.requireClosedEverywhere(t, o.ID)
	names := count(r.spans(t, o))
	require.Equal(t, [3]int{1, 1, 1}, [3]int{names["carrier out_for_delivery"], names["carrier in_transit"], names["signal close"]})
}

// What the carrier says before an order is shipped is told once it is: delivered,
// among it, closes the order.
func TestMessagesBeforeShipped(t *testing.T) {
	r := shared
	o := r.mustStartTo(t, lifecycle.Shipped)
	inTransit, delivered := news(o, lifecycle.ParcelInTransit), news(o, lifecycle.ParcelDelivered)
	delivered.At = inTransit.At.Add(time.Second)
	r.says(t, delivered, http.StatusAccepted, "kept")
	r.says(t, inTransit, http.StatusAccepted, "kept")
	r.says(t, inTransit, http.StatusAccepted, "kept")
	require.True(t, r.status(t, o.ID).WaitsFor(lifecycle.Shipped), "nothing closes it early")
	r.restart(t, "crm", syscall.SIGKILL)

	r.ship(t, o)
	require.NoError(t, r.ended(t, o.ID))
	s := r.status(t, o.ID)
	require.Equal(t, lifecycle.Close{By: "carrier", Reason: "delivered"}, *s.Close)
	require.Equal(t, lifecycle.ParcelDelivered, s.Parcel)
	r.says(t, delivered, http.StatusOK, "repeated")
	r.requireClosedEverywhere(t, o.ID)
	names := count(r.requireWhole(t, o))
	require.Equal(t, [3]int{1, 1, 0}, [3]int{names["carrier in_transit"], names["carrier delivered"], names["await CLOSED"]})
}

// A parcel in trouble is shown to the managers; its order stays open, until they
// close it.
func TestParcelsInTrouble(t *testing.T) {
	r, ctx := shared, t.Context()
	for status, o := range map[lifecycle.ParcelStatus]order{
		lifecycle.ParcelReturnToSender: r.shipped(t),
		lifecycle.ParcelFailure:        r.shipped(t),
	} {
		t.Run(string(status), func(t *testing.T) {
			require.NotContains(t, r.troubled(t), o.ID)
			r.says(t, news(o, status), http.StatusOK, "recorded")
			require.Equal(t, status, r.troubled(t)[o.ID].Status)
			eventually(t, patience, 50*time.Millisecond, func() (bool, string) { return r.status(t, o.ID).Parcel == status, "the order does not know" })
			require.True(t, r.status(t, o.ID).WaitsFor(lifecycle.Closed))
			require.NoError(t, r.everyone().Do(ctx, http.MethodPost, r.CRMURL()+"/orders/"+o.ID+"/close", map[string]string{"by": "manager-3", "reason": "came back"}, nil))
			require.NoError(t, r.ended(t, o.ID))
			r.requireClosedEverywhere(t, o.ID)
			r.requireAgreement(t, o.ID)
			require.Len(t, named(r.spans(t, o), "carrier "+string(status)), 1)
		})
	}
}

// troubled are the parcels that somebody has to look after, by their orders.
func (r *rig) troubled(t *testing.T) map[string]crm.Parcel {
	t.Helper()
	resp, err := http.Get(r.CRMURL() + "/parcels?trouble=true&limit=1000")
	require.NoError(t, err)
	defer resp.Body.Close()
	var listed []crm.Parcel
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&listed))
	parcels := map[string]crm.Parcel{}
	for _, p := range listed {
		parcels[p.Order] = p
	}
	return parcels
}

// While Temporal does not answer, neither does the webhook: the carrier sends its
// message again, and no message is lost.
func TestMessagesWhileTemporalIsDown(t *testing.T) {
	r := another(t)
	resumed, killed := r.shipped(t), r.shipped(t)
	for _, o := range []order{resumed, killed} {
		r.settled(t, o.ID)
	}
	down := func(o order) (delivered carrier.Event) {
		inTransit, delivered := news(o, lifecycle.ParcelInTransit), news(o, lifecycle.ParcelDelivered)
		var messages errgroup.Group
		ups := r.carrier(t)
		for _, e := range []carrier.Event{inTransit, delivered} {
			messages.Go(func() error {
				var refusal *carrier.Refusal
				if err := ups.Send(t.Context(), e); !errors.As(err, &refusal) || refusal.Status != http.StatusServiceUnavailable {
					return fmt.Errorf("want 503, got %w", err)
				}
				return nil
			})
		}
		require.NoError(t, messages.Wait())
		return delivered
	}
	resume := r.suspend(t, "temporal")
	delivered := down(resumed)
	resume()
	r.repeated(t, delivered)
	r.requireClosedByCarrier(t, resumed)

	r.suspend(t, "temporal")
	delivered = down(killed)
	r.restart(t, "temporal", syscall.SIGKILL)
	r.repeated(t, delivered)
	r.requireClosedByCarrier(t, killed)
}

// repeated sends a message as a carrier does: until it is taken.
func (r *rig) repeated(t *testing.T, e carrier.Event) {
	t.Helper()
	eventually(t, patience, 200*time.Millisecond, func() (bool, string) {
		err := r.carrier(t).Send(t.Context(), e)
		var refusal *carrier.Refusal
		if errors.As(err, &refusal) {
			require.Equal(t, http.StatusServiceUnavailable, refusal.Status)
		}
		return err == nil, fmt.Sprint(err)
	})
}

// requireClosedByCarrier requires that an order learnt that its parcel was in
// transit and is delivered.
func (r *rig) requireClosedByCarrier(t *testing.T, o order) {
	t.Helper()
	require.NoError(t, r.ended(t, o.ID))
	s := r.status(t, o.ID)
	require.Equal(t, lifecycle.Close{By: "carrier", Reason: "delivered"}, *s.Close)
	r.requireClosedEverywhere(t, o.ID)
	require.NoError(t, r.recordsDiffer(t.Context(), s))
	eventually(t, patience, 200*time.Millisecond, func() (bool, string) {
		names := count(r.spans(t, o))
		return names["carrier in_transit"] > 0 && names["Order closed"] == 1, fmt.Sprint(names)
	})
}

// A CRM that is killed between, and while, it is told of parcels loses nothing.
func TestNoMessageIsLostWithTheCRM(t *testing.T) {
	r := shared
	early, late := r.mustStartTo(t, lifecycle.Shipped), r.shipped(t)
	for _, o := range []order{early, late} {
		r.settled(t, o.ID)
	}
	statuses := []lifecycle.ParcelStatus{lifecycle.ParcelPreTransit, lifecycle.ParcelInTransit, lifecycle.ParcelOutForDelivery, lifecycle.ParcelDelivered}
	ups := r.carrier(t)
	for i, status := range statuses {
		for _, o := range []order{early, late} {
			e := news(o, status)
			e.At = e.At.Add(time.Duration(i) * time.Second)
			sent := make(chan error, 1)
			go func() { sent <- ups.Send(t.Context(), e) }()
			r.restart(t, "crm", syscall.SIGKILL)
			<-sent // whatever came of it
			r.repeated(t, e)
		}
	}
	r.ship(t, early)
	for _, o := range []order{early, late} {
		require.NoError(t, r.ended(t, o.ID))
		r.requireClosedEverywhere(t, o.ID)
		s := r.status(t, o.ID)
		require.Equal(t, lifecycle.Close{By: "carrier", Reason: "delivered"}, *s.Close)
		require.Equal(t, [3]string{"UPS", trackingOf(o.ID), ""}, [3]string{s.Facts.Carrier, s.Facts.Tracking, s.Problem})
		require.NoError(t, r.recordsDiffer(t.Context(), s))
		var p crm.Parcel
		require.NoError(t, r.everyone().Do(t.Context(), http.MethodGet, r.CRMURL()+"/orders/"+o.ID+"/parcel", nil, &p))
		var heard []lifecycle.ParcelStatus
		for _, e := range p.Events {
			heard = append(heard, e.Status)
		}
		require.Equal(t, statuses, heard)
		eventually(t, patience, 200*time.Millisecond, func() (bool, string) {
			names := count(r.spans(t, o))
			for _, status := range statuses[:3] {
				if names["carrier "+string(status)] == 0 {
					return false, fmt.Sprint(names)
				}
			}
			return names["Order closed"] == 1, fmt.Sprint(names)
		})
	}
}
