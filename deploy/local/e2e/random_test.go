package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/deploy/simulate/people"
	"ordertrace/lifecycle"
	"ordertrace/workflow"
)

// Everyone does whatever there is to do, in any order and repeated, two at once;
// no order is lost, moved twice, or moved by somebody whom it did not allow to.
func TestEveryoneActsAtRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	const orders = 10
	var wg sync.WaitGroup
	errs := make([]error, orders)
	for i := range orders {
		wg.Go(func() {
			errs[i] = playAtRandom(t, shared, rand.New(rand.NewPCG(seed, uint64(i))))
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

func playAtRandom(t *testing.T, r *rig, dice *rand.Rand) error {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	g := &game{rig: r, t: t, everyone: r.everyone(), granted: map[lifecycle.Stage]map[string]bool{}}
	started, err := g.everyone.Start(ctx, "silver-925", "")
	if err != nil {
		return err
	}
	g.id = started.OrderID
	var wg sync.WaitGroup
	for range 2 {
		mine := rand.New(rand.NewPCG(dice.Uint64(), dice.Uint64()))
		wg.Go(func() {
			for range 30 {
				g.act(ctx, mine)
			}
		})
	}
	wg.Wait()
	if err := g.finish(ctx); err != nil {
		return err
	}
	return errors.Join(g.wrongMoves(ctx), r.disagreement(t, g.id))
}

// game is one order, and what it granted to whom.
type game struct {
	*rig
	t        *testing.T
	everyone people.People
	id       string
	mu       sync.Mutex
	granted  map[lifecycle.Stage]map[string]bool
}

var persons = []string{"operator-7", "operator-9"}

// at is who acts at a system: one of its own, since nobody else may.
func (g *game) at(url, operator string) string {
	switch url {
	case g.ShopURL():
		return people.Customer
	case g.CRMURL():
		return people.Manager
	default:
		return operator
	}
}

// act does one thing that may or may not fit.
func (g *game) act(ctx context.Context, dice *rand.Rand) {
	by := persons[dice.IntN(len(persons))]
	steps := g.everyone.Steps(trackingOf(g.id))
	step := steps[dice.IntN(len(steps))]
	switch roll := dice.IntN(100); {
	case roll < 40:
		g.step(ctx, step, by)
	case roll < 55:
		g.signal(ctx, step.Stage, by)
	case roll < 70:
		_ = g.giveModel(ctx, g.id)
	case roll < 76:
		_ = g.post(ctx, g.CRMURL(), "reject", map[string]string{"by": people.Manager, "reason": "too thin"})
	case roll < 84:
		if g.post(ctx, g.MESURL(), "hand-over", map[string]string{"by": by, "from": persons[0], "to": persons[1]}) == nil {
			g.grant(lifecycle.ManufacturingStarted, persons[1])
		}
	case roll < 90:
		statuses := []lifecycle.ParcelStatus{lifecycle.ParcelPreTransit, lifecycle.ParcelInTransit, lifecycle.ParcelReturnToSender, lifecycle.ParcelFailure}
		_ = g.carrier(g.t).Say(ctx, trackingOf(g.id), "UPS", statuses[dice.IntN(len(statuses))])
	case roll < 93:
		_ = g.temporal.SignalWorkflow(ctx, g.id, "", "nonsense", "x")
	case roll < 96:
		_ = g.temporal.SignalWorkflow(ctx, g.id, "", workflow.SignalMove, []string{"SHIPPED"})
	case roll < 97:
		_ = g.post(ctx, g.ShopURL(), "cancel", map[string]string{"by": people.Customer})
	default:
		_ = g.post(ctx, g.CRMURL(), "close", map[string]string{"by": people.Manager, "reason": "early"})
	}
}

func (g *game) step(ctx context.Context, step people.Step, by string) {
	by = g.at(step.URL, by)
	body := map[string]string{"by": by}
	if step.Stage == lifecycle.Shipped {
		body["carrier"], body["tracking_number"] = "UPS", trackingOf(g.id)
	}
	if g.post(ctx, step.URL, step.Verb, body) == nil {
		g.grant(step.Stage, by)
	}
}

// signal moves the order as the Temporal UI does, which gets no answer.
func (g *game) signal(ctx context.Context, stage lifecycle.Stage, by string) {
	if g.temporal.SignalWorkflow(ctx, g.id, "", workflow.SignalMove, lifecycle.Move{Stage: stage, By: by}) == nil {
		g.grant(stage, by)
	}
}

func (g *game) post(ctx context.Context, url, verb string, body any) error {
	return g.everyone.Do(ctx, http.MethodPost, fmt.Sprintf("%s/orders/%s/%s", url, g.id, verb), body, nil)
}

func (g *game) grant(stage lifecycle.Stage, by string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.granted[stage] == nil {
		g.granted[stage] = map[string]bool{}
	}
	g.granted[stage][by] = true
}

// finish does what the order waits for, until it has ended.
func (g *game) finish(ctx context.Context) error {
	for look := time.NewTicker(50 * time.Millisecond); ; {
		s, err := g.statusOf(ctx, g.id)
		switch {
		case err != nil:
			return fmt.Errorf("order %s: %w", g.id, err)
		case s.Outcome != "":
			look.Stop()
			_ = g.temporal.GetWorkflow(ctx, g.id, "").Get(ctx, nil)
			return nil
		case s.WaitsFor(lifecycle.FileUploaded):
			_ = g.giveModel(ctx, g.id)
		case s.WaitsFor(lifecycle.Closed):
			_ = g.post(ctx, g.CRMURL(), "close", map[string]string{"by": "manager-3"})
		case s.Waiting != nil:
			for _, step := range g.everyone.Steps(trackingOf(g.id)) {
				if step.Stage == s.Waiting.Stage {
					by := persons[0]
					if step.Stage == lifecycle.ManufacturingCompleted {
						by = s.Facts.Operator
					}
					g.step(ctx, step, by)
				}
			}
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("order %s was lost at %+v", g.id, s)
		}
	}
}

// wrongMoves looks for a stage that the order came to without anyone's leave,
// or more often than it turned back.
func (g *game) wrongMoves(ctx context.Context) error {
	s, err := g.statusOf(ctx, g.id)
	if err != nil {
		return err
	}
	for _, m := range s.Moves {
		if m.Stage != lifecycle.Closed && !g.granted[m.Stage][m.By] {
			return fmt.Errorf("order %s went to %s by %s, to whom nothing was granted", g.id, m.Stage, m.By)
		}
	}
	last := -1
	for _, p := range s.Passed {
		step, _ := lifecycle.Find(p.Stage)
		back := false
		for other := range lifecycle.Steps() {
			back = back || (other.Back == p.Stage && last+1 <= other.Stage.Position()+1)
		}
		if at := step.Stage.Position(); at != last+1 && !back {
			return fmt.Errorf("order %s came to %s after stage %d: %+v", g.id, p.Stage, last, s.Passed)
		}
		last = p.Stage.Position()
	}
	return nil
}
