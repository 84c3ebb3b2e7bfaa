package conformance

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

// record records a stage on its first visit.
func (s system) record(t *testing.T, order string, stage lifecycle.Stage) api.StageAnswer {
	t.Helper()
	answer, err := s.visit(t, order, stage, 1)
	require.NoError(t, err)
	require.True(t, answer.Done)
	return answer
}

func (s system) visit(t *testing.T, order string, stage lifecycle.Stage, visit int) (api.StageAnswer, error) {
	return s.Record(t.Context(), order, stage, api.Key(order, stage, visit), api.StageRequest{By: "tester", Facts: s.facts}, 0)
}

// passed returns an order that came to the stages.
func (s system) passed(t *testing.T, stages ...lifecycle.Stage) string {
	t.Helper()
	order := newOrder()
	for _, stage := range stages {
		s.record(t, order, stage)
	}
	return order
}

// opened returns an order that came to the system's first stage.
func (s system) opened(t *testing.T) string {
	t.Helper()
	return s.passed(t, s.stages[0])
}

func (s system) order(t *testing.T, order string) api.Order {
	t.Helper()
	got, err := s.Order(t.Context(), order)
	require.NoError(t, err)
	return got
}

// send makes a call by hand.
func (s system) send(t *testing.T, method, path, key, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	require.NoError(t, err)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	req.Header.Set("Content-Type", "application/json")
	if path == "/models" {
		req.Header.Set("Content-Type", "model/stl")
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(got)
}

// requireProblem checks an answer that is a problem: what a caller is to do, and
// which input is wrong.
func requireProblem(t *testing.T, body, code, field string) {
	t.Helper()
	var p api.Problem
	require.NoError(t, json.Unmarshal([]byte(body), &p), body)
	require.Equal(t, []string{code, field}, []string{p.Code, p.Field}, p)
	require.NotEmpty(t, p.Detail)
}

// requireError checks an error by what it tells a caller to do.
func requireError(t *testing.T, err error, remedy lifecycle.Remedy, code string) *lifecycle.Error {
	t.Helper()
	var e *lifecycle.Error
	require.ErrorAsf(t, err, &e, "want a lifecycle.Error, not %v", err)
	require.Equal(t, []string{string(remedy), code}, []string{string(e.Remedy), e.Code}, e)
	require.NotEmpty(t, e.Detail)
	return e
}

func errorCode(t *testing.T, err error) string {
	t.Helper()
	var e *lifecycle.Error
	require.ErrorAs(t, err, &e)
	return e.Code
}

// standing are the stages of an order that were not taken back.
func standing(o api.Order) []lifecycle.Stage {
	out := []lifecycle.Stage{}
	for _, s := range o.Stages {
		if s.UndoneAt == nil {
			out = append(out, s.Stage)
		}
	}
	return out
}

// undoable are the stages that can be taken back.
func (s system) undoable() []lifecycle.Stage {
	return slices.DeleteFunc(slices.Clone(s.stages), func(s lifecycle.Stage) bool {
		return s == lifecycle.Shipped || s == lifecycle.Closed
	})
}

type answer[T any] struct {
	value T
	err   error
}

// atOnce makes n calls that begin together.
func atOnce[T any](n int, call func(i int) (T, error)) []answer[T] {
	var (
		answers = make([]answer[T], n)
		start   = make(chan struct{})
		calls   sync.WaitGroup
	)
	for i := range n {
		calls.Go(func() {
			<-start
			answers[i].value, answers[i].err = call(i)
		})
	}
	close(start)
	calls.Wait()
	return answers
}
