package walk

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/simulate/carrier"
	"ordertrace/lifecycle"
)

// deploy/local/e2e walks orders through the real systems while these are killed.

func TestWhenPeoplePressAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		again bool
	}{
		"nobody answers":                  {io.ErrUnexpectedEOF, true},
		"it stalls":                       {context.DeadlineExceeded, true},
		"the system's own trouble":        {&lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable}, true},
		"the request is wrong":            {&lifecycle.Error{Remedy: lifecycle.FixInput, Code: lifecycle.CodeInvalidRequest}, false},
		"the order is elsewhere":          {&lifecycle.Error{Remedy: lifecycle.LookUp, Code: lifecycle.CodeNotWaiting}, false},
		"a token that nobody knows":       {&lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnauthorized}, false},
		"a role that is not theirs":       {&lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeForbidden}, false},
		"the webhook is away":             {&carrier.Refusal{Status: http.StatusServiceUnavailable}, true},
		"the webhook knows another key":   {&carrier.Refusal{Status: http.StatusUnauthorized}, false},
		"the webhook knows no parcel yet": {&carrier.Refusal{Status: http.StatusNotFound}, true},
	} {
		t.Run(name, func(t *testing.T) {
			tries, told := 0, 0
			w := Walk{Again: func(error) { told++ }}
			err := w.insist(t.Context(), func() error {
				if tries++; tries == 2 {
					return nil
				}
				return tc.err
			})
			if tc.again {
				require.NoError(t, err)
				require.Equal(t, []int{2, 1}, []int{tries, told})
			} else {
				require.ErrorIs(t, err, tc.err)
				require.Equal(t, 1, tries)
			}
		})
	}
}

func TestPatienceEnds(t *testing.T) {
	away := errors.New("away")
	began := time.Now()
	err := Walk{Patience: 300 * time.Millisecond}.insist(t.Context(), func() error { return away })
	require.ErrorIs(t, err, away)
	require.Less(t, time.Since(began), 10*time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err = Walk{}.insist(ctx, func() error { tries++; cancel(); return away })
	require.ErrorIs(t, err, away)
	require.Equal(t, 1, tries)
}
