package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"

	"ordertrace/deploy/simulate/people"
)

// end is how an order ended.
type end struct {
	people.Started
	State   string  `json:"state"` // CLOSED or OPEN
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
}

// tally counts orders while they run, and tells a person now and then.
type tally struct {
	out    io.Writer
	orders int

	mu      sync.Mutex
	closed  int
	failed  int
	retried int
	last    error // why a request was made again
}

func newTally(orders int, out io.Writer) *tally { return &tally{orders: orders, out: out} }

func (t *tally) again(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.retried++
	t.last = err
}

// tellEvery is how often progress is told.
const tellEvery = 5 * time.Second

// run takes the orders to their ends, several at once.
func (t *tally) run(ctx context.Context, parallel int, order func(context.Context) (people.Started, error)) []end {
	ends, next := make([]end, t.orders), make(chan int)
	var walking sync.WaitGroup
	for range min(max(parallel, 1), t.orders) {
		walking.Go(func() {
			for i := range next {
				ends[i] = t.one(ctx, order)
			}
		})
	}
	done := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() { t.tell(done) })
	for i := range t.orders {
		next <- i
	}
	close(next)
	walking.Wait()
	close(done)
	telling.Wait()
	return ends
}

func (t *tally) one(ctx context.Context, order func(context.Context) (people.Started, error)) end {
	began := time.Now()
	started, err := order(ctx)
	e := end{Started: started, State: "CLOSED", Seconds: time.Since(began).Seconds()}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		e.State, e.Error = "OPEN", err.Error()
		t.failed++
		return e
	}
	t.closed++
	return e
}

func (t *tally) tell(done <-chan struct{}) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			fmt.Fprintln(t.out, t.progress())
		}
	}
}

func (t *tally) progress() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%d of %d orders closed, %d not; %d requests made again", t.closed, t.orders, t.failed, t.retried)
	if t.last != nil {
		line += fmt.Sprintf(", the last because of: %v", t.last)
	}
	return line
}

// report tells how each order ended. It fails if one is not closed.
func report(out io.Writer, ends []end, asJSON bool) error {
	table, lines := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), json.NewEncoder(out)
	open := 0
	for _, e := range ends {
		if e.Error != "" {
			open++
		}
		if asJSON {
			if err := lines.Encode(e); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(table, "%s\t%s\t%.1f s\t%s\n", e.OrderID, e.State, e.Seconds, e.Error)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if open > 0 {
		return fmt.Errorf("%d of %d orders are not CLOSED", open, len(ends))
	}
	return nil
}
