package conformance

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func TestAnOrderThatEndedStaysAsItIs(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		for _, outcome := range []lifecycle.Outcome{lifecycle.OutcomeCancelled, lifecycle.OutcomeFailed, lifecycle.OutcomeClosed} {
			order := s.opened(t)
			end := api.OutcomeRequest{Outcome: outcome, By: "customer", Reason: "second thoughts"}
			require.NoError(t, s.Settle(t.Context(), order, end))
			ended := s.order(t, order)
			require.Equal(t, api.OutcomeRequest{Outcome: ended.Outcome, By: ended.By, Reason: ended.Reason}, end)

			require.NoError(t, s.Settle(t.Context(), order, api.OutcomeRequest{Outcome: outcome, By: "other"}), "again")
			other := lifecycle.OutcomeClosed
			if outcome == other {
				other = lifecycle.OutcomeFailed
			}
			requireError(t, s.Settle(t.Context(), order, api.OutcomeRequest{Outcome: other}), lifecycle.LookUp, lifecycle.CodeConflict)
			for _, stage := range s.stages[:2] {
				_, err := s.visit(t, order, stage, 2)
				requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
			}
			require.Equal(t, ended, s.order(t, order))
		}
	})
}

func TestOutcomesAtOnceEndAnOrderOnce(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := s.opened(t)
		outcomes := []lifecycle.Outcome{lifecycle.OutcomeCancelled, lifecycle.OutcomeFailed}
		answers := atOnce(8, func(i int) (lifecycle.Outcome, error) {
			outcome := outcomes[i%2]
			return outcome, s.Settle(t.Context(), order, api.OutcomeRequest{Outcome: outcome})
		})
		got := s.order(t, order)
		for _, a := range answers {
			if a.value == got.Outcome {
				require.NoError(t, a.err)
			} else {
				requireError(t, a.err, lifecycle.LookUp, lifecycle.CodeConflict)
			}
		}
	})
}
