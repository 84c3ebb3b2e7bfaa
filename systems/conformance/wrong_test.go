package conformance

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
)

func TestCallsThatAreWrong(t *testing.T) {
	const empty = `{"facts":{}}`
	each(t, func(t *testing.T, s system) {
		first := s.stages[0]
		foreign := lifecycle.Closed
		if s.name == lifecycle.CRM {
			foreign = lifecycle.Initiated
		}
		order := newOrder()
		stage := func(order string, stage lifecycle.Stage) string {
			return "/orders/" + order + "/stages/" + string(stage)
		}
		path, key := stage(order, first), api.Key(order, first, 1)
		tests := map[string]struct {
			path, key, body string
			status          int
			code, field     string
		}{
			"not JSON":                 {path, key, `{"facts":`, 400, lifecycle.CodeMalformed, "body"},
			"nothing":                  {path, key, ``, 400, lifecycle.CodeMalformed, "body"},
			"two values":               {path, key, empty + empty, 400, lifecycle.CodeMalformed, "body"},
			"another shape":            {path, key, `{"facts":"none"}`, 400, lifecycle.CodeMalformed, "body"},
			"too long a body":          {path, key, `{"by":"` + strings.Repeat("x", 2<<20) + `"}`, 413, lifecycle.CodeTooLarge, "body"},
			"no key":                   {path, "", empty, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"the key of another order": {path, api.Key("other", first, 1), empty, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"the key of another stage": {path, api.Key(order, s.stages[1], 1), empty, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"a key without a visit":    {path, order + "/" + string(first), empty, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"visit 0":                  {path, api.Key(order, first, 0), empty, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"visit 01":                 {path, order + "/" + string(first) + "/01", empty, 422, lifecycle.CodeInvalidRequest, "Idempotency-Key"},
			"no such stage":            {stage(order, "POLISHED"), api.Key(order, "POLISHED", 1), empty, 422, lifecycle.CodeUnknownStage, "stage"},
			"another system's stage":   {stage(order, foreign), api.Key(order, foreign, 1), empty, 422, lifecycle.CodeUnknownStage, "stage"},
			"a NUL in a text":          {path, key, `{"by":"a\u0000b","facts":{}}`, 422, lifecycle.CodeInvalidRequest, "by"},
			"a control in an order":    {stage("a%00b", first), "a/" + string(first) + "/1", empty, 422, lifecycle.CodeInvalidRequest, "order_id"},
			"an endless order":         {stage(strings.Repeat("x", 300), first), "x/" + string(first) + "/1", empty, 422, lifecycle.CodeInvalidRequest, "order_id"},
		}
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				status, body := s.send(t, http.MethodPut, test.path, test.key, test.body)
				require.Equal(t, test.status, status, body)
				requireProblem(t, body, test.code, test.field)
			})
		}
		_, err := s.Order(t.Context(), order)
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeNotFound)
	})
}

func TestOutcomesThatAreNone(t *testing.T) {
	each(t, func(t *testing.T, s system) {
		order := s.opened(t)
		for name, test := range map[string]struct {
			body        string
			status      int
			code, field string
		}{
			"without words": {`{}`, 422, lifecycle.CodeInvalidRequest, "outcome"},
			"of its own":    {`{"outcome":"lost"}`, 422, lifecycle.CodeInvalidRequest, "outcome"},
			"with a NUL":    {`{"outcome":"failed","reason":"\u0000"}`, 422, lifecycle.CodeInvalidRequest, "reason"},
			"another shape": {`["failed"]`, 400, lifecycle.CodeMalformed, "body"},
			"too long":      {`{"reason":"` + strings.Repeat("x", 2<<20) + `"}`, 413, lifecycle.CodeTooLarge, "body"},
		} {
			t.Run(name, func(t *testing.T) {
				status, body := s.send(t, http.MethodPut, "/orders/"+order+"/outcome", "", test.body)
				require.Equal(t, test.status, status, body)
				requireProblem(t, body, test.code, test.field)
			})
		}
		require.Empty(t, s.order(t, order).Outcome)
	})
}
