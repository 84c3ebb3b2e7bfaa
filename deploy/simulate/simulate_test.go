package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"ordertrace/deploy/simulate/people"
)

// numbered walks orders whose numbers count up; some of them fail.
func numbered(fails map[string]error) func(context.Context) (people.Started, error) {
	var n atomic.Int64
	return func(context.Context) (people.Started, error) {
		id := fmt.Sprint("o-", n.Add(1))
		return people.Started{OrderID: id}, fails[id]
	}
}

func TestEveryOrdersEndIsTold(t *testing.T) {
	for name, tc := range map[string]struct {
		orders, parallel int
		fails            map[string]error
		says             string
	}{
		"all are closed":     {20, 8, nil, ""},
		"one at a time":      {3, 1, nil, ""},
		"more at once":       {2, 9, nil, ""},
		"some are not":       {4, 2, map[string]error{"o-2": errors.New("nobody answers"), "o-3": errors.New("refused")}, "2 of 4 orders are not CLOSED"},
		"nobody to walk for": {0, 4, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var told bytes.Buffer
			ends := newTally(tc.orders, &bytes.Buffer{}).run(t.Context(), tc.parallel, numbered(tc.fails))
			err := report(&told, ends, true)
			if tc.says == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, tc.says)
			}
			seen := map[string]end{}
			for lines := json.NewDecoder(&told); lines.More(); {
				var e end
				require.NoError(t, lines.Decode(&e))
				seen[e.OrderID] = e
			}
			require.Len(t, seen, tc.orders)
			for id, e := range seen {
				if why := tc.fails[id]; why != nil {
					require.Equal(t, end{Started: e.Started, State: "OPEN", Seconds: e.Seconds, Error: why.Error()}, e)
				} else {
					require.Equal(t, "CLOSED", e.State)
				}
			}
		})
	}
}

func TestProgress(t *testing.T) {
	tl := newTally(3, nil)
	require.Equal(t, "0 of 3 orders closed, 0 not; 0 requests made again", tl.progress())
	tl.again(errors.New("connection refused"))
	tl.one(t.Context(), numbered(nil))
	tl.one(t.Context(), numbered(map[string]error{"o-1": errors.New("x")}))
	require.Equal(t, "1 of 3 orders closed, 1 not; 1 requests made again, the last because of: connection refused", tl.progress())
}

// What is printed has the addresses that lead to the same from outside.
func TestShownAs(t *testing.T) {
	t.Setenv("SHOWN_AS", "http://shop:8081=http://127.0.0.1:9,http://jaeger:16686/jaeger=https://x.example/jaeger")
	var c commandLine
	parser, err := kong.New(&c)
	require.NoError(t, err)
	_, err = parser.Parse(nil)
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = c.shown(&out).Write([]byte("curl http://shop:8081/orders; http://jaeger:16686/jaeger/trace/1"))
	require.NoError(t, err)
	require.Equal(t, "curl http://127.0.0.1:9/orders; https://x.example/jaeger/trace/1", out.String())
}

func TestWhatIsNotSetIsNamed(t *testing.T) {
	for _, variable := range []string{"CUSTOMER_TOKEN", "MANAGER_TOKEN", "OPERATOR_TOKEN", "CARRIER_SECRET"} {
		t.Setenv(variable, "x")
	}
	var c commandLine
	_, err := c.walk(nil)
	require.NoError(t, err)
	for _, variable := range []string{"CARRIER_SECRET", "MANAGER_TOKEN"} {
		t.Setenv(variable, "")
		_, err := c.walk(nil)
		require.ErrorContains(t, err, variable+" is not set")
	}
}
