package mes_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ordertrace/lifecycle"
	"ordertrace/systems/mes"
	"ordertrace/systems/mesh"
)

func defaultRates(t testing.TB) mes.Rates {
	t.Helper()
	r, err := mes.LoadRates("")
	require.NoError(t, err)
	return r
}

// piece is a report of a box-shaped piece at the origin.
func piece(volume, surface, x, y, z float64) mesh.Report {
	return mesh.Report{VolumeMM3: volume, SurfaceMM2: surface, Max: [3]float64{x, y, z}}
}

func TestPricesWorkedByHand(t *testing.T) {
	simple := mes.Rates{
		Version: "test", Currency: "EUR", MarginPercent: 50,
		Casting:   mes.Casting{LossPercent: 10, Fee: 1000},
		Machine:   mes.Machine{RatePerHour: 600, SetupHours: 0.5, HoursPerCM2: 0.1, HoursPerCM: 0.25},
		Limits:    mes.Limits{Chamber: mes.Chamber{WidthMM: 100, DepthMM: 50, HeightMM: 80}, MinVolumeMM3: 1, MaxVolumeMM3: 1e6},
		Materials: map[string]mes.Material{"lead": {DensityGCM3: 10, PricePerGram: 2}},
	}
	bare := simple
	bare.MarginPercent, bare.Casting, bare.Machine = 0, mes.Casting{}, mes.Machine{}

	for name, test := range map[string]struct {
		rates    mes.Rates
		piece    mesh.Report
		material string
		want     int64
	}{
		// 1 cm³ = 10 g = 20, with loss 22; 6 cm² and 1 cm: 0.5 + 0.6 + 0.25 = 1.35 h = 810;
		// (22 + 1000 + 810) × 1.5 = 2748.
		"a cube of 1 cm": {simple, piece(1000, 600, 10, 10, 10), "lead", 2748},
		// Laid flat, 2 cm high: 0.5 + 1 + 0.5 = 2 h = 1200; 3 cm³ = 30 g = 66; 2266 × 1.5 = 3399.
		"a plate on its edge is laid flat": {simple, piece(3000, 1000, 20, 90, 40), "lead", 3399},
		// 0.25 mm³ more than 1 cm³ is 20.005: rounded once, at the end.
		"down":                 {bare, piece(1000.25, 600, 10, 10, 10), "lead", 20},
		"a half goes up":       {bare, piece(1025, 600, 10, 10, 10), "lead", 21}, // 20.5
		"just under a half":    {bare, piece(1024.9, 600, 10, 10, 10), "lead", 20},
		"another half, up too": {bare, piece(1075, 600, 10, 10, 10), "lead", 22}, // 21.5
		// Silver ring, 500 mm³: 5.18 g × 125 × 1.08 = 699.3; 7 cm², 5 mm laid flat:
		// 0.25 + 0.14 + 0.3 = 0.69 h × 2400 = 1656; (699.3 + 1500 + 1656) × 1.35 = 5204.655.
		"a silver ring": {defaultRates(t), piece(500, 700, 22, 5, 22), "silver-925", 5205},
		// The same in platinum: 10.7 g × 4300 × 1.08 = 49690.8; 52846.8 × 1.35 = 71343.18.
		"a platinum ring": {defaultRates(t), piece(500, 700, 22, 5, 22), "platinum-950", 71343},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := test.rates.Price(test.piece, test.material)
			require.NoError(t, err)
			require.Equal(t, lifecycle.Money{Amount: test.want, Currency: "EUR"}, got)
		})
	}
}

func TestWhatCannotBePriced(t *testing.T) {
	rates := defaultRates(t) // chamber 125 × 70 × 120 mm, 5 to 200 000 mm³
	for name, test := range map[string]struct {
		piece       mesh.Report
		material    string
		code, field string
		detail      string
	}{
		"an unknown metal": {piece(500, 700, 20, 5, 20), "tin", lifecycle.CodeUnknownRate, "material",
			`there is no material "tin"; choose one of gold-585-rose, gold-585-white, gold-585-yellow, gold-750-rose, gold-750-white, gold-750-yellow, platinum-950, silver-925`},
		"too long": {piece(500, 700, 126, 5, 20), "silver-925", lifecycle.CodeUnpriceable, "model",
			"the model cannot be priced: its box of 126 × 5 × 20 mm does not fit into the chamber of 125 × 70 × 120 mm, however it is turned"},
		"too thick whichever way": {piece(500, 700, 71, 71, 71), "silver-925", lifecycle.CodeUnpriceable, "model",
			"the model cannot be priced: its box of 71 × 71 × 71 mm does not fit into the chamber of 125 × 70 × 120 mm, however it is turned"},
		"too small": {piece(4.9, 20, 2, 2, 2), "silver-925", lifecycle.CodeUnpriceable, "model",
			"the model cannot be priced: its volume of 4.9 mm³ is too small to cast: at least 5 mm³"},
		"too much metal": {piece(200001, 20000, 60, 60, 60), "silver-925", lifecycle.CodeUnpriceable, "model",
			"the model cannot be priced: its volume of 200001 mm³ is too large to cast: at most 200000 mm³"},
		"not a number": {piece(math.NaN(), 1, 1, 1, 1), "silver-925", lifecycle.CodeUnpriceable, "model",
			"the model cannot be priced: its volume of NaN mm³ is too small to cast: at least 5 mm³"},
		"an endless surface": {piece(100, math.Inf(1), 1, 1, 1), "silver-925", lifecycle.CodeUnpriceable, "model",
			"the model cannot be priced: its price has no sensible size: have the rate table checked"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rates.Price(test.piece, test.material)
			e := requireError(t, err, lifecycle.FixInput, test.code)
			require.Equal(t, []string{test.field, test.detail}, []string{e.Field, e.Detail})
		})
	}
}

func TestMoreNeverCostsLess(t *testing.T) {
	rates := defaultRates(t)
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.Float64Range(1, 70)
		more := rapid.Float64Range(1, 1.5)
		material := rapid.SampledFrom([]string{"silver-925", "gold-750-rose", "platinum-950"}).Draw(t, "material")
		volume, surface := rapid.Float64Range(5, 100_000).Draw(t, "volume"), rapid.Float64Range(1, 100_000).Draw(t, "surface")
		x, y, z := length.Draw(t, "x"), length.Draw(t, "y"), length.Draw(t, "z")

		small, err := rates.Price(piece(volume, surface, x, y, z), material)
		require.NoError(t, err)
		require.Positive(t, small.Amount)
		for _, turned := range []mesh.Report{piece(volume, surface, y, x, z), piece(volume, surface, y, z, x)} {
			got, err := rates.Price(turned, material)
			require.NoError(t, err)
			require.Equal(t, small, got, "the way the designer turned it does not matter")
		}
		large, err := rates.Price(piece(volume*more.Draw(t, "more volume"), surface*more.Draw(t, "more surface"),
			x*more.Draw(t, "longer"), y*more.Draw(t, "deeper"), z*more.Draw(t, "higher")), material)
		if err != nil {
			requireError(t, err, lifecycle.FixInput, lifecycle.CodeUnpriceable) // it may have outgrown the chamber
			return
		}
		require.GreaterOrEqual(t, large.Amount, small.Amount)
	})
}

func TestMistakesInARateTableAreNamedByTheirKey(t *testing.T) {
	built, err := os.ReadFile("rates.yaml")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		old, new string
		want     []string
	}{
		"an unknown key":      {"margin_percent: 35", "margin: 35", []string{"margin"}},
		"an unknown sub-key":  {"loss_percent: 8", "losses: 8", []string{"losses"}},
		"a missing key":       {"version: \"2026-11\"", "", []string{"version: want"}},
		"a key twice":         {"currency: EUR", "currency: EUR\ncurrency: USD", []string{"currency"}},
		"a word for a number": {"rate_per_hour: 2400", "rate_per_hour: cheap", []string{"cheap"}},
		"below zero":          {"margin_percent: 35", "margin_percent: -1", []string{"margin_percent: want a number, 0 or above, not -1"}},
		"not a number":        {"fee: 1500", "fee: .nan", []string{"casting.fee: want"}},
		"without end":         {"rate_per_hour: 2400", "rate_per_hour: .inf", []string{"machine.rate_per_hour: want"}},
		"a flat chamber":      {"depth_mm: 70", "depth_mm: 0", []string{"limits.chamber.depth_mm: want a number above 0, not 0"}},
		"a chamber in two":    {"depth_mm: 70, ", "", []string{"limits.chamber.depth_mm: want"}},
		"limits crossed":      {"min_volume_mm3: 5 ", "min_volume_mm3: 500000 ", []string{"limits.min_volume_mm3: want at most limits.max_volume_mm3"}},
		"a metal of no price": {"density_g_cm3: 10.36, price_per_gram: 125", "density_g_cm3: 10.36",
			[]string{"materials.silver-925.price_per_gram: want a number above 0, not 0"}},
		"a currency in words": {"currency: EUR", "currency: euro", []string{`currency: want three capital letters (ISO 4217), not "euro"`}},
		"two at once":         {"margin_percent: 35", "margin_percent: -1\nversion_: x", []string{"version_"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(built), test.old)
			path := filepath.Join(t.TempDir(), "rates.yaml")
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(built), test.old, test.new, 1)), 0o644))
			_, err := mes.LoadRates(path)
			require.ErrorContains(t, err, "rate table "+path)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	for name, file := range map[string]string{"empty": "", "nothing but a comment": "# rates\n", "two documents": string(built) + "\n---\n{}\n", "a list": "- 1\n"} {
		t.Run(name, func(t *testing.T) {
			_, err := mes.ParseRates([]byte(file))
			require.Error(t, err)
		})
	}
	_, err = mes.LoadRates(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestEveryMistakeIsNamedAtOnce(t *testing.T) {
	_, err := mes.ParseRates([]byte("currency: EUR\n"))
	for _, key := range []string{"version", "machine.rate_per_hour", "limits.chamber.width_mm", "limits.max_volume_mm3", "materials"} {
		require.ErrorContains(t, err, key+": want")
	}
}
