package activities_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"ordertrace/lifecycle"
)

func TestEachStageIsTakenBackByItsSystem(t *testing.T) {
	tests := map[string]struct {
		err             error
		fail, retryable bool
		remedy          lifecycle.Remedy
	}{
		"taken back": {},
		"it stands for good": {
			err:  &lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeConflict, Detail: "it was shipped"},
			fail: true, remedy: lifecycle.LookUp,
		},
		"a system in trouble of its own": {err: errors.New("disk full"), fail: true, retryable: true, remedy: lifecycle.Retry},
	}
	for step := range lifecycle.Steps() {
		for name, tc := range tests {
			t.Run(string(step.Stage)+": "+name, func(t *testing.T) {
				s := newStand(t, step.System, nil)
				s.undo = tc.err
				u := lifecycle.Undoing{Order: "ord-1", Stage: step.Stage}
				_, err := s.env.ExecuteActivity(lifecycle.Undo(step.Stage), u)
				require.Equal(t, []lifecycle.Undoing{u}, s.undone)
				if !tc.fail {
					require.NoError(t, err)
					return
				}
				var app *temporal.ApplicationError
				require.ErrorAs(t, err, &app)
				require.Equal(t, tc.retryable, !app.NonRetryable())
				require.Equal(t, string(tc.remedy), app.Type())
			})
		}
	}
}
