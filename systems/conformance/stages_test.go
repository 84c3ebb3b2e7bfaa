package conformance

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func TestAnOrderPassesTheStagesOfASystem(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := newOrder()
		for _, stage := range s.stages {
			s.record(t, order, stage)
			require.Equal(t, stage, s.order(t, order).Stage)
		}
		got := s.order(t, order)
		require.Equal(t, order, got.ID)
		require.Equal(t, s.facts.Model, got.Facts.Model)
		require.Len(t, got.Stages, len(s.stages))
		for i, r := range got.Stages {
			require.Equal(t, api.Record{Stage: s.stages[i], Key: api.Key(order, s.stages[i], 1), By: "tester", RecordedAt: r.RecordedAt}, r)
			require.WithinRange(t, r.RecordedAt, got.CreatedAt, got.UpdatedAt)
		}
	})
}

func TestARepeatedCallIsAnsweredAsItWasAndDoesNothing(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := newOrder()
		body, err := json.Marshal(api.StageRequest{Facts: s.facts})
		require.NoError(t, err)
		answers := map[lifecycle.Stage]string{}
		call := func(stage lifecycle.Stage, body string) string {
			status, answer := s.send(t, http.MethodPut, "/orders/"+order+"/stages/"+string(stage), api.Key(order, stage, 1), body)
			require.Equal(t, http.StatusOK, status, answer)
			return answer
		}
		for _, stage := range s.stages {
			answers[stage] = call(stage, string(body))
		}
		if s.order(t, order).Outcome == "" {
			require.NoError(t, s.Settle(t.Context(), order, api.OutcomeRequest{Outcome: lifecycle.OutcomeCancelled}))
		}
		ended := s.order(t, order)
		for _, stage := range s.stages {
			require.JSONEq(t, answers[stage], call(stage, `{"by":"somebody else","facts":{}}`), "also after the order ended")
		}
		require.Equal(t, ended, s.order(t, order))
	})
}

func TestCallsAtOnceRecordOnce(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := newOrder()
		for _, stage := range s.stages {
			answers := atOnce(12, func(int) (api.StageAnswer, error) { return s.visit(t, order, stage, 1) })
			for _, a := range answers {
				require.NoError(t, a.err)
				require.Equal(t, answers[0].value, a.value)
			}
		}
		require.Len(t, s.order(t, order).Stages, len(s.stages))
	})
}

func TestVisitsAtOnceAreRecordedInTheirOrderOrNotAtAll(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := s.opened(t)
		answers := atOnce(8, func(i int) (api.StageAnswer, error) { return s.visit(t, order, s.stages[0], i+2) })
		recorded := 1
		for _, a := range answers {
			if a.err == nil {
				recorded++
				continue
			}
			requireError(t, a.err, lifecycle.LookUp, lifecycle.CodeConflict)
		}
		got := s.order(t, order)
		require.Len(t, got.Stages, recorded)
		for i := range len(got.Stages) - 1 {
			require.Less(t, got.Stages[i].Key, got.Stages[i+1].Key)
		}
	})
}

func TestOrdersDoNotDisturbEachOther(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		answers := atOnce(8, func(int) (api.Order, error) {
			order := newOrder()
			for _, stage := range s.stages {
				if _, err := s.visit(t, order, stage, 1); err != nil {
					return api.Order{}, err
				}
			}
			return s.Order(t.Context(), order)
		})
		for _, a := range answers {
			require.NoError(t, a.err)
			require.Len(t, a.value.Stages, len(s.stages))
		}
	})
}

func TestAnOrderThatWentBackIsRecordedAgain(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		// What a rejection, or a hand-over between operators, brings back.
		back := map[lifecycle.System][]lifecycle.Stage{
			lifecycle.Shop: {lifecycle.FileUploaded, lifecycle.Submitted},
			lifecycle.MES:  {lifecycle.PriceCalculated, lifecycle.ManufacturingStarted},
			lifecycle.CRM:  {lifecycle.ManufacturingApproved},
		}[s.name]
		last := back[len(back)-1]
		order := s.passed(t, s.stages[:slices.Index(s.stages, last)+1]...)
		before := s.order(t, order)
		for _, stage := range back {
			_, err := s.visit(t, order, stage, 3) // a visit may fail, and so be left out
			require.NoError(t, err)
			_, err = s.visit(t, order, stage, 2)
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
			_, err = s.visit(t, order, stage, 1)
			require.NoError(t, err, "a repeated call is no new visit")
		}
		got := s.order(t, order)
		require.Equal(t, last, got.Stage)
		require.Len(t, got.Stages, len(before.Stages)+len(back))
	})
}

func TestOnlyTheFirstStageOpensAnOrder(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := newOrder()
		for _, stage := range s.stages[1:] {
			_, err := s.visit(t, order, stage, 1)
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
		}
		_, err := s.Order(t.Context(), order)
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
		err = s.Settle(t.Context(), order, api.OutcomeRequest{Outcome: lifecycle.OutcomeFailed})
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
	})
}

func TestAStageNeedsTheOneBefore(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := s.opened(t)
		for _, stage := range s.stages[min(2, len(s.stages)):] {
			_, err := s.visit(t, order, stage, 1)
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
		}
		require.Len(t, s.order(t, order).Stages, 1)
	})
}

func TestGivingUpWhatIsNotRunningDoesNothing(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order, other := s.opened(t), newOrder()
		for _, stage := range s.stages {
			require.NoError(t, s.GiveUp(t.Context(), order, stage, api.Key(order, stage, 1)))
			require.NoError(t, s.GiveUp(t.Context(), other, stage, api.Key(other, stage, 1)))
		}
		s.record(t, order, s.stages[1])
	})
}

func TestOrderNumbersMayBeAnyPrintableText(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		for _, text := range []string{"2026/0001", "Käse & Brot?", "a%2Fb", "заказ-1"} {
			t.Run(url.PathEscape(text), func(t *testing.T) {
				order := newOrder() + " " + text
				s.record(t, order, s.stages[0])
				require.Equal(t, order, s.order(t, order).ID)
			})
		}
	})
}

func TestTheNewestOrdersComeFirst(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		a, b, c := s.opened(t), s.opened(t), s.opened(t)
		require.NoError(t, s.Settle(t.Context(), a, api.OutcomeRequest{Outcome: lifecycle.OutcomeFailed}))
		list := func(query string) (ours []string, all int) {
			status, body := s.send(t, http.MethodGet, "/orders"+query, "", "")
			require.Equal(t, http.StatusOK, status)
			var orders []api.Order
			require.NoError(t, json.Unmarshal([]byte(body), &orders))
			for _, o := range orders {
				require.Empty(t, o.Stages)
				if slices.Contains([]string{a, b, c}, o.ID) {
					ours = append(ours, o.ID)
				}
			}
			return ours, len(orders)
		}
		ours, _ := list("")
		require.Equal(t, []string{c, b, a}, ours)
		_, all := list("?limit=2")
		require.Equal(t, 2, all)
	})
}

func TestASystemSaysThatItIsWell(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		status, body := s.send(t, http.MethodGet, "/healthz", "", "")
		require.Equal(t, http.StatusOK, status, body)
	})
}
