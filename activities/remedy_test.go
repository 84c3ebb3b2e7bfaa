package activities_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func TestRemedySaysWhetherAnAttemptIsRepeated(t *testing.T) {
	tests := map[string]struct {
		err        error
		retryable  bool
		remedy     lifecycle.Remedy
		code, what string
		field      string
	}{
		"retry": {
			&lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: "busy"},
			true, lifecycle.Retry, lifecycle.CodeUnavailable, "busy", "",
		},
		"fix the input": {
			&lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidModel, Field: "model", Detail: "it is open"},
			false, lifecycle.FixInput, lifecycle.CodeInvalidModel, "it is open", "model",
		},
		"look the order up": {
			&lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "it has ended"},
			false, lifecycle.LookUp, lifecycle.CodeConflict, "it has ended", "",
		},
		"unknown here": {
			&lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "no such order"},
			false, lifecycle.LookUp, lifecycle.CodeNotFound, "no such order", "",
		},
		"the system's own trouble": {
			errors.New("disk full"),
			true, lifecycle.Retry, lifecycle.CodeUnavailable, "the system has a problem of its own; the same call may succeed later", "",
		},
	}
	for name, tc := range tests {
		for _, stage := range []lifecycle.Stage{lifecycle.Submitted, lifecycle.PriceCalculated, lifecycle.Closed} {
			t.Run(name+" at "+string(stage), func(t *testing.T) {
				step, err := lifecycle.Find(stage)
				require.NoError(t, err)
				s := newStand(t, step.System, func(context.Context, int) (api.StageAnswer, error) { return api.StageAnswer{}, tc.err })
				_, err = s.pass(arrival(stage))

				var app *temporal.ApplicationError
				require.ErrorAs(t, err, &app)
				require.Equal(t, tc.retryable, !app.NonRetryable())
				require.Equal(t, string(tc.remedy), app.Type())
				var details lifecycle.Error
				require.NoError(t, app.Details(&details), "the workflow reads them")
				require.Equal(t, lifecycle.Error{Remedy: tc.remedy, Code: tc.code, Field: tc.field, Detail: tc.what}, details)
			})
		}
	}
}

func TestSystemThatCannotBeReachedIsTriedAgain(t *testing.T) {
	cut := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	tests := map[string]http.Handler{
		"cuts the line": cut,
		"answers nonsense": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "<html>it works</html>")
		}),
		"is behind a proxy that finds nobody": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "bad gateway", http.StatusBadGateway)
		}),
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, lifecycle.CRM, &system{}, h)
			_, err := s.pass(arrival(lifecycle.Closed))
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.False(t, app.NonRetryable())
		})
	}
}

func TestStageThatIsNotDoneYetIsTriedAgain(t *testing.T) {
	s := newStand(t, lifecycle.Shop, func(context.Context, int) (api.StageAnswer, error) { return api.StageAnswer{Progress: 0.5}, nil })
	_, err := s.pass(arrival(lifecycle.Submitted))
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.False(t, app.NonRetryable())
}

func TestSettleTellsTheOutcome(t *testing.T) {
	end := lifecycle.Ending{Order: "ord-1", Outcome: lifecycle.OutcomeCancelled, By: "temporal", Reason: "changed their mind"}
	tests := map[string]struct {
		err  error
		fail bool
	}{
		"recorded":                       {nil, false},
		"a system that never met it":     {&lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotFound, Detail: "no such order"}, false},
		"a system that has another end":  {&lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "closed"}, true},
		"a system in trouble of its own": {errors.New("disk full"), true},
	}
	for _, name := range lifecycle.Systems() {
		for what, tc := range tests {
			t.Run(string(name)+": "+what, func(t *testing.T) {
				s := newStand(t, name, nil)
				s.settle = tc.err
				_, err := s.env.ExecuteActivity(lifecycle.Settle, end)
				require.Equal(t, tc.fail, err != nil, "%v", err)
				require.Equal(t, []api.OutcomeRequest{{Outcome: end.Outcome, By: end.By, Reason: end.Reason}}, s.settled)
			})
		}
	}
}
