package mes

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

const testLease = 5 * time.Minute

var (
	ring   = jobKey{order: "o", key: "o/PRICE_CALCULATED/1"}
	priced = api.StageAnswer{Facts: lifecycle.Facts{Price: &lifecycle.Money{Amount: 1, Currency: "EUR"}}, Done: true}
)

// lasting is a job of a given length that ends early when it is stopped. runs
// counts how often it was begun, and stopped what it was stopped with.
type lasting struct {
	length  time.Duration
	fails   error
	runs    int
	stopped chan error
}

func newLasting(length time.Duration) *lasting {
	return &lasting{length: length, stopped: make(chan error, 1)}
}

func (l *lasting) work(ctx context.Context, p *progress) (api.StageAnswer, error) {
	l.runs++
	p.size.Store(100)
	p.read.Store(25)
	select {
	case <-time.After(l.length):
		return priced, l.fails
	case <-ctx.Done():
		l.stopped <- context.Cause(ctx)
		return api.StageAnswer{}, ctx.Err()
	}
}

func TestAJobIsStoppedWhenItsLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js, l := newJobs(1, testLease), newLasting(time.Hour)
		answer, err := js.ask(t.Context(), ring, time.Second, l.work)
		require.NoError(t, err)
		require.Equal(t, api.StageAnswer{Progress: 0.25}, answer)

		time.Sleep(testLease - time.Second) // of the bubble's own clock
		_, err = js.ask(t.Context(), ring, time.Second, l.work)
		require.NoError(t, err)
		time.Sleep(testLease - time.Second)
		synctest.Wait()
		require.Empty(t, l.stopped, "each ask renews the lease")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, errAbandoned, <-l.stopped)
		require.Empty(t, js.open)
		js.wait()
	})
}

func TestACallThatWaitsKeepsTheJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js, l := newJobs(1, testLease), newLasting(10*testLease)
		answer, err := js.ask(t.Context(), ring, 0, l.work)
		require.NoError(t, err)
		require.Equal(t, priced, answer)
		require.Equal(t, 1, l.runs)
		require.Empty(t, js.open, "what succeeded is in the database")
		js.wait()
	})
}

func TestAFailureIsKeptForWhoAsksNextAndThenForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		js, l := newJobs(1, testLease), newLasting(time.Minute)
		l.fails = broken
		_, err := js.ask(t.Context(), ring, time.Second, l.work)
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		_, err = js.ask(t.Context(), ring, time.Second, l.work)
		require.Equal(t, broken, err)
		require.Equal(t, 1, l.runs)

		l.fails = nil
		answer, err := js.ask(t.Context(), ring, 0, l.work)
		require.NoError(t, err)
		require.Equal(t, priced, answer)
		require.Equal(t, 2, l.runs)
		js.wait()
	})
}

func TestAFailureThatNobodyAsksAboutIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js, l := newJobs(1, testLease), newLasting(time.Minute)
		l.fails = errors.New("broken")
		_, err := js.ask(t.Context(), ring, time.Second, l.work)
		require.NoError(t, err)
		time.Sleep(2 * testLease)
		synctest.Wait()
		require.Empty(t, js.open)
		js.wait()
	})
}

func TestAJobThatWaitsForASlotCanBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js, first, second := newJobs(1, testLease), newLasting(time.Hour), newLasting(0)
		_, err := js.ask(t.Context(), ring, time.Second, first.work)
		require.NoError(t, err)
		other := jobKey{order: "p", key: "p/PRICE_CALCULATED/1"}
		waiting := make(chan error)
		go func() {
			_, err := js.ask(t.Context(), other, 0, second.work)
			waiting <- err
		}()
		synctest.Wait()
		js.cancel(func(k jobKey) bool { return k == other }, errGivenUp)
		require.Equal(t, errGivenUp, <-waiting)
		require.Zero(t, second.runs)
		require.Empty(t, first.stopped)
		js.drain()
		js.wait()
		require.Equal(t, errDraining, <-first.stopped)
		_, err = js.ask(t.Context(), other, 0, second.work)
		require.Equal(t, errDraining, err)
		require.Zero(t, second.runs)
	})
}

func TestACallThatHangsUpLeavesTheJobAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js, l := newJobs(1, testLease), newLasting(time.Minute)
		ctx, hangUp := context.WithTimeout(t.Context(), time.Second)
		defer hangUp()
		_, err := js.ask(ctx, ring, 0, l.work)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		answer, err := js.ask(t.Context(), ring, 0, l.work)
		require.NoError(t, err)
		require.Equal(t, priced, answer)
		require.Equal(t, 1, l.runs)
		js.wait()
	})
}

func TestAShopThatStallsIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		defer stop(nil)
		var p progress
		s := &source{from: silent{ctx}, count: &p.read, stalled: func() { stop(errStalled) }}
		before := time.Now()
		_, err := s.Read(make([]byte, 10))
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, errStalled, context.Cause(ctx))
		require.Equal(t, stallTimeout, time.Since(before))
		require.Equal(t, err, s.err)
	})
}

// silent is a connection on which nothing comes.
type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func TestWhoStopsAJobWaitsForItsEnd(t *testing.T) {
	tests := map[string]func(*jobs){
		"that runs":              func(*jobs) {},
		"that was given up just": func(js *jobs) { js.cancel(func(jobKey) bool { return true }, errGivenUp) },
	}
	for name, before := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var committed atomic.Bool
				js := newJobs(1, testLease)
				_, err := js.ask(t.Context(), ring, time.Second, func(ctx context.Context, _ *progress) (api.StageAnswer, error) {
					<-ctx.Done()
					time.Sleep(time.Minute) // it is at a commit that cannot be called back
					committed.Store(true)
					return priced, nil
				})
				require.NoError(t, err)
				before(js)
				mine := func(k jobKey) bool { return k == ring }
				inTime, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.ErrorIs(t, js.stop(inTime, mine, errGivenUp), context.DeadlineExceeded)
				require.False(t, committed.Load())
				require.NoError(t, js.stop(t.Context(), func(k jobKey) bool { return k.order == "another" }, errGivenUp))
				require.False(t, committed.Load(), "other orders' jobs are nobody's business")
				require.NoError(t, js.stop(t.Context(), mine, errGivenUp))
				require.True(t, committed.Load())
				js.wait()
				require.Empty(t, js.live)
			})
		})
	}
}
