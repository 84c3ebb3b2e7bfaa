package activities_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"ordertrace/activities"
	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// system is one of the three behind the contract: it writes down what it is
// asked, and answers as the test says.
type system struct {
	api.System // what the activities never ask
	record     func(ctx context.Context, n int) (api.StageAnswer, error)
	settle     error
	undo       error

	mu      sync.Mutex
	records []call
	given   chan string // keys that were given up
	settled []api.OutcomeRequest
	undone  []lifecycle.Undoing
}

type call struct {
	order string
	stage lifecycle.Stage
	key   string
	in    api.StageRequest
	wait  time.Duration
	at    time.Time
}

func (s *system) Record(ctx context.Context, order string, stage lifecycle.Stage, key string, in api.StageRequest, wait time.Duration) (api.StageAnswer, error) {
	s.mu.Lock()
	s.records = append(s.records, call{order, stage, key, in, wait, time.Now()})
	n := len(s.records)
	s.mu.Unlock()
	return s.record(ctx, n)
}

func (s *system) GiveUp(_ context.Context, _ string, _ lifecycle.Stage, key string) error {
	s.given <- key
	return nil
}

func (s *system) Settle(_ context.Context, _ string, in api.OutcomeRequest) error {
	s.settled = append(s.settled, in)
	return s.settle
}

func (s *system) Undo(_ context.Context, order string, stage lifecycle.Stage) error {
	s.undone = append(s.undone, lifecycle.Undoing{Order: order, Stage: stage})
	return s.undo
}

// calls are the stages recorded so far.
func (s *system) calls() []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]call(nil), s.records...)
}

// stand is an activity's surroundings: its system over real HTTP, and the SDK's
// test environment.
type stand struct {
	*system
	env *testsuite.TestActivityEnvironment
}

func newStand(t *testing.T, name lifecycle.System, record func(context.Context, int) (api.StageAnswer, error)) stand {
	s := &system{record: record, given: make(chan string, 1)}
	mux := http.NewServeMux()
	api.Register(mux, name, s)
	return serve(t, name, s, mux)
}

func serve(t *testing.T, name lifecycle.System, s *system, h http.Handler) stand {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(30 * time.Second)
	client := api.NewClient(server.URL)
	switch name {
	case lifecycle.Shop:
		activities.NewShop(client).Register(env)
	case lifecycle.CRM:
		activities.NewCRM(client).Register(env)
	case lifecycle.MES:
		activities.NewMES(client).Register(env)
	}
	return stand{s, env}
}

func (s stand) pass(a lifecycle.Arrival) (lifecycle.Facts, error) {
	var facts lifecycle.Facts
	out, err := s.env.ExecuteActivity(string(a.Stage), a)
	if err != nil {
		return facts, err
	}
	return facts, out.Get(&facts)
}

// done answers every call with the same facts.
func done(facts lifecycle.Facts) func(context.Context, int) (api.StageAnswer, error) {
	return func(context.Context, int) (api.StageAnswer, error) {
		return api.StageAnswer{Facts: facts, Done: true}, nil
	}
}

func arrival(stage lifecycle.Stage) lifecycle.Arrival {
	return lifecycle.Arrival{
		Order: "ord-1", Stage: stage, Visit: 2, By: "manual", Reason: "picked up",
		Facts: lifecycle.Facts{Source: "b2c", Material: "silver-925", Model: &lifecycle.Model{Digest: "sha256-a", SizeBytes: 84}},
	}
}

func TestEachStageIsOneCallIntoItsSystem(t *testing.T) {
	price := lifecycle.Money{Amount: 1999, Currency: "EUR"}
	for step := range lifecycle.Steps() {
		t.Run(string(step.Stage), func(t *testing.T) {
			s := newStand(t, step.System, done(lifecycle.Facts{Price: &price}))
			a := arrival(step.Stage)
			facts, err := s.pass(a)
			require.NoError(t, err)
			require.Equal(t, lifecycle.Facts{Price: &price}, facts, "what the system adds")
			require.Len(t, s.calls(), 1)
			got := s.calls()[0]
			require.Equal(t, a.Order, got.order)
			require.Equal(t, step.Stage, got.stage)
			require.Equal(t, "ord-1/"+string(step.Stage)+"/2", got.key)
			require.Equal(t, api.StageRequest{By: a.By, Reason: a.Reason, Facts: a.Facts}, got.in)
			require.Equal(t, step.Stage == lifecycle.PriceCalculated, got.wait > 0, "only pricing is asked for in turns")
		})
	}
}

func TestEachAttemptUsesTheSameKey(t *testing.T) {
	s := newStand(t, lifecycle.Shop, done(lifecycle.Facts{}))
	for range 2 {
		_, err := s.pass(arrival(lifecycle.Submitted))
		require.NoError(t, err)
	}
	require.Equal(t, s.calls()[0].key, s.calls()[1].key)
}
