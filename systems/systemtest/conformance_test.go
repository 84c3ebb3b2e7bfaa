package systemtest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/crm"
	"ordertrace/systems/mes"
	"ordertrace/systems/store/storetest"
)

func TestAnOrderPassesTheStagesOfASystem(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order, before := newOrder(), time.Now().Add(-time.Millisecond)
		for _, stage := range r.stages {
			r.record(t, order, stage)
			got, err := r.Client.Order(t.Context(), order)
			require.NoError(t, err)
			require.Equal(t, stage, got.Stage)
		}
		got, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		require.Equal(t, order, got.ID)
		require.Equal(t, r.facts.Model, got.Facts.Model)
		require.WithinRange(t, got.CreatedAt, before, time.Now())
		require.WithinRange(t, got.UpdatedAt, got.CreatedAt, time.Now())
		require.Equal(t, time.UTC, got.UpdatedAt.Location())
		require.Len(t, got.Stages, len(r.stages))
		for i, s := range got.Stages {
			require.Equal(t, api.Record{
				Stage: r.stages[i], Key: api.Key(order, r.stages[i], 1), By: "tester", RecordedAt: s.RecordedAt,
			}, s)
			require.WithinRange(t, s.RecordedAt, got.CreatedAt, got.UpdatedAt)
		}
	})
}

func TestARepeatedCallIsAnsweredAsItWasAndDoesNothing(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := newOrder()
		body, err := json.Marshal(api.StageRequest{Facts: r.facts})
		require.NoError(t, err)
		answers := map[lifecycle.Stage]string{}
		call := func(stage lifecycle.Stage, body string) string {
			status, answer := r.put(t, "/orders/"+order+"/stages/"+string(stage), api.Key(order, stage, 1), body)
			require.Equal(t, http.StatusOK, status, answer)
			return answer
		}
		for _, stage := range r.stages {
			answers[stage] = call(stage, string(body))
		}
		known, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		if known.Outcome == "" {
			require.NoError(t, r.Client.Settle(t.Context(), order, api.OutcomeRequest{Outcome: lifecycle.OutcomeCancelled}))
			known, err = r.Client.Order(t.Context(), order)
			require.NoError(t, err)
		}
		for _, stage := range r.stages {
			require.Equal(t, answers[stage], call(stage, `{"by":"somebody else","facts":{}}`), "also after the order ended")
		}
		again, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		require.Equal(t, known, again)
	})
}

func TestCallsAtOnceRecordOnce(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := newOrder()
		for _, stage := range r.stages {
			answers := atOnce(12, func(int) (api.StageAnswer, error) {
				return r.Client.Record(t.Context(), order, stage, api.Key(order, stage, 1), api.StageRequest{Facts: r.facts}, 0)
			})
			for _, a := range answers {
				require.NoError(t, a.err)
				require.Equal(t, answers[0].value, a.value)
			}
		}
		got, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		require.Len(t, got.Stages, len(r.stages))
	})
}

func TestVisitsAtOnceAreRecordedInTheirOrderOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := r.opened(t)
		answers := atOnce(8, func(i int) (api.StageAnswer, error) { return r.visit(t, order, r.stages[0], i+2) })
		recorded := 1
		for _, a := range answers {
			if a.err == nil {
				recorded++
				continue
			}
			requireError(t, a.err, lifecycle.LookUp, lifecycle.CodeConflict)
		}
		got, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		require.Len(t, got.Stages, recorded)
		for i := range len(got.Stages) - 1 {
			require.Less(t, got.Stages[i].Key, got.Stages[i+1].Key)
		}
	})
}

func TestOrdersDoNotDisturbEachOther(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		answers := atOnce(8, func(int) (api.Order, error) {
			order := newOrder()
			for _, stage := range r.stages {
				if _, err := r.visit(t, order, stage, 1); err != nil {
					return api.Order{}, err
				}
			}
			return r.Client.Order(t.Context(), order)
		})
		for _, a := range answers {
			require.NoError(t, a.err)
			require.Len(t, a.value.Stages, len(r.stages))
		}
	})
}

func TestAnOrderThatWentBackIsRecordedAgain(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := r.opened(t)
		r.record(t, order, r.stages[1])
		if r.name == lifecycle.CRM {
			return // its second stage is the end
		}
		for _, stage := range r.stages[:2] {
			_, err := r.visit(t, order, stage, 3) // a visit may fail, and so be left out
			require.NoError(t, err)
			_, err = r.visit(t, order, stage, 2)
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
			_, err = r.visit(t, order, stage, 1)
			require.NoError(t, err, "a repeated call is no new visit")
		}
		got, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		require.Equal(t, r.stages[1], got.Stage)
		require.Len(t, got.Stages, 4)
	})
}

func TestOnlyTheFirstStageOpensAnOrder(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := newOrder()
		for _, stage := range r.stages[1:] {
			_, err := r.visit(t, order, stage, 1)
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
		}
		_, err := r.Client.Order(t.Context(), order)
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
		err = r.Client.Settle(t.Context(), order, api.OutcomeRequest{Outcome: lifecycle.OutcomeFailed})
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
	})
}

func TestAStageNeedsTheOneBefore(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := r.opened(t)
		for _, stage := range r.stages[min(2, len(r.stages)):] {
			_, err := r.visit(t, order, stage, 1)
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
		}
		got, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		require.Len(t, got.Stages, 1)
	})
}

func TestAnOrderThatEndedStaysAsItIs(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		for _, outcome := range []lifecycle.Outcome{lifecycle.OutcomeCancelled, lifecycle.OutcomeFailed, lifecycle.OutcomeClosed} {
			order := r.opened(t)
			end := api.OutcomeRequest{Outcome: outcome, By: "customer", Reason: "second thoughts"}
			require.NoError(t, r.Client.Settle(t.Context(), order, end))
			ended, err := r.Client.Order(t.Context(), order)
			require.NoError(t, err)
			require.Equal(t, []string{string(outcome), "customer", "second thoughts"}, []string{string(ended.Outcome), ended.By, ended.Reason})

			require.NoError(t, r.Client.Settle(t.Context(), order, api.OutcomeRequest{Outcome: outcome, By: "other"}), "again")
			other := lifecycle.OutcomeClosed
			if outcome == other {
				other = lifecycle.OutcomeFailed
			}
			requireError(t, r.Client.Settle(t.Context(), order, api.OutcomeRequest{Outcome: other}), lifecycle.LookUp, lifecycle.CodeConflict)
			for _, stage := range r.stages[:2] {
				_, err := r.visit(t, order, stage, 2)
				requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
			}
			got, err := r.Client.Order(t.Context(), order)
			require.NoError(t, err)
			require.Equal(t, ended, got)
		}
	})
}

func TestOutcomesAtOnceEndAnOrderOnce(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := r.opened(t)
		outcomes := []lifecycle.Outcome{lifecycle.OutcomeCancelled, lifecycle.OutcomeFailed}
		answers := atOnce(8, func(i int) (lifecycle.Outcome, error) {
			outcome := outcomes[i%2]
			return outcome, r.Client.Settle(t.Context(), order, api.OutcomeRequest{Outcome: outcome})
		})
		got, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		for _, a := range answers {
			if a.value == got.Outcome {
				require.NoError(t, a.err)
			} else {
				requireError(t, a.err, lifecycle.LookUp, lifecycle.CodeConflict)
			}
		}
	})
}

func TestCallsThatAreWrong(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		first := string(r.stages[0])
		foreign := lifecycle.Closed
		if r.name == lifecycle.CRM {
			foreign = lifecycle.Initiated
		}
		tests := map[string]struct {
			path, key, body string
			status          int
			code, field     string
		}{
			"not JSON":                  {"/orders/o/stages/" + first, "o/" + first + "/1", `{"facts":`, 400, lifecycle.CodeMalformed, "body"},
			"nothing":                   {"/orders/o/stages/" + first, "o/" + first + "/1", ``, 400, lifecycle.CodeMalformed, "body"},
			"two values":                {"/orders/o/stages/" + first, "o/" + first + "/1", `{"facts":{}} {}`, 400, lifecycle.CodeMalformed, "body"},
			"an unknown field":          {"/orders/o/stages/" + first, "o/" + first + "/1", `{"fact":{}}`, 400, lifecycle.CodeMalformed, "body"},
			"another shape":             {"/orders/o/stages/" + first, "o/" + first + "/1", `{"facts":"none"}`, 400, lifecycle.CodeMalformed, "body"},
			"too long a body":           {"/orders/o/stages/" + first, "o/" + first + "/1", `{"by":"` + strings.Repeat("x", 2<<20) + `"}`, 413, lifecycle.CodeTooLarge, "body"},
			"no key":                    {"/orders/o/stages/" + first, "", `{"facts":{}}`, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"the key of another order":  {"/orders/o/stages/" + first, "p/" + first + "/1", `{"facts":{}}`, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"a key without a visit":     {"/orders/o/stages/" + first, "o/" + first, `{"facts":{}}`, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"visit 0":                   {"/orders/o/stages/" + first, "o/" + first + "/0", `{"facts":{}}`, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"visit 01":                  {"/orders/o/stages/" + first, "o/" + first + "/01", `{"facts":{}}`, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"no such stage":             {"/orders/o/stages/POLISHED", "o/POLISHED/1", `{"facts":{}}`, 422, lifecycle.CodeUnknownStage, "stage"},
			"another system's stage":    {"/orders/o/stages/" + string(foreign), "o/" + string(foreign) + "/1", `{"facts":{}}`, 422, lifecycle.CodeUnknownStage, "stage"},
			"a NUL in a text":           {"/orders/o/stages/" + first, "o/" + first + "/1", `{"by":"a\u0000b","facts":{}}`, 422, lifecycle.CodeInvalidRequest, "by"},
			"a control in an order":     {"/orders/a%00b/stages/" + first, "a/" + first + "/1", `{"facts":{}}`, 422, lifecycle.CodeInvalidRequest, "order_id"},
			"an endless order":          {"/orders/" + strings.Repeat("x", 300) + "/stages/" + first, "x/" + first + "/1", `{"facts":{}}`, 422, lifecycle.CodeInvalidRequest, "order_id"},
			"an outcome without words":  {"/orders/o/outcome", "", `{}`, 422, lifecycle.CodeInvalidRequest, "outcome"},
			"an outcome of its own":     {"/orders/o/outcome", "", `{"outcome":"lost"}`, 422, lifecycle.CodeInvalidRequest, "outcome"},
			"an outcome with a NUL":     {"/orders/o/outcome", "", `{"outcome":"failed","reason":"\u0000"}`, 422, lifecycle.CodeInvalidRequest, "reason"},
			"an outcome for no order":   {"/orders/a%00b/outcome", "", `{"outcome":"failed"}`, 404, lifecycle.CodeNotFound, ""},
			"an outcome in a wrong way": {"/orders/o/outcome", "", `["failed"]`, 400, lifecycle.CodeMalformed, "body"},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				status, body := r.put(t, test.path, test.key, test.body)
				require.Equal(t, test.status, status, body)
				var p api.Problem
				require.NoError(t, json.Unmarshal([]byte(body), &p))
				require.Equal(t, test.code, p.Code, p)
				require.Equal(t, test.field, p.Field, p)
				require.NotEmpty(t, p.Detail)
			})
		}
		_, orders := r.get(t, "/orders")
		require.Equal(t, "[]\n", orders)
	})
}

func TestOrderNumbersMayBeAnyPrintableText(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		for _, order := range []string{"2026/0001", "Käse & Brot?", "a%2Fb", "заказ-1"} {
			t.Run(url.PathEscape(order), func(t *testing.T) {
				r.record(t, order, r.stages[0])
				got, err := r.Client.Order(t.Context(), order)
				require.NoError(t, err)
				require.Equal(t, order, got.ID)
			})
		}
	})
}

func TestTheNewestOrdersComeFirst(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		list := func(query string) []string {
			status, body := r.get(t, "/orders"+query)
			require.Equal(t, http.StatusOK, status)
			require.True(t, strings.HasPrefix(body, "["), body)
			var orders []api.Order
			require.NoError(t, json.Unmarshal([]byte(body), &orders))
			var ids []string
			for _, o := range orders {
				require.Empty(t, o.Stages)
				ids = append(ids, o.ID)
			}
			return ids
		}
		require.Empty(t, list(""))
		a, b, c := r.opened(t), r.opened(t), r.opened(t)
		require.NoError(t, r.Client.Settle(t.Context(), a, api.OutcomeRequest{Outcome: lifecycle.OutcomeFailed}))
		require.Equal(t, []string{c, b, a}, list(""))
		require.Equal(t, []string{c, b}, list("?limit=2"))
		require.Equal(t, []string{c, b, a}, list("?limit=none"))
	})
}

func TestOrdersOutliveTheProcess(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := r.opened(t)
		before, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		r = r.reopen(t)
		after, err := r.Client.Order(t.Context(), order)
		require.NoError(t, err)
		require.Equal(t, before, after)
		r.record(t, order, r.stages[1])
	})
}

func TestADatabaseBelongsToOneSystem(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		first, err := crm.New(t.Context(), crm.Config{DSN: dsn})
		require.NoError(t, err)
		defer first.Close()
		_, err = mes.New(t.Context(), mes.Config{DSN: dsn})
		require.ErrorContains(t, err, "is the database another system's?")
	})
}

func TestHealthFollowsTheDatabase(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		status, body := r.get(t, "/healthz")
		require.Equal(t, http.StatusOK, status, body)
		require.NoError(t, r.Close())
		status, body = r.get(t, "/healthz")
		require.Equal(t, http.StatusServiceUnavailable, status, body)
		require.NotContains(t, body, "sql:", "the system's own words stay in its log")
	})
}

func TestGivingUpWhatIsNotRunningDoesNothing(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := r.opened(t)
		for _, stage := range r.stages {
			require.NoError(t, r.Client.GiveUp(t.Context(), order, stage, api.Key(order, stage, 1)))
			require.NoError(t, r.Client.GiveUp(t.Context(), "nobody's", stage, "no key"))
		}
		r.record(t, order, r.stages[1])
	})
}

func TestACallThatIsBrokenOffLeavesAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, r rig) {
		order := r.opened(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := r.system.Record(ctx, order, r.stages[1], api.Key(order, r.stages[1], 1), api.StageRequest{Facts: r.facts}, 0)
		require.ErrorIs(t, err, context.Canceled)
		r.record(t, order, r.stages[1])
	})
}

type answer[T any] struct {
	value T
	err   error
}

// atOnce makes n calls that begin together.
func atOnce[T any](n int, call func(i int) (T, error)) []answer[T] {
	var (
		answers = make([]answer[T], n)
		start   = make(chan struct{})
		calls   sync.WaitGroup
	)
	for i := range n {
		calls.Go(func() {
			<-start
			answers[i].value, answers[i].err = call(i)
		})
	}
	close(start)
	calls.Wait()
	return answers
}
