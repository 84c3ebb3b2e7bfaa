package tracepage_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"ordertrace/deploy/local/browsertest"
)

func TestListOfOrders(t *testing.T) {
	s := begin(t)
	s.look(t, "an empty Jaeger says how to begin", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/", ".notice")
		require.Equal(t, "/search", b.Path(), "as the Jaeger UI does")
		require.Contains(t, b.Text(".notice"), "Jaeger holds no traces yet")
		require.Contains(t, b.Text(".notice"), "starter order")
		require.Contains(t, b.Text("header"), "Stand-in for the Jaeger UI")
		require.Contains(t, b.Text("footer"), "stands in for the Jaeger UI, which this Jaeger was built without")
	})

	carrier := s.carrierMessage(s.now.Add(-4 * day))
	id := traceIDOf(s.closedOrder(carrier, "A-1", s.now.Add(-20*day)))
	s.closedOrder(carrier, "A-2", s.now.Add(-19*day))
	s.flush(s.jaeger)

	s.look(t, "the list shows the orders, newest first", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/search", ".orders")
		require.Equal(t, []string{"POST /carrier", "A-2", "A-1"}, listed(b))
		row := b.Text(`tr[data-trace-id="` + id + `"]`)
		for _, want := range []string{id, "CLOSED closed", "20 days ago", "16d", "starter", "shop", "crm", "mes"} {
			require.Contains(t, row, want)
		}
		require.Equal(t, "1", b.Text(`tr[data-trace-id="`+id+`"] .errors`))
		require.Equal(t, []string{"Runbook"}, b.Texts("#menu a"), "only web addresses")
	})

	s.look(t, "the box finds an order by its number", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/search", ".orders")
		b.Do(chromedp.SendKeys(chromedp.CSS(`input[name="find"]`), "A-1"+kb.Enter))
		b.Eventually(`location.search.includes("temporalWorkflowID") && document.querySelectorAll(".orders tbody tr").length === 1`)
		require.Equal(t, []string{"A-1"}, listed(b))
	})

	s.look(t, "the box jumps to a trace ID", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/search", ".orders")
		b.Do(chromedp.SendKeys(chromedp.CSS(`input[name="find"]`), strings.ToUpper(id)+kb.Enter))
		b.Eventually(`document.querySelector(".waterfall") !== null`)
		require.Equal(t, "/trace/"+id, b.Path())
	})

	s.look(t, "a click on an order opens its waterfall", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/search", ".orders")
		b.Click(`tr[data-trace-id="` + id + `"] .row-link`)
		b.Eventually(`document.querySelector(".waterfall") !== null`)
		require.Equal(t, "/trace/"+id, b.Path())
		require.Contains(t, b.Text("h1"), "A-1 closed")
		for _, fact := range []string{"Last stage CLOSED", "Duration 16d", "Spans 45", "Services 8", "Depth 4", "Errors 1"} {
			require.Contains(t, b.Text(".summary"), fact)
		}
		require.Equal(t, []string{"0", "4d", "8d", "12d", "16d"}, b.Texts(".axis-ticks span"))
	})
}

func TestSearch(t *testing.T) {
	s := begin(t)
	carrier := s.carrierMessage(s.now.Add(-4 * day))
	id := traceIDOf(s.closedOrder(carrier, "A-1", s.now.Add(-20*day)))
	s.closedOrder(carrier, "A-2", s.now.Add(-19*day))
	s.flush(s.jaeger)

	searches := map[string]struct {
		address string
		orders  []string
	}{
		"by order number, as the Jaeger UI writes it": {`/search?service=order&tags=%7B%22temporalWorkflowID%22%3A%22A-1%22%7D&lookback=30d&limit=20`, []string{"A-1"}},
		"by a tag":                     {`/search?tag=temporalWorkflowID:A-2`, []string{"A-2"}},
		"by service":                   {`/search?service=starter&lookback=30d`, []string{"A-2", "A-1"}},
		"by operation":                 {`/search?service=shop-api&operation=POST+/carrier&lookback=30d`, []string{"POST /carrier"}},
		"by duration":                  {`/search?minDuration=47h&service=order`, []string{"A-2", "A-1"}},
		"only the newest":              {`/search?limit=1&service=starter`, []string{"A-2"}},
		"between two times":            {`/search?lookback=custom&service=starter&start=` + micros(s.now.Add(-21*day)) + `&end=` + micros(s.now.Add(-19*day-time.Hour)), []string{"A-1"}},
		"by trace IDs":                 {`/search?traceID=` + id, []string{"A-1"}},
		"a lookback that is too short": {`/search?lookback=1h`, nil},
		"an order that is not there":   {`/search?tags={"temporalWorkflowID":"A-9"}`, nil},
	}
	for name, tt := range searches {
		s.look(t, name, func(t *testing.T, b *browsertest.Browser) {
			b.Open(tt.address, ".results .orders, .results .notice")
			require.Equal(t, tt.orders, listed(b))
			if tt.orders == nil {
				require.Contains(t, b.Text(".notice"), "Look further back in time")
			}
		})
	}

	s.look(t, "an address with broken tags says what is wrong", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/search?tags=A-1", ".notice")
		require.Contains(t, b.Text(".notice"), "tags must be a JSON object")
	})
}

func TestBasePath(t *testing.T) {
	s := beginBelow(t, "/jaeger")
	id := traceIDOf(s.closedOrder(s.carrierMessage(s.now), "A-1", s.now.Add(-20*day)))
	s.flush(s.jaeger)
	s.look(t, "every address stays below it", func(t *testing.T, b *browsertest.Browser) {
		b.Open("/search", ".orders")
		b.Click(`tr[data-trace-id="` + id + `"] .row-link`)
		b.Eventually(`document.querySelector(".waterfall") !== null`)
		require.Equal(t, "/jaeger/trace/"+id, b.Path())
		b.Click(".crumbs a")
		b.Eventually(`document.querySelector(".orders") !== null`)
		require.Equal(t, "/jaeger/search", b.Path())
	})
}

func micros(at time.Time) string {
	return strconv.FormatInt(at.UnixMicro(), 10)
}

// listed are the names of the rows of the list, from top to bottom.
func listed(b *browsertest.Browser) []string {
	if found := b.Texts(".orders .row-link"); len(found) > 0 {
		return found
	}
	return nil
}
