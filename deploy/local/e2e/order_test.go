package e2e

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
)

// From a real 3D file to CLOSED, through three systems, in one trace.
func TestOrderFromModelToClosed(t *testing.T) {
	r := shared
	o := r.start(t)
	s := r.until(t, o.ID, "CLOSED")
	require.Equal(t, lifecycle.Shipped, s.Stage, "it waits at the last gate")
	require.Positive(t, s.Facts.Price.Amount)

	r.mustStarter(t, "close", o.ID, "--by", "carrier", "--reason", "delivered")
	s = r.until(t, o.ID, "end")
	require.Equal(t, lifecycle.OutcomeClosed, s.Outcome)
	r.requireClosedEverywhere(t, o.ID)

	spans := r.requireWhole(t, o)
	services := map[string]bool{}
	for _, span := range spans {
		require.False(t, span.Failed(), "%s %s: nothing failed in this order", span.Service, span.Name)
		if lifecycle.Stage(span.Name).Position() >= 0 {
			services[span.Service] = true
		}
	}
	require.Equal(t, map[string]bool{"shop": true, "crm": true, "mes": true}, services)
}

// Whatever process dies in the middle of an order, nothing is lost.
func TestAnyProcessMayDie(t *testing.T) {
	for _, victim := range []string{"shop", "crm", "mes", "temporal", "jaeger"} {
		for moment, at := range map[string]func(*testing.T, *rig) order{
			"while it is priced":       inPricing,
			"while it waits for close": atTheLastGate,
		} {
			t.Run(victim+" "+moment, func(t *testing.T) {
				r := shared
				o := at(t, r)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				require.NoError(t, r.Kill(victim, syscall.SIGKILL))
				require.NoError(t, r.WaitHealthy(ctx, victim))
				r.models.release()

				r.until(t, o.ID, "CLOSED")
				r.mustStarter(t, "close", o.ID)
				require.Equal(t, lifecycle.OutcomeClosed, r.until(t, o.ID, "end").Outcome)
				r.requireClosedEverywhere(t, o.ID)
			})
		}
	}
}

// inPricing is an order whose model the MES is just reading.
func inPricing(t *testing.T, r *rig) order {
	held := r.models.shut()
	t.Cleanup(r.models.release)
	o := r.start(t)
	select {
	case <-held:
	case <-time.After(patience):
		t.Fatal("the MES never asked for the model")
	}
	return o
}

func atTheLastGate(t *testing.T, r *rig) order {
	o := r.start(t)
	r.until(t, o.ID, "CLOSED")
	return o
}
