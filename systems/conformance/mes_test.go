package conformance

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// ask asks for a price, and waits for it so long.
func (s system) ask(t *testing.T, order string, wait time.Duration) api.StageAnswer {
	t.Helper()
	key := api.Key(order, lifecycle.PriceCalculated, 1)
	answer, err := s.Record(t.Context(), order, lifecycle.PriceCalculated, key, api.StageRequest{Facts: s.facts}, wait)
	require.NoError(t, err)
	if !answer.Done {
		require.True(t, answer.Progress >= 0 && answer.Progress <= 1, answer.Progress)
	}
	return answer
}

func TestAPriceIsAskedForUntilItIsThere(t *testing.T) {
	only(t, lifecycle.MES, func(t *testing.T, s system) {
		order := newOrder()
		if s.hold != nil {
			release := s.hold()
			defer release()
			begun := time.Now()
			require.False(t, s.ask(t, order, time.Second).Done)
			require.GreaterOrEqual(t, time.Since(begun), time.Second, "the call is held so long")
			require.False(t, s.ask(t, order, time.Second).Done)
			release()
		}
		var priced api.StageAnswer
		require.Eventually(t, func() bool { priced = s.ask(t, order, time.Second); return priced.Done }, time.Minute, time.Millisecond)
		require.Positive(t, priced.Facts.Price.Amount)
		require.Equal(t, priced, s.ask(t, order, time.Second))
		require.Equal(t, priced.Facts.Price, s.order(t, order).Facts.Price)
	})
}

func TestAPriceThatWasGivenUpMayBeAskedForAgain(t *testing.T) {
	only(t, lifecycle.MES, func(t *testing.T, s system) {
		order := newOrder()
		if s.hold != nil {
			release := s.hold()
			defer release()
			require.False(t, s.ask(t, order, time.Second).Done)
			require.NoError(t, s.GiveUp(t.Context(), order, lifecycle.PriceCalculated, api.Key(order, lifecycle.PriceCalculated, 1)))
			_, err := s.Order(t.Context(), order)
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
			release()
		}
		require.True(t, s.ask(t, order, 0).Done, "without a limit, the call is held to the end")
		require.NoError(t, s.GiveUp(t.Context(), order, lifecycle.PriceCalculated, api.Key(order, lifecycle.PriceCalculated, 1)))
		require.Len(t, s.order(t, order).Stages, 1, "what is recorded stays")
	})
}

func TestWhatCannotBePricedIsTheCustomersToMend(t *testing.T) {
	only(t, lifecycle.MES, func(t *testing.T, s system) {
		for name, test := range map[string]struct {
			spoil       func(*lifecycle.Facts)
			code, field string
		}{
			"no model":            {func(f *lifecycle.Facts) { f.Model = nil }, lifecycle.CodeMissingModel, "model"},
			"a model that is not": {func(f *lifecycle.Facts) { f.Model = &lifecycle.Model{Digest: "sha256-" + strings.Repeat("0", 64)} }, lifecycle.CodeMissingModel, "model"},
			"no material":         {func(f *lifecycle.Facts) { f.Material = "" }, lifecycle.CodeUnknownRate, "material"},
			"an unknown material": {func(f *lifecycle.Facts) { f.Material = "unobtainium" }, lifecycle.CodeUnknownRate, "material"},
		} {
			t.Run(name, func(t *testing.T) {
				spoilt := s
				test.spoil(&spoilt.facts)
				order := newOrder()
				_, err := spoilt.visit(t, order, lifecycle.PriceCalculated, 1)
				require.Equal(t, test.field, requireError(t, err, lifecycle.FixInput, test.code).Field)
				answer, err := s.visit(t, order, lifecycle.PriceCalculated, 2)
				require.NoError(t, err)
				require.NotNil(t, answer.Facts.Price)
			})
		}
	})
}

func TestTheMESSaysWhoHasAnOrderAndHowItLeft(t *testing.T) {
	only(t, lifecycle.MES, func(t *testing.T, s system) {
		order := s.opened(t)
		for i, operator := range []string{"op-7", "op-8"} { // the second by a hand-over
			facts := s.facts.With(lifecycle.Facts{Operator: operator})
			answer, err := s.Record(t.Context(), order, lifecycle.ManufacturingStarted, api.Key(order, lifecycle.ManufacturingStarted, i+1),
				api.StageRequest{By: operator, Facts: facts}, 0)
			require.NoError(t, err)
			require.Equal(t, operator, answer.Facts.Operator)
			require.Equal(t, operator, s.order(t, order).Facts.Operator)
		}
		s.record(t, order, lifecycle.ManufacturingCompleted)
		s.record(t, order, lifecycle.Packaging)
		require.Equal(t, lifecycle.Facts{Carrier: "UPS", Tracking: "1Z999"}, s.record(t, order, lifecycle.Shipped).Facts)
	})
}
