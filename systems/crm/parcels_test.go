package crm

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/store/storetest"
)

func TestAParcelIsOneOrdersAndAnOrderHasOneParcel(t *testing.T) {
	long := strings.Repeat("x", 256)
	for name, c := range map[string]struct {
		parcel lifecycle.Parcel
		code   string
		remedy lifecycle.Remedy
	}{
		"another order's":            {lifecycle.Parcel{Order: "o2", Carrier: "ups", Tracking: "1-z"}, lifecycle.CodeConflict, lifecycle.LookUp},
		"another parcel":             {lifecycle.Parcel{Order: "o1", Carrier: "UPS", Tracking: "2Z"}, lifecycle.CodeConflict, lifecycle.LookUp},
		"another carrier":            {lifecycle.Parcel{Order: "o1", Carrier: "DHL", Tracking: "1Z"}, lifecycle.CodeConflict, lifecycle.LookUp},
		"an order that is unknown":   {lifecycle.Parcel{Order: "o3", Carrier: "UPS", Tracking: "3Z"}, lifecycle.CodeNotFound, lifecycle.LookUp},
		"an order that cannot be":    {lifecycle.Parcel{Order: "o\xff", Carrier: "UPS", Tracking: "3Z"}, lifecycle.CodeNotFound, lifecycle.LookUp},
		"no carrier":                 {lifecycle.Parcel{Order: "o2", Tracking: "2Z"}, lifecycle.CodeInvalidRequest, lifecycle.FixInput},
		"no tracking number":         {lifecycle.Parcel{Order: "o2", Carrier: "UPS", Tracking: " - "}, lifecycle.CodeInvalidRequest, lifecycle.FixInput},
		"a tracking number too long": {lifecycle.Parcel{Order: "o2", Carrier: "UPS", Tracking: long}, lifecycle.CodeInvalidRequest, lifecycle.FixInput},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, dsn string) {
				d := openDock(t, dsn, secret)
				d.ship(t, "o1", "1Z")
				_, err := d.client.ExpectParcel(t.Context(), c.parcel)
				var refused *lifecycle.Error
				require.ErrorAs(t, err, &refused)
				require.Equal(t, []string{c.code, string(c.remedy)}, []string{refused.Code, string(refused.Remedy)})
				require.Empty(t, d.ship(t, "o1", "1Z"), "the first one stands")
				var all []Parcel
				d.get(t, "/parcels", &all)
				require.Len(t, all, 1)
			})
		})
	}
}

// A message and the order's question for its parcel come at once. Whoever comes
// first: the order hears of the message, by the answer or by being told.
func TestNoMessageIsLostBetweenTheOrdersQuestionAndTheCarriersMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		const rounds = 40
		early := 0
		for i := range rounds {
			order, tracking, id := fmt.Sprintf("race%d", i), fmt.Sprintf("Z%d", i), fmt.Sprintf("e%d", i)
			_, err := d.DB().Exec(`INSERT INTO orders (order_id, stage, facts, created_at, updated_at) SELECT $1, stage, facts, created_at, updated_at FROM orders WHERE order_id = 'o1'`, order)
			require.NoError(t, err)
			if i%2 == 0 { // else the parcel itself is new
				require.Equal(t, kept, d.send(t, news("before"+id, tracking, lifecycle.ParcelInTransit, 60)))
			}
			var asked []lifecycle.CarrierEvent
			var said answer
			var both sync.WaitGroup
			both.Go(func() { asked = d.ship(t, order, tracking) })
			both.Go(func() { said = d.send(t, news(id, tracking, lifecycle.ParcelDelivered, 0)) })
			both.Wait()
			told := strings.Contains(strings.Join(d.orders.all(), "\n"), order+" "+id+" ")
			answered := slices.ContainsFunc(asked, func(e lifecycle.CarrierEvent) bool { return e.ID == id })
			require.NotEqual(t, answered, told, "either of both, and not both: %v", said)
			if told {
				require.Equal(t, closed, said)
			} else {
				require.Contains(t, []answer{kept, repeated}, said)
				early++
			}
			require.Equal(t, repeated, d.send(t, news(id, tracking, lifecycle.ParcelDelivered, 0)))
		}
		t.Logf("%d of %d messages came before the question", early, rounds)
	})
}

func TestTheSameMessageAtOnceIsOneEvent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if a := d.send(t, news("e1", "1Z", lifecycle.ParcelDelivered, 0)); a != kept {
					t.Errorf("answered %v", a)
				}
			})
		}
		all.Wait()
		require.Len(t, d.ship(t, "o1", "1Z"), 1)
	})
}

func TestHowAParcelStands(t *testing.T) {
	const (
		transit   = lifecycle.ParcelInTransit
		out       = lifecycle.ParcelOutForDelivery
		delivered = lifecycle.ParcelDelivered
		failure   = lifecycle.ParcelFailure
		returned  = lifecycle.ParcelReturnToSender
	)
	for name, c := range map[string]struct {
		said []lifecycle.ParcelStatus // in the order in which it was so
		want lifecycle.ParcelStatus
	}{
		"nothing was said":              {nil, ""},
		"the last word counts":          {[]lifecycle.ParcelStatus{transit, out}, out},
		"trouble that passed":           {[]lifecycle.ParcelStatus{failure, transit}, transit},
		"delivered stays so":            {[]lifecycle.ParcelStatus{delivered, transit, failure}, delivered},
		"unless it comes back":          {[]lifecycle.ParcelStatus{delivered, returned}, returned},
		"on its way back":               {[]lifecycle.ParcelStatus{delivered, returned, transit}, returned},
		"on its way back, not ours yet": {[]lifecycle.ParcelStatus{transit, returned}, returned},
		"a second try":                  {[]lifecycle.ParcelStatus{returned, delivered}, delivered},
	} {
		t.Run(name, func(t *testing.T) {
			var events []lifecycle.CarrierEvent
			for _, s := range c.said {
				events = append(events, lifecycle.CarrierEvent{Status: s})
			}
			require.Equal(t, c.want, latest(events).Status)
		})
	}
}

func TestMessagesOutOfOrderDoNotTurnAParcelBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		d.ship(t, "o1", "1Z")
		delivered := news("e3", "1Z", lifecycle.ParcelDelivered, 10)
		for _, e := range []struct {
			id     string
			status lifecycle.ParcelStatus
			ago    int
			shown  lifecycle.ParcelStatus
		}{
			{"e2", lifecycle.ParcelOutForDelivery, 20, lifecycle.ParcelOutForDelivery},
			{"e1", lifecycle.ParcelFailure, 30, lifecycle.ParcelOutForDelivery},
			{delivered.ID, delivered.Status, 10, lifecycle.ParcelDelivered},
			{"e4", lifecycle.ParcelInTransit, 0, lifecycle.ParcelDelivered},
		} {
			d.send(t, news(e.id, "1Z", e.status, e.ago))
			var p Parcel
			require.Equal(t, http.StatusOK, d.get(t, "/orders/o1/parcel", &p))
			require.Equal(t, e.shown, p.Status, e.id)
		}
		var p Parcel
		d.get(t, "/orders/o1/parcel", &p)
		require.Equal(t, []string{"o1", "ups", "1Z"}, []string{p.Order, p.Carrier, p.Tracking})
		require.WithinDuration(t, delivered.At, *p.At, time.Second)
		var ids []string
		for _, e := range p.Events {
			ids = append(ids, e.ID)
		}
		require.Equal(t, []string{"e1", "e2", "e3", "e4"}, ids, "the oldest first")
	})
}

func TestManagersSeeWhatTheyHaveToLookAfter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		d.ship(t, "o1", "A1")
		d.ship(t, "o2", "A2")
		d.send(t, news("e1", "A1", lifecycle.ParcelReturnToSender, 0))
		d.send(t, news("e2", "A2", lifecycle.ParcelInTransit, 0))
		d.send(t, news("e3", "B1", lifecycle.ParcelFailure, 0))
		d.send(t, news("e4", "B2", lifecycle.ParcelInTransit, 0))
		for query, want := range map[string][]string{
			"":                                 {"B2", "B1", "A2", "A1"},
			"?limit=1":                         {"B2"},
			"?trouble=true":                    {"B1", "A1"},
			"?unclaimed=true":                  {"B2", "B1"},
			"?trouble=true&unclaimed=true":     {"B1"},
			"?trouble=true&limit=1":            {"B1"},
			"?trouble=" + url.QueryEscape("'"): {"B2", "B1", "A2", "A1"},
		} {
			var parcels []Parcel
			require.Equal(t, http.StatusOK, d.get(t, "/parcels"+query, &parcels))
			var got []string
			for _, p := range parcels {
				got = append(got, p.Tracking)
			}
			require.Equal(t, want, got, query)
		}
	})
}

func TestEveryTroubleIsShown(t *testing.T) {
	d := openDock(t, storetest.SQLite(t), secret)
	want := map[string]bool{}
	for i, s := range []lifecycle.ParcelStatus{
		lifecycle.ParcelReturnToSender, lifecycle.ParcelFailure, lifecycle.ParcelCancelled, lifecycle.ParcelError,
		lifecycle.ParcelUnknown, lifecycle.ParcelPreTransit, lifecycle.ParcelAvailableForPickup, lifecycle.ParcelDelivered,
	} {
		require.Equal(t, kept, d.send(t, news(string(s), fmt.Sprint(i), s, 0)))
		if i < 4 {
			want[string(s)] = true
		}
	}
	parcels, err := d.parcels(context.Background(), true, false, 50)
	require.NoError(t, err)
	got := map[string]bool{}
	for _, p := range parcels {
		got[string(p.Status)] = true
	}
	require.Equal(t, want, got)
}

func TestAnOrderWithoutAParcel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDock(t, dsn, secret)
		for _, order := range []string{"o1", "unknown", "%00", "%ff"} {
			var a answer
			require.Equal(t, http.StatusNotFound, d.get(t, "/orders/"+order+"/parcel", &a), order)
			require.Equal(t, lifecycle.CodeNotFound, a.Code)
		}
	})
}
