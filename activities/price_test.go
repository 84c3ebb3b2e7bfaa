package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func TestPriceIsAskedForUntilItIsThere(t *testing.T) {
	price := lifecycle.Money{Amount: 4200, Currency: "EUR"}
	s := newStand(t, lifecycle.MES, func(_ context.Context, n int) (api.StageAnswer, error) {
		if n < 3 {
			return api.StageAnswer{Progress: float64(n) / 4}, nil // at once, as if it had never heard of Prefer
		}
		return api.StageAnswer{Facts: lifecycle.Facts{Price: &price}, Done: true}, nil
	})
	facts, err := s.pass(arrival(lifecycle.PriceCalculated))
	require.NoError(t, err)
	require.Equal(t, &price, facts.Price)
	calls := s.calls()
	require.Len(t, calls, 3)
	for i, c := range calls {
		require.Equal(t, calls[0].key, c.key, "a repeated call joins the pricing that runs")
		if i > 0 {
			require.GreaterOrEqual(t, c.at.Sub(calls[i-1].at), 900*time.Millisecond, "a system that does not wait is not stormed")
		}
	}
}

func TestPriceShowsHowFarItIs(t *testing.T) {
	t.Parallel() // a heartbeat is a matter of seconds
	beats := heartbeats{shares: make(chan float64, 100)}
	s := newStand(t, lifecycle.MES, func(_ context.Context, n int) (api.StageAnswer, error) {
		if n == 1 {
			return api.StageAnswer{Progress: 0.25}, nil
		}
		for share := range beats.shares { // until the progress was shown
			if share == 0.25 {
				break
			}
		}
		return api.StageAnswer{Done: true}, nil
	})
	s.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&beats}})
	_, err := s.pass(arrival(lifecycle.PriceCalculated))
	require.NoError(t, err)
}

// heartbeats sees every heartbeat; the SDK itself sends only some.
type heartbeats struct {
	interceptor.WorkerInterceptorBase
	shares chan float64
}

func (h *heartbeats) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	in := &inbound{shares: h.shares}
	in.Next = next
	return in
}

type inbound struct {
	interceptor.ActivityInboundInterceptorBase
	shares chan float64
}

func (i *inbound) Init(next interceptor.ActivityOutboundInterceptor) error {
	out := &outbound{shares: i.shares}
	out.Next = next
	return i.Next.Init(out)
}

type outbound struct {
	interceptor.ActivityOutboundInterceptorBase
	shares chan float64
}

func (o *outbound) RecordHeartbeat(_ context.Context, details ...any) {
	o.shares <- details[0].(float64)
}

// underway is a pricing that the MES is at, and stays at while it is asked.
func underway(t *testing.T, prepare func(stand)) (s stand, ended <-chan error) {
	asked := make(chan struct{}, 1)
	s = newStand(t, lifecycle.MES, func(ctx context.Context, _ int) (api.StageAnswer, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return api.StageAnswer{}, ctx.Err()
	})
	prepare(s)
	end := make(chan error, 1)
	go func() {
		_, err := s.pass(arrival(lifecycle.PriceCalculated))
		end <- err
	}()
	select {
	case <-asked:
	case err := <-end:
		t.Fatalf("it ended before the MES was asked: %v", err)
	}
	return s, end
}

func TestCancelledPricingIsGivenUp(t *testing.T) {
	life, cancel := context.WithCancel(t.Context())
	s, ended := underway(t, func(s stand) { s.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: life}) })
	cancel()
	require.True(t, temporal.IsCanceledError(<-ended))
	require.Equal(t, s.calls()[0].key, <-s.given, "the MES stops its work")
}

func TestStoppedWorkerHandsThePricingBack(t *testing.T) {
	stop := make(chan struct{})
	s, ended := underway(t, func(s stand) { s.env.SetWorkerStopChannel(stop) })
	close(stop)

	var app *temporal.ApplicationError
	require.ErrorAs(t, <-ended, &app)
	require.False(t, app.NonRetryable())
	require.Equal(t, time.Millisecond, app.NextRetryDelay(), "another worker takes it up at once")
	require.Empty(t, s.given, "the MES stays at its work")
}

func TestPricingThatStallsBetweenTurnsStillEnds(t *testing.T) {
	tests := map[string]func(stand) (end func()){
		"cancelled": func(s stand) func() {
			life, cancel := context.WithCancel(context.Background())
			s.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: life})
			return cancel
		},
		"stopped": func(s stand) func() {
			stop := make(chan struct{})
			s.env.SetWorkerStopChannel(stop)
			return func() { close(stop) }
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 100)
			s := newStand(t, lifecycle.MES, func(context.Context, int) (api.StageAnswer, error) {
				asked <- struct{}{}
				return api.StageAnswer{}, nil
			})
			end := prepare(s)
			ended := make(chan error, 1)
			go func() {
				_, err := s.pass(arrival(lifecycle.PriceCalculated))
				ended <- err
			}()
			<-asked
			end()
			require.Error(t, <-ended)
			require.Less(t, len(s.calls()), 3)
		})
	}
}
