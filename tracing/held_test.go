package tracing

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// What a workflow task tells is exported when Temporal accepts the task, and
// never if it does not.
func TestOnlyAcceptedTasksTell(t *testing.T) {
	refused := errors.New("unhandled command")
	type try struct {
		run    *run // the SDK makes a new one after a refusal
		says   []string
		answer error
		page   bool // only a part of the task's commands
	}
	first, second := &run{}, &run{}
	for name, tc := range map[string]struct {
		tries []try
		told  []string
	}{
		"accepted":               {[]try{{run: first, says: []string{"a", "b"}}}, []string{"a", "b"}},
		"accepted, one by one":   {[]try{{run: first, says: []string{"a"}}, {run: first, says: []string{"b"}}}, []string{"a", "b"}},
		"refused":                {[]try{{run: first, says: []string{"a"}, answer: refused}}, nil},
		"refused, done again":    {[]try{{run: first, says: []string{"a"}, answer: refused}, {run: second, says: []string{"b"}}}, []string{"b"}},
		"the answer came late":   {[]try{{run: first, says: []string{"a"}, answer: refused}, {run: first}}, []string{"a"}},
		"in pages":               {[]try{{run: first, says: []string{"a"}, page: true}, {run: first}}, []string{"a"}},
		"a part without the end": {[]try{{run: first, says: []string{"a"}, page: true}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			h := &held{tell: func(f Fact) { told = append(told, f.Name) }}
			for _, try := range tc.tries {
				for _, name := range try.says {
					h.add("order-1", try.run, Fact{Name: name})
				}
				h.add("order-2", first, Fact{Name: "another order's"})
				done := &workflowservice.RespondWorkflowTaskCompletedRequest{ResourceId: "workflow:order-1", IntermediatePage: try.page}
				answer := func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return try.answer }
				require.Equal(t, try.answer, h.watch(t.Context(), "", done, nil, nil, answer))
			}
			require.Equal(t, tc.told, told)
		})
	}
}
