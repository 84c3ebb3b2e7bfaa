package mes_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mes"
	"ordertrace/systems/store/storetest"
)

func TestAWorkOrderFollowsThePiece(t *testing.T) {
	d := newDoor(t)
	storetest.Each(t, func(t *testing.T, dsn string) {
		r := start(t, d, mes.Config{DSN: dsn})
		for order, test := range map[string]struct {
			by, operator string
			facts        lifecycle.Facts
			want         string
		}{
			"named":      {by: "terminal-3", facts: lifecycle.Facts{Operator: "op-7", Carrier: "UPS", Tracking: "1Z999"}, want: "op-7"},
			"moved on":   {by: "op-8", want: "op-8"},
			"unattended": {want: "unattended"},
		} {
			t.Run(order, func(t *testing.T) {
				_, err := r.ask(t.Context(), order, 0)
				require.NoError(t, err)
				answers := map[lifecycle.Stage]lifecycle.Facts{}
				for _, stage := range lifecycle.Owned(lifecycle.MES)[1:] {
					in := api.StageRequest{By: test.by, Facts: test.facts}
					answer, err := r.Client.Record(t.Context(), order, stage, api.Key(order, stage, 1), in, 0)
					require.NoError(t, err)
					answers[stage] = answer.Facts
				}
				require.Equal(t, map[lifecycle.Stage]lifecycle.Facts{
					lifecycle.ManufacturingStarted:   {Operator: test.want},
					lifecycle.ManufacturingCompleted: {},
					lifecycle.Packaging:              {},
					lifecycle.Shipped:                {Carrier: test.facts.Carrier, Tracking: test.facts.Tracking},
				}, answers)

				var (
					operator, carrier, tracking         string
					started, completed, packed, shipped sql.NullTime
				)
				require.NoError(t, r.DB().QueryRow(`SELECT operator, carrier, tracking_number, started_at, completed_at, packed_at, shipped_at
					FROM work_orders WHERE order_id = $1`, order).
					Scan(&operator, &carrier, &tracking, &started, &completed, &packed, &shipped))
				require.Equal(t, []string{test.want, test.facts.Carrier, test.facts.Tracking}, []string{operator, carrier, tracking})
				require.False(t, completed.Time.Before(started.Time))
				require.False(t, packed.Time.Before(completed.Time))
				require.False(t, shipped.Time.Before(packed.Time))
				require.True(t, started.Valid && shipped.Valid)
			})
		}
	})
}
