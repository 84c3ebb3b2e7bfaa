package lifecycle_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ordertrace/lifecycle"
)

// The table of the design, row by row.
func TestLifecycleIsTheDesigns(t *testing.T) {
	design := []lifecycle.Step{
		{Stage: "INITIATED", System: "shop", By: "customer"},
		{Stage: "FILE_UPLOADED", System: "shop", By: "customer"},
		{Stage: "SUBMITTED", System: "shop", By: "customer"},
		{Stage: "PRICE_CALCULATED", System: "mes", By: "itself"},
		{Stage: "MANUFACTURING_APPROVED", System: "crm", By: "manager"},
		{Stage: "MANUFACTURING_STARTED", System: "mes", By: "operator"},
		{Stage: "MANUFACTURING_COMPLETED", System: "mes", By: "operator"},
		{Stage: "PACKAGING", System: "mes", By: "operator"},
		{Stage: "SHIPPED", System: "mes", By: "operator"},
		{Stage: "CLOSED", System: "crm", By: "carrier"},
	}
	var table []lifecycle.Step
	for s := range lifecycle.Steps() {
		table = append(table, lifecycle.Step{Stage: s.Stage, System: s.System, By: s.By})
	}
	require.Equal(t, design, table)
}

func TestOnlyClosedWaitsInAnOrderThatRunsUnattended(t *testing.T) {
	for s := range lifecycle.Steps() {
		require.Equal(t, s.Stage == lifecycle.Closed, s.Waits, s.Stage)
	}
}

func TestWalkPassesEveryStageOnceAndEnds(t *testing.T) {
	var walked []lifecycle.Stage
	for step := lifecycle.First(); ; {
		walked = append(walked, step.Stage)
		require.LessOrEqual(t, len(walked), 10, "it goes in circles")
		if step.Next == "" {
			break
		}
		next, err := lifecycle.Find(step.Next)
		require.NoError(t, err)
		step = next
	}
	require.Equal(t, lifecycle.StageNames(), walked)
}

func TestOrderTurnsBackOnlyToWhereItGetsBetterInputOrHands(t *testing.T) {
	back := map[lifecycle.Stage]lifecycle.Stage{}
	for s := range lifecycle.Steps() {
		if s.Back != "" {
			back[s.Stage] = s.Back
			require.LessOrEqual(t, s.Back.Position(), s.Stage.Position())
		}
	}
	require.Equal(t, map[lifecycle.Stage]lifecycle.Stage{
		lifecycle.FileUploaded:           lifecycle.FileUploaded,
		lifecycle.PriceCalculated:        lifecycle.FileUploaded,
		lifecycle.ManufacturingApproved:  lifecycle.FileUploaded,         // a manager's no
		lifecycle.ManufacturingCompleted: lifecycle.ManufacturingStarted, // another operator takes over
	}, back)
}

func TestEveryStageHasOneOwner(t *testing.T) {
	owned := map[lifecycle.Stage]lifecycle.System{}
	for _, system := range lifecycle.Systems() {
		last := -1
		for _, stage := range lifecycle.Owned(system) {
			require.NotContains(t, owned, stage)
			require.Greater(t, stage.Position(), last, "in their order")
			owned[stage], last = system, stage.Position()
		}
	}
	require.Len(t, owned, 10)
	require.Empty(t, lifecycle.Owned("bank"))
}

func TestStepsMayBeLeftEarly(t *testing.T) {
	seen := 0
	for range lifecycle.Steps() {
		if seen++; seen == 3 {
			break
		}
	}
	require.Equal(t, 3, seen)
}

func TestFind(t *testing.T) {
	for i, stage := range lifecycle.StageNames() {
		step, err := lifecycle.Find(stage)
		require.NoError(t, err)
		require.Equal(t, stage, step.Stage)
		require.Equal(t, i, stage.Position())
	}
	for _, unknown := range []lifecycle.Stage{"", "closed", "MELTED", lifecycle.Stage(strings.Repeat("x", 1<<20))} {
		_, err := lifecycle.Find(unknown)
		var e *lifecycle.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, [3]string{"fix_input", "unknown_stage", "stage"}, [3]string{string(e.Remedy), e.Code, e.Field})
		require.ErrorContains(t, err, "MANUFACTURING_APPROVED", "it lists what there is")
		require.Equal(t, -1, unknown.Position())
		require.Less(t, len(err.Error()), 400, "whatever was asked for")
	}
}

func TestErrorNamesItsField(t *testing.T) {
	require.EqualError(t, &lifecycle.Error{Field: "model", Detail: "it is open"}, "model: it is open")
	require.EqualError(t, &lifecycle.Error{Detail: "it has ended"}, "it has ended")
}

func TestMoneyIsReadByPeople(t *testing.T) {
	for want, m := range map[string]lifecycle.Money{
		"19.99 EUR":                 {Amount: 1999, Currency: "EUR"},
		"0.00 EUR":                  {Currency: "EUR"},
		"0.05 USD":                  {Amount: 5, Currency: "USD"},
		"-0.05 USD":                 {Amount: -5, Currency: "USD"},
		"-12.30 EUR":                {Amount: -1230, Currency: "EUR"},
		"92233720368547758.07 EUR":  {Amount: 1<<63 - 1, Currency: "EUR"},
		"-92233720368547758.08 EUR": {Amount: -1 << 63, Currency: "EUR"},
	} {
		require.Equal(t, want, m.String())
	}
}

func facts() *rapid.Generator[lifecycle.Facts] {
	return rapid.Custom(func(t *rapid.T) lifecycle.Facts {
		word := rapid.SampledFrom([]string{"", "a", "b"})
		f := lifecycle.Facts{
			Source: word.Draw(t, "source"), Material: word.Draw(t, "material"), Operator: word.Draw(t, "operator"),
			Carrier: word.Draw(t, "carrier"), Tracking: word.Draw(t, "tracking"),
		}
		if rapid.Bool().Draw(t, "has a model") {
			f.Model = &lifecycle.Model{Digest: word.Draw(t, "digest"), SizeBytes: rapid.Int64Range(0, 2).Draw(t, "size")}
		}
		if rapid.Bool().Draw(t, "has a price") {
			f.Price = &lifecycle.Money{Amount: rapid.Int64Range(-1, 1).Draw(t, "amount"), Currency: "EUR"}
		}
		return f
	})
}

func TestFactsAreOverlaid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := facts().Draw(t, "a"), facts().Draw(t, "b"), facts().Draw(t, "c")
		none := lifecycle.Facts{}
		require.Equal(t, a, a.With(none), "nothing new changes nothing")
		require.Equal(t, a, none.With(a))
		require.Equal(t, a, a.With(a), "what is known already changes nothing")
		require.Equal(t, a.With(b).With(c), a.With(b.With(c)), "it matters not who gathers them")
		require.Equal(t, a.With(b), a.With(b).With(b), "a stage's answer may come twice")
	})
}

func TestLaterFactsWin(t *testing.T) {
	before := lifecycle.Facts{Material: "silver-925", Model: &lifecycle.Model{Digest: "a", Triangles: 12}, Operator: "op-1"}
	after := before.With(lifecycle.Facts{Model: &lifecycle.Model{Digest: "b"}})
	require.Equal(t, lifecycle.Facts{Material: "silver-925", Model: &lifecycle.Model{Digest: "b"}, Operator: "op-1"}, after, "a model is replaced whole")
	require.Equal(t, "a", before.Model.Digest, "and what was known stays as it was")
}

// A history holds facts for months: their JSON is a contract.
func TestFactsInJSON(t *testing.T) {
	b, err := json.Marshal(lifecycle.Facts{
		Source: "b2c", Material: "silver-925", Model: &lifecycle.Model{Digest: "sha256-a", SizeBytes: 84, Triangles: 12},
		Price: &lifecycle.Money{Amount: 1999, Currency: "EUR"}, Operator: "op-1", Carrier: "dhl", Tracking: "t-1",
	})
	require.NoError(t, err)
	require.JSONEq(t, `{
		"source": "b2c", "material": "silver-925", "model": {"digest": "sha256-a", "size_bytes": 84, "triangles": 12},
		"price": {"amount": 1999, "currency": "EUR"}, "operator": "op-1", "carrier": "dhl", "tracking_number": "t-1"
	}`, string(b))
	b, err = json.Marshal(lifecycle.Facts{})
	require.NoError(t, err)
	require.JSONEq(t, `{}`, string(b))
}
