package shop_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ordertrace/lifecycle"
	"ordertrace/systems/api"
	"ordertrace/systems/mesh/meshtest"
	"ordertrace/systems/shop"
	"ordertrace/systems/store/storetest"
)

// basket is what the shop's own table says.
type basket struct {
	source, material, model string
	frozen, withdrawn       bool
}

func (r running) basket(t *testing.T, order string) basket {
	t.Helper()
	var (
		b     basket
		model sql.NullString
	)
	require.NoError(t, r.DB().QueryRow(`SELECT source, material, model, submitted_at IS NOT NULL, withdrawn_at IS NOT NULL FROM baskets WHERE order_id = $1`, order).
		Scan(&b.source, &b.material, &model, &b.frozen, &b.withdrawn))
	b.model = model.String
	return b
}

func (r running) record(t *testing.T, stage lifecycle.Stage, visit int, facts lifecycle.Facts) (lifecycle.Facts, error) {
	t.Helper()
	answer, err := r.Client.Record(t.Context(), "o", stage, api.Key("o", stage, visit), api.StageRequest{Facts: facts}, 0)
	return answer.Facts, err
}

func TestABasketIsFilledFrozenAndThawed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		r := start(t, shop.Config{DSN: dsn})
		cube, err := r.Upload(t.Context(), strings.NewReader(string(stl(t, meshtest.Cube(10)))), -1)
		require.NoError(t, err)
		box, err := r.Upload(t.Context(), strings.NewReader(string(stl(t, meshtest.Box(10, 20, 5)))), -1)
		require.NoError(t, err)
		knownBy := func(digest string) lifecycle.Facts { return lifecycle.Facts{Model: &lifecycle.Model{Digest: digest}} }

		_, err = r.record(t, lifecycle.Initiated, 1, lifecycle.Facts{Source: "b2b", Material: "silver-925"})
		require.NoError(t, err)
		require.Equal(t, basket{"b2b", "silver-925", "", false, false}, r.basket(t, "o"))

		for name, test := range map[string]struct {
			facts lifecycle.Facts
			code  string
		}{
			"no model":      {lifecycle.Facts{}, lifecycle.CodeMissingModel},
			"no digest":     {knownBy(""), lifecycle.CodeMissingModel},
			"unknown":       {knownBy("sha256-" + strings.Repeat("0", 64)), lifecycle.CodeInvalidModel},
			"not a digest":  {knownBy("ring.stl"), lifecycle.CodeInvalidModel},
			"NUL in digest": {knownBy("sha256-\x00"), lifecycle.CodeInvalidModel},
		} {
			_, err := r.record(t, lifecycle.FileUploaded, 1, test.facts)
			requireError(t, err, lifecycle.FixInput, test.code, "model")
			require.Equal(t, basket{"b2b", "silver-925", "", false, false}, r.basket(t, "o"), name)
		}
		facts, err := r.record(t, lifecycle.FileUploaded, 2, knownBy(cube.Digest))
		require.NoError(t, err)
		require.Equal(t, lifecycle.Facts{Model: &cube}, facts, "size and triangles are the shop's")

		_, err = r.record(t, lifecycle.Submitted, 1, knownBy(box.Digest))
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict, "")
		require.Equal(t, basket{"b2b", "silver-925", cube.Digest, false, false}, r.basket(t, "o"))
		_, err = r.record(t, lifecycle.Submitted, 2, knownBy(cube.Digest))
		require.NoError(t, err)
		require.Equal(t, basket{"b2b", "silver-925", cube.Digest, true, false}, r.basket(t, "o"))

		better := knownBy(box.Digest)
		better.Material = "gold-585-rose"
		_, err = r.record(t, lifecycle.FileUploaded, 3, better)
		require.NoError(t, err)
		require.Equal(t, basket{"b2b", "gold-585-rose", box.Digest, false, false}, r.basket(t, "o"), "the order came back")
		_, err = r.record(t, lifecycle.Submitted, 3, better)
		require.NoError(t, err)
		require.True(t, r.basket(t, "o").frozen)
	})
}

func TestACancelledOrdersBasketIsTakenBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, dsn string) {
		r := start(t, shop.Config{DSN: dsn})
		model, err := r.Upload(t.Context(), strings.NewReader(string(stl(t, meshtest.Cube(10)))), -1)
		require.NoError(t, err)
		facts := lifecycle.Facts{Source: "b2c", Material: "silver-925", Model: &model}
		for _, stage := range lifecycle.Owned(lifecycle.Shop) {
			_, err := r.record(t, stage, 1, facts)
			require.NoError(t, err)
		}
		require.Equal(t, basket{"b2c", "silver-925", model.Digest, true, false}, r.basket(t, "o"))
		for _, step := range []struct {
			undo lifecycle.Stage
			want basket
		}{
			{lifecycle.Submitted, basket{"b2c", "silver-925", model.Digest, false, false}},
			{lifecycle.FileUploaded, basket{"b2c", "silver-925", "", false, false}},
			{lifecycle.Initiated, basket{"b2c", "silver-925", "", false, true}},
		} {
			require.NoError(t, r.Client.Undo(t.Context(), "o", step.undo))
			require.Equal(t, step.want, r.basket(t, "o"), step.undo)
		}
		_, err = r.record(t, lifecycle.FileUploaded, 2, facts)
		requireError(t, err, lifecycle.LookUp, lifecycle.CodeConflict, "")
		require.Equal(t, basket{"b2c", "silver-925", "", false, true}, r.basket(t, "o"), "a late upload finds no basket")
	})
}
