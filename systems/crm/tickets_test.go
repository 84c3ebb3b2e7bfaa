package crm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/store/storetest"
)

// some are orders that are known by their traces, while anybody answers.
type some struct {
	api.Orders
	mu     sync.Mutex
	silent bool
	traces map[string]string
}

const (
	oneTrace     = "11111111111111111111111111111111"
	otherTrace   = "22222222222222222222222222222222"
	unknownTrace = "33333333333333333333333333333333"
	aSpan        = "4444444444444444"
)

func newOrders() *some {
	return &some{traces: map[string]string{"ord-1": oneTrace, "ord-2": otherTrace}}
}

// fallSilent has nobody answer from now on, or answer again.
func (s *some) fallSilent(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = silent
}

var errNobody = &lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "nobody answers"}

func (s *some) traceOf(order string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		return "", errNobody
	}
	if id, ok := s.traces[order]; ok {
		return id, nil
	}
	return "", &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "no such order"}
}

func (s *some) Anchor(_ context.Context, order string) (trace.SpanContext, error) {
	id, err := s.traceOf(order)
	if err != nil {
		return trace.SpanContext{}, err
	}
	parsed, err := trace.TraceIDFromHex(id)
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: parsed, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled, Remote: true,
	}), err
}

func (s *some) OfTrace(_ context.Context, id trace.TraceID) (string, error) {
	for order := range s.traces {
		switch of, err := s.traceOf(order); {
		case err != nil:
			return "", err
		case of == id.String():
			return order, nil
		}
	}
	return "", &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "no such trace"}
}

func (s *some) Status(_ context.Context, order string) (lifecycle.Status, error) {
	_, err := s.traceOf(order)
	return lifecycle.Status{OrderID: order, Stage: lifecycle.Submitted}, err
}

func (*some) URL(order string) string { return "http://temporal.example/" + order }

// desk is a CRM that takes tickets.
type desk struct {
	*System
	*api.Client
	url    string
	orders *some
	spans  *tracetest.SpanRecorder
}

func openDesk(t *testing.T, dsn string) desk {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	s, err := New(t.Context(), Config{DSN: dsn, TracerProvider: provider, JaegerUI: "http://jaeger.example/"})
	require.NoError(t, err)
	orders, mux := newOrders(), http.NewServeMux()
	s.ticketRoutes(mux, api.People{Orders: orders, TracerProvider: provider})
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, s.Close())
	})
	return desk{System: s, Client: api.NewClient(server.URL), url: server.URL, orders: orders, spans: spans}
}

func (d desk) opened(t *testing.T, in api.NewTicket) api.Ticket {
	t.Helper()
	in.Subject, in.By = "the ring is too small", "support-1"
	ticket, err := d.OpenTicket(t.Context(), "", in)
	require.NoError(t, err)
	return ticket
}

func TestATicketFindsItsOrderAndItsTrace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDesk(t, dsn)
		one := api.TicketLinks{Jaeger: "http://jaeger.example/trace/" + oneTrace, Temporal: "http://temporal.example/ord-1"}
		tests := map[string]struct {
			in           api.NewTicket
			order, trace string
			links        api.TicketLinks
		}{
			"by the order's number": {api.NewTicket{Order: "ord-1"}, "ord-1", oneTrace, one},
			"by the trace":          {api.NewTicket{Trace: oneTrace}, "ord-1", oneTrace, one},
			"by both":               {api.NewTicket{Order: "ord-1", Trace: oneTrace}, "ord-1", oneTrace, one},
			"by the span": {api.NewTicket{Trace: otherTrace, Span: aSpan}, "ord-2", otherTrace, api.TicketLinks{
				Jaeger: "http://jaeger.example/trace/" + otherTrace + "?uiFind=" + aSpan, Temporal: "http://temporal.example/ord-2"}},
			"by a trace of no order": {api.NewTicket{Trace: unknownTrace}, "", unknownTrace, api.TicketLinks{
				Jaeger: "http://jaeger.example/trace/" + unknownTrace}},
		}
		for name, tc := range tests {
			t.Run(name, func(t *testing.T) {
				opened := d.opened(t, tc.in)
				require.Regexp(t, `^tic-\d{6}-[a-z2-7]{8}$`, opened.ID)
				require.Equal(t, []string{tc.order, tc.trace, tc.in.Span, "the ring is too small", "support-1"},
					[]string{opened.Order, opened.Trace, opened.Span, opened.Subject, opened.By})
				require.Equal(t, tc.links, opened.Links)
				require.WithinDuration(t, time.Now(), opened.OpenedAt, time.Minute)

				read, err := d.Ticket(t.Context(), opened.ID)
				require.NoError(t, err)
				if tc.order == "" {
					require.Nil(t, read.Status)
				} else {
					require.Equal(t, &lifecycle.Status{OrderID: tc.order, Stage: lifecycle.Submitted}, read.Status)
				}
				read.Status = nil
				require.Equal(t, opened, read)
			})
		}
	})
}

func TestATicketThatCannotBeIsRefused(t *testing.T) {
	d := openDesk(t, storetest.SQLite(t))
	good := func(change func(*api.NewTicket)) api.NewTicket {
		in := api.NewTicket{Order: "ord-1", Subject: "s", By: "support-1"}
		change(&in)
		return in
	}
	at := func(order, trace, span string) api.NewTicket {
		return good(func(in *api.NewTicket) { in.Order, in.Trace, in.Span = order, trace, span })
	}
	tests := map[string]struct {
		in     api.NewTicket
		remedy lifecycle.Remedy
		field  string
		says   string
	}{
		"about nothing":            {at("", "", ""), lifecycle.FixInput, "order_id", "which order"},
		"a span alone":             {at("", "", aSpan), lifecycle.FixInput, "order_id", "which order"},
		"a span of no trace":       {at("ord-1", "", aSpan), lifecycle.FixInput, "span_id", "in which trace_id"},
		"a short trace":            {at("", oneTrace[1:], ""), lifecycle.FixInput, "trace_id", "32 lower-case hex"},
		"a long trace":             {at("", oneTrace+"1", ""), lifecycle.FixInput, "trace_id", "32 lower-case hex"},
		"a trace of zeros":         {at("", strings.Repeat("0", 32), ""), lifecycle.FixInput, "trace_id", "not all zeros"},
		"a trace in capitals":      {at("", strings.Repeat("A", 32), ""), lifecycle.FixInput, "trace_id", "lower-case"},
		"a trace in words":         {at("", strings.Repeat("z", 32), ""), lifecycle.FixInput, "trace_id", "hex"},
		"a span of zeros":          {at("", oneTrace, strings.Repeat("0", 16)), lifecycle.FixInput, "span_id", "not all zeros"},
		"a short span":             {at("", oneTrace, "4"), lifecycle.FixInput, "span_id", "16 lower-case hex"},
		"no such order":            {at("ord-3", "", ""), lifecycle.LookUp, "", `no order "ord-3"`},
		"no such order of a trace": {at("ord-3", oneTrace, ""), lifecycle.LookUp, "", `no order "ord-3"`},
		"another order's trace":    {at("ord-1", otherTrace, ""), lifecycle.FixInput, "trace_id", "ord-1 has the trace " + oneTrace},
		"no order's trace":         {at("ord-1", unknownTrace, ""), lifecycle.FixInput, "trace_id", "ord-1 has the trace " + oneTrace},
		"an endless order number":  {at(strings.Repeat("o", 256), "", ""), lifecycle.FixInput, "order_id", "255 bytes"},
		"no subject":               {good(func(in *api.NewTicket) { in.Subject = "" }), lifecycle.FixInput, "subject", "what it is about"},
		"an endless subject":       {good(func(in *api.NewTicket) { in.Subject = strings.Repeat("s", 501) }), lifecycle.FixInput, "subject", "500 bytes"},
		"a subject with NUL":       {good(func(in *api.NewTicket) { in.Subject = "a\x00b" }), lifecycle.FixInput, "subject", "one line"},
		"a subject with an escape": {good(func(in *api.NewTicket) { in.Subject = "\x1b[2J" }), lifecycle.FixInput, "subject", "one line"},
		"by nobody":                {good(func(in *api.NewTicket) { in.By = "" }), lifecycle.FixInput, "by", "who"},
		"by an essay":              {good(func(in *api.NewTicket) { in.By = strings.Repeat("b", 101) }), lifecycle.FixInput, "by", "100 bytes"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := d.OpenTicket(t.Context(), "", tc.in)
			var e *lifecycle.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, []string{string(tc.remedy), tc.field}, []string{string(e.Remedy), e.Field})
			require.Contains(t, e.Detail, tc.says)
		})
	}
	kept, err := d.Tickets(t.Context(), "", "", 10)
	require.NoError(t, err)
	require.Empty(t, kept)
}

func TestATicketIsKeptWhileNobodyAnswersAndCompletedWhenItIsRead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDesk(t, dsn)
		tests := map[string]struct {
			in           api.NewTicket
			order, trace string
			doubt        string
		}{
			"by its order":          {api.NewTicket{Order: "ord-1"}, "ord-1", oneTrace, ""},
			"by its trace":          {api.NewTicket{Trace: oneTrace, Span: aSpan}, "ord-1", oneTrace, ""},
			"by both":               {api.NewTicket{Order: "ord-1", Trace: oneTrace}, "ord-1", oneTrace, ""},
			"by a trace of none":    {api.NewTicket{Trace: unknownTrace}, "", unknownTrace, ""},
			"by a wrong number":     {api.NewTicket{Order: "ord-3"}, "ord-3", "", `there is no order "ord-3"`},
			"by what does not fit":  {api.NewTicket{Order: "ord-1", Trace: otherTrace}, "ord-1", otherTrace, "the order ord-1 has the trace " + oneTrace},
			"by what never existed": {api.NewTicket{Order: "ord-3", Trace: unknownTrace}, "ord-3", unknownTrace, `there is no order "ord-3"`},
		}
		for name, tc := range tests {
			t.Run(name, func(t *testing.T) {
				d.orders.fallSilent(true)
				opened := d.opened(t, tc.in)
				require.Equal(t, []string{tc.in.Order, tc.in.Trace}, []string{opened.Order, opened.Trace}, "as it was told")
				read, err := d.Ticket(t.Context(), opened.ID)
				require.NoError(t, err)
				require.Equal(t, opened, read)

				d.orders.fallSilent(false)
				read, err = d.Ticket(t.Context(), opened.ID)
				require.NoError(t, err)
				require.Equal(t, []string{tc.order, tc.trace, tc.doubt}, []string{read.Order, read.Trace, read.Doubt})
				if tc.doubt != "" {
					return
				}
				d.orders.fallSilent(true)
				read, err = d.Ticket(t.Context(), opened.ID)
				require.NoError(t, err)
				require.Equal(t, []string{tc.order, tc.trace}, []string{read.Order, read.Trace}, "what was found is kept")
			})
		}
	})
}

func TestAnOrderThatTemporalForgotIsKnownByTheCRM(t *testing.T) {
	d := openDesk(t, storetest.SQLite(t))
	_, err := d.Record(t.Context(), "ord-old", lifecycle.ManufacturingApproved, api.Key("ord-old", lifecycle.ManufacturingApproved, 1),
		api.StageRequest{By: "manager-1", Facts: lifecycle.Facts{Price: &lifecycle.Money{Amount: 1, Currency: "EUR"}}}, 0)
	require.NoError(t, err)
	require.Equal(t, unknownTrace, d.opened(t, api.NewTicket{Order: "ord-old", Trace: unknownTrace}).Trace)
}

// Record is the system's, not the client's.
func (d desk) Record(ctx context.Context, order string, stage lifecycle.Stage, key string, in api.StageRequest, wait time.Duration) (api.StageAnswer, error) {
	return d.System.Record(ctx, order, stage, key, in, wait)
}

func TestTheSameRequestIsTheSameTicket(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDesk(t, dsn)
		post := func(key string, in api.NewTicket) (*http.Response, api.Ticket) {
			body, err := json.Marshal(in)
			require.NoError(t, err)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/tickets", strings.NewReader(string(body)))
			require.NoError(t, err)
			req.Header.Set("Idempotency-Key", key)
			resp, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			var ticket api.Ticket
			if resp.StatusCode < 300 {
				require.NoError(t, json.NewDecoder(resp.Body).Decode(&ticket))
			}
			return resp, ticket
		}
		in := api.NewTicket{Trace: oneTrace, Subject: "s", By: "support-1"}
		first, opened := post("k-1", in)
		again, same := post("k-1", in)
		require.Equal(t, []int{http.StatusCreated, http.StatusOK}, []int{first.StatusCode, again.StatusCode})
		require.Equal(t, opened, same)
		require.Equal(t, "/tickets/"+opened.ID, first.Header.Get("Location"))
		require.Equal(t, first.Header.Get("Location"), again.Header.Get("Location"))

		in.Subject = "another"
		refused, _ := post("k-1", in)
		require.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
		other, _ := post("k-2", in)
		require.Equal(t, http.StatusCreated, other.StatusCode)
		endless, _ := post(strings.Repeat("k", 256), in)
		require.Equal(t, http.StatusUnprocessableEntity, endless.StatusCode)
	})
}

func TestTheSameRequestAtOnceIsOneTicket(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDesk(t, dsn)
		const callers = 16
		ids := make(chan string, callers)
		for range callers {
			go func() {
				ticket, err := d.OpenTicket(t.Context(), "k", api.NewTicket{Order: "ord-1", Subject: "s", By: "support-1"})
				ids <- fmt.Sprint(ticket.ID, err)
			}()
		}
		first := <-ids
		for range callers - 1 {
			require.Equal(t, first, <-ids)
		}
		kept, err := d.Tickets(t.Context(), "", "", 10)
		require.NoError(t, err)
		require.Len(t, kept, 1)
	})
}

func TestTicketsAreFoundByTheirOrderAndByItsTrace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDesk(t, dsn)
		d.orders.fallSilent(true) // so that each knows only what it was told
		byOrder := d.opened(t, api.NewTicket{Order: "ord-1"}).ID
		byTrace := d.opened(t, api.NewTicket{Trace: oneTrace}).ID
		other := d.opened(t, api.NewTicket{Order: "ord-2"}).ID
		nobodys := d.opened(t, api.NewTicket{Trace: unknownTrace}).ID
		d.orders.fallSilent(false)

		tests := map[string]struct {
			order, trace string
			limit        int
			want         []string
		}{
			"all":                 {"", "", 10, []string{nobodys, other, byTrace, byOrder}},
			"the newest":          {"", "", 2, []string{nobodys, other}},
			"an order's":          {"ord-1", "", 10, []string{byTrace, byOrder}},
			"a trace's":           {"", oneTrace, 10, []string{byTrace, byOrder}},
			"a trace of no order": {"", unknownTrace, 10, []string{nobodys}},
			"an unknown order's":  {"ord-3", "", 10, []string{}},
		}
		for name, tc := range tests {
			t.Run(name, func(t *testing.T) {
				found, err := d.Tickets(t.Context(), tc.order, tc.trace, tc.limit)
				require.NoError(t, err)
				ids := []string{}
				for _, ticket := range found {
					ids = append(ids, ticket.ID)
				}
				require.Equal(t, tc.want, ids)
			})
		}
	})
}

func TestATicketThatDoesNotExist(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		d := openDesk(t, dsn)
		for _, id := range []string{"tic-1", "\x00", "\xff", strings.Repeat("t", 300)} {
			_, err := d.Ticket(t.Context(), id)
			require.True(t, isNotFound(err), "%q: %v", id, err)
		}
		for query, field := range map[string]string{"trace_id=1": "trace_id", "order_id=%00": "order_id", "order_id=ord-1&trace_id=" + oneTrace: "trace_id"} {
			resp, err := http.Get(d.url + "/tickets?" + query)
			require.NoError(t, err)
			var p api.Problem
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&p))
			resp.Body.Close()
			require.Equal(t, []any{http.StatusUnprocessableEntity, field}, []any{resp.StatusCode, p.Field}, query)
		}
	})
}

func TestANewTicketsRequestStandsInItsOrdersTrace(t *testing.T) {
	d := openDesk(t, storetest.SQLite(t))
	for name, tc := range map[string]struct {
		body string
		want string
	}{
		"by its order":        {`{"order_id":"ord-1","subject":"Jane Doe","by":"support-1"}`, oneTrace},
		"by its trace":        {`{"trace_id":"` + otherTrace + `","subject":"Jane Doe","by":"support-1"}`, otherTrace},
		"not what it must be": {`{"order_id":"ord-1","subject":"Jane Doe","by":"support-1"} {}`, ""},
		"endless":             {`{"order_id":"ord-1","subject":"Jane Doe` + strings.Repeat("e", maxBody) + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(d.spans.Ended())
			resp, err := http.Post(d.url+"/tickets", "application/json", strings.NewReader(tc.body))
			require.NoError(t, err)
			answer, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			resp.Body.Close()
			if tc.want != "" {
				require.Equal(t, http.StatusCreated, resp.StatusCode, string(answer))
				require.Contains(t, resp.Header.Get("traceresponse"), tc.want)
			} else {
				require.GreaterOrEqual(t, resp.StatusCode, 400)
				require.NotContains(t, string(answer), "Jane", "a refusal does not repeat what it was told")
			}
			var request sdktrace.ReadOnlySpan
			require.Eventually(t, func() bool {
				for _, span := range d.spans.Ended()[before:] {
					if span.Name() == "POST /tickets" {
						request = span
					}
				}
				return request != nil
			}, 5*time.Second, time.Millisecond)
			for _, span := range d.spans.Ended()[before:] {
				require.NotContains(t, fmt.Sprint(span.Name(), span.Attributes(), span.Events(), span.Links(), span.Status()), "Jane")
			}
		})
	}
}
