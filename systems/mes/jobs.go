package mes

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// What a job is cancelled with. Who still waits for it may ask anew.
var (
	errGivenUp   = tryAgain("the pricing was given up")
	errAbandoned = tryAgain("the pricing was stopped: nobody asked about it any more")
	errDraining  = tryAgain("the MES is stopping")
)

func tryAgain(detail string) error {
	return &lifecycle.Error{Remedy: lifecycle.Retry, Code: lifecycle.CodeUnavailable, Detail: detail}
}

type jobKey struct{ order, key string }

// jobs runs long work apart from the calls that ask for it. A call joins the job
// of its key or starts it; a job that nobody asks about for the length of the
// lease is stopped, and one that failed is forgotten once it was reported.
type jobs struct {
	slots   chan struct{}
	lease   time.Duration
	running sync.WaitGroup

	mu       sync.Mutex
	open     map[jobKey]*job
	live     map[*job]jobKey // those that have not ended, cancelled ones too
	draining bool
}

type job struct {
	stop   context.CancelCauseFunc
	lease  *time.Timer
	askers int // calls that wait for it now; guarded by jobs.mu

	done   chan struct{} // closed when answer and err are set
	answer api.StageAnswer
	err    error

	progress progress
}

// progress is how much of a model was read.
type progress struct{ read, size atomic.Int64 }

func (p *progress) share() float64 {
	size := p.size.Load()
	if size <= 0 {
		return 0
	}
	return min(1, float64(p.read.Load())/float64(size))
}

// jobFunc is what a job does, once it has a slot.
type jobFunc func(context.Context, *progress) (api.StageAnswer, error)

func newJobs(slots int, lease time.Duration) *jobs {
	return &jobs{slots: make(chan struct{}, slots), lease: lease, open: map[jobKey]*job{}, live: map[*job]jobKey{}}
}

// ask waits for a job's end, but not longer than wait unless that is 0. The job
// keeps the trace of the call that started it, and outlives it.
func (js *jobs) ask(ctx context.Context, key jobKey, wait time.Duration, work jobFunc) (api.StageAnswer, error) {
	j, err := js.join(ctx, key, work)
	if err != nil {
		return api.StageAnswer{}, err
	}
	defer js.leave(key, j)
	var timeout <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timeout = t.C
	}
	select {
	case <-j.done:
		js.forget(key, j)
		return j.answer, j.err
	case <-timeout:
		return api.StageAnswer{Progress: j.progress.share()}, nil
	case <-ctx.Done():
		return api.StageAnswer{}, context.Cause(ctx)
	}
}

func (js *jobs) join(ctx context.Context, key jobKey, work jobFunc) (*job, error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if js.draining {
		return nil, errDraining
	}
	j := js.open[key]
	if j == nil {
		j = js.start(ctx, key, work)
	}
	j.askers++
	j.lease.Stop()
	return j, nil
}

func (js *jobs) start(ctx context.Context, key jobKey, work jobFunc) *job {
	ctx, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	j := &job{stop: stop, done: make(chan struct{})}
	j.lease = time.AfterFunc(js.lease, func() { js.expire(key, j) })
	js.open[key], js.live[j] = j, key
	js.running.Go(func() {
		defer stop(nil)
		j.answer, j.err = js.run(ctx, work, &j.progress)
		close(j.done)
		js.end(key, j)
	})
	return j
}

func (js *jobs) run(ctx context.Context, work jobFunc, p *progress) (answer api.StageAnswer, err error) {
	select {
	case js.slots <- struct{}{}:
		defer func() { <-js.slots }()
		answer, err = work(ctx, p)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // why it was stopped, not how it noticed
	}
	return answer, err
}

// leave starts the lease when the last call leaves.
func (js *jobs) leave(key jobKey, j *job) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if j.askers--; j.askers == 0 && js.open[key] == j {
		j.lease.Reset(js.lease)
	}
}

// expire ends a job whose lease ran out, unless a call came just now.
func (js *jobs) expire(key jobKey, j *job) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if j.askers == 0 && js.open[key] == j {
		delete(js.open, key)
		j.stop(errAbandoned)
	}
}

// end lets go of a job that ran to its end, but for a failure that nobody heard.
func (js *jobs) end(key jobKey, j *job) {
	if j.err == nil {
		js.forget(key, j)
	}
	js.mu.Lock()
	defer js.mu.Unlock()
	delete(js.live, j)
}

func (js *jobs) forget(key jobKey, j *job) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if js.open[key] == j {
		delete(js.open, key)
	}
	j.lease.Stop()
}

// cancel stops the jobs that match.
func (js *jobs) cancel(match func(jobKey) bool, why error) {
	js.mu.Lock()
	defer js.mu.Unlock()
	for key, j := range js.open {
		if match(key) {
			delete(js.open, key)
			j.lease.Stop()
			j.stop(why)
		}
	}
}

// stop cancels the jobs that match, and waits until none of them runs. It fails
// only with ctx.
func (js *jobs) stop(ctx context.Context, match func(jobKey) bool, why error) error {
	js.cancel(match, why)
	for _, j := range js.matching(match) {
		select {
		case <-j.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (js *jobs) matching(match func(jobKey) bool) []*job {
	js.mu.Lock()
	defer js.mu.Unlock()
	var out []*job
	for j, key := range js.live {
		if match(key) {
			out = append(out, j)
		}
	}
	return out
}

// drain stops all jobs and lets none start.
func (js *jobs) drain() {
	js.mu.Lock()
	js.draining = true
	js.mu.Unlock()
	js.cancel(func(jobKey) bool { return true }, errDraining)
}

func (js *jobs) wait() { js.running.Wait() }
