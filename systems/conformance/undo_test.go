package conformance

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func cancelled(by string) api.OutcomeRequest {
	return api.OutcomeRequest{Outcome: lifecycle.OutcomeCancelled, By: by}
}

func TestACancelledOrderIsTakenBackStageByStage(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		stages := s.undoable()
		order, other := s.passed(t, stages...), s.passed(t, stages...)
		made := s.order(t, order)
		for i, stage := range slices.Backward(stages) {
			require.NoError(t, s.Undo(t.Context(), order, stage))
			got := s.order(t, order)
			require.Equal(t, stages[:i], standing(got))
			require.WithinRange(t, *got.Stages[i].UndoneAt, got.Stages[i].RecordedAt, got.UpdatedAt)
			require.NoError(t, s.Undo(t.Context(), order, stage))
			require.Equal(t, got, s.order(t, order), "again")
		}
		require.NoError(t, s.Settle(t.Context(), order, cancelled("customer")))
		got := s.order(t, order)
		require.Equal(t, lifecycle.OutcomeCancelled, got.Outcome)
		require.Equal(t, made.Facts, got.Facts, "the books keep what was")
		require.Len(t, got.Stages, len(stages))
		for i := range got.Stages {
			got.Stages[i].UndoneAt = nil
		}
		require.Equal(t, made.Stages, got.Stages)
		require.Equal(t, stages, standing(s.order(t, other)), "and no other order is touched")
	})
}

func TestAStageIsTakenBackInAllItsVisits(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := s.opened(t)
		_, err := s.visit(t, order, s.stages[0], 2)
		require.NoError(t, err)
		require.NoError(t, s.Undo(t.Context(), order, s.stages[0]))
		got := s.order(t, order)
		require.Empty(t, standing(got))
		require.Len(t, got.Stages, 2)
	})
}

func TestWhatWasTakenBackDoesNotComeBack(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		stages := s.undoable()
		last := len(stages) - 1
		order := s.opened(t)
		first := s.record(t, order, stages[0])
		for _, stage := range stages[1:] {
			s.record(t, order, stage)
		}
		require.NoError(t, s.Undo(t.Context(), order, stages[last]))
		before := s.order(t, order)
		for name, late := range map[string]struct {
			stage lifecycle.Stage
			visit int
		}{
			"the same attempt":          {stages[last], 1},
			"another visit":             {stages[last], 2},
			"another visit to an older": {stages[0], 2},
			"the next stage":            {s.stages[min(last+1, len(s.stages)-1)], 1},
		} {
			_, err := s.visit(t, order, late.stage, late.visit)
			requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
			require.Equal(t, before, s.order(t, order), name)
		}
		if last > 0 {
			require.Equal(t, first, s.record(t, order, stages[0]), "what still stands is answered as it was")
		}
	})
}

func TestAStageThatNeverArrivedDoesNotArriveLater(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := s.opened(t)
		require.NoError(t, s.Undo(t.Context(), order, s.stages[1]))
		require.Equal(t, s.stages[:1], standing(s.order(t, order)))
		_, err := s.visit(t, order, s.stages[1], 1)
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
		require.NoError(t, s.Undo(t.Context(), order, s.stages[0]))
		require.Empty(t, standing(s.order(t, order)))
	})
}

func TestThereIsNothingToUndoOfAnOrderThatNobodyKnows(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := newOrder()
		for _, stage := range slices.Backward(s.stages) {
			require.NoError(t, s.Undo(t.Context(), order, stage))
		}
		_, err := s.Order(t.Context(), order)
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
		requireError(t, s.Settle(t.Context(), order, cancelled("customer")), lifecycle.LookUp, lifecycle.CodeNotFound)
	})
}

func TestStagesAreTakenBackLastFirst(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		stages := s.undoable()
		order := s.passed(t, stages...)
		before := s.order(t, order)
		for _, stage := range stages[:len(stages)-1] {
			requireError(t, s.Undo(t.Context(), order, stage), lifecycle.LookUp, lifecycle.CodeConflict)
		}
		require.Equal(t, before, s.order(t, order))
	})
}

func TestAnOrderThatWasShippedOrClosedIsNotTakenBack(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := s.passed(t, s.stages...)
		if s.name == lifecycle.Shop { // it hears of the end
			require.NoError(t, s.Settle(t.Context(), order, api.OutcomeRequest{Outcome: lifecycle.OutcomeClosed}))
		}
		before := s.order(t, order)
		for _, stage := range s.stages {
			requireError(t, s.Undo(t.Context(), order, stage), lifecycle.LookUp, lifecycle.CodeConflict)
		}
		require.Equal(t, before, s.order(t, order))
	})
}

func TestAnOrderThatEndedIsNotTakenBack(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		for outcome, refused := range map[lifecycle.Outcome]bool{
			lifecycle.OutcomeCancelled: false, lifecycle.OutcomeFailed: true, lifecycle.OutcomeClosed: true,
		} {
			order := s.opened(t)
			require.NoError(t, s.Settle(t.Context(), order, api.OutcomeRequest{Outcome: outcome}))
			before := s.order(t, order)
			for _, stage := range s.stages {
				err := s.Undo(t.Context(), order, stage)
				if refused {
					requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict)
				} else {
					require.NoError(t, err)
				}
			}
			require.Equal(t, before, s.order(t, order))
		}
	})
}

func TestStagesThatAreNotTheSystemsToUndo(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := s.opened(t)
		for _, stage := range append(lifecycle.StageNames(), "POLISHED") {
			if !slices.Contains(s.stages, stage) {
				e := requireError(t, s.Undo(t.Context(), order, stage), lifecycle.FixInput, lifecycle.CodeUnknownStage)
				require.Equal(t, "stage", e.Field)
			}
		}
		require.Equal(t, s.stages[:1], standing(s.order(t, order)))
	})
}

func TestARecordAndItsUndoAtOnceLeaveNothingStanding(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := s.opened(t)
		answers := atOnce(12, func(i int) (undo bool, err error) {
			if i%2 == 0 {
				return true, s.Undo(t.Context(), order, s.stages[0])
			}
			_, err = s.visit(t, order, s.stages[0], i+1)
			return false, err
		})
		recorded := 1
		for _, a := range answers {
			switch {
			case a.err == nil && !a.value:
				recorded++
			case a.err != nil:
				require.False(t, a.value, a.err)
				require.Contains(t, []string{lifecycle.CodeConflict, lifecycle.CodeUnavailable}, errorCode(t, a.err))
			}
		}
		got := s.order(t, order)
		require.Empty(t, standing(got))
		require.Len(t, got.Stages, recorded)
	})
}
