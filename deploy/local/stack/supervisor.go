package stack

import (
	"context"
	"fmt"
	"time"

	"github.com/thejerf/suture/v4"
)

// group is a set of processes that are supervised together and stop together.
type group struct {
	name       string
	supervisor *suture.Supervisor
	processes  []*process
	stop       context.CancelFunc
	stopped    chan struct{}
}

// newGroup starts a group without processes. drain is the longest time that one
// of them may take to stop.
func newGroup(name string, drain time.Duration, progress *console) *group {
	ctx, stop := context.WithCancel(context.Background())
	g := &group{name: name, stop: stop}
	g.supervisor = suture.New(name, suture.Spec{
		// A killed process is started again at once. One that dies at every
		// start gets a pause after five tries.
		FailureThreshold: 5,
		FailureDecay:     2, // seconds
		FailureBackoff:   2 * time.Second,
		Timeout:          drain + 5*time.Second,
		EventHook: func(event suture.Event) {
			if ctx.Err() == nil {
				tell(progress, event)
			}
		},
	})
	stopped := g.supervisor.ServeBackground(ctx)
	g.stopped = make(chan struct{})
	go func() {
		defer close(g.stopped)
		<-stopped //nolint:errcheck // its error only says that the context ended
	}()
	return g
}

func tell(progress *console, event suture.Event) {
	switch event := event.(type) {
	case suture.EventServiceTerminate:
		pause := ""
		if !event.Restarting {
			pause = " after a pause"
		}
		fmt.Fprintf(progress, "%v: starting it again%s\n", event.Err, pause)
	case suture.EventServicePanic:
		fmt.Fprintln(progress, event)
	}
}

// start runs the command under supervision and waits until it is well.
func (g *group) start(ctx context.Context, c command, starter *starter, limit time.Duration) error {
	p := newProcess(c, starter)
	g.processes = append(g.processes, p)
	g.supervisor.Add(p)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return p.awaitHealthy(ctx, true)
}

// drain stops every process of the group: SIGTERM, and SIGKILL after its time,
// or at once when ctx ends.
func (g *group) drain(ctx context.Context) {
	g.stop()
	select {
	case <-g.stopped:
		return
	case <-ctx.Done():
	}
	for _, p := range g.processes {
		p.killAll()
	}
	<-g.stopped
}
