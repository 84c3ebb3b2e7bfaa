package mes

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"ordertrace/lifecycle"
)

//go:embed rates.yaml
var defaultRates []byte

// Rates is the rate table, a YAML file that a person edits: see rates.yaml for
// its keys and the formula.
type Rates struct {
	Version       string              `yaml:"version"`
	Currency      string              `yaml:"currency"`
	MarginPercent float64             `yaml:"margin_percent"`
	Casting       Casting             `yaml:"casting"`
	Machine       Machine             `yaml:"machine"`
	Limits        Limits              `yaml:"limits"`
	Materials     map[string]Material `yaml:"materials"`

	digest string // of the file
}

// Casting is what pouring the metal takes.
type Casting struct {
	LossPercent float64 `yaml:"loss_percent"`
	Fee         float64 `yaml:"fee"` // minor units a piece
}

// Machine is what growing the wax takes.
type Machine struct {
	RatePerHour float64 `yaml:"rate_per_hour"` // minor units
	SetupHours  float64 `yaml:"setup_hours"`
	HoursPerCM2 float64 `yaml:"hours_per_cm2"` // of surface
	HoursPerCM  float64 `yaml:"hours_per_cm"`  // of height
}

// Limits says what can be made.
type Limits struct {
	Chamber      Chamber `yaml:"chamber"`
	MinVolumeMM3 float64 `yaml:"min_volume_mm3"`
	MaxVolumeMM3 float64 `yaml:"max_volume_mm3"`
}

// Chamber is the room in which the wax grows.
type Chamber struct {
	WidthMM  float64 `yaml:"width_mm"`
	DepthMM  float64 `yaml:"depth_mm"`
	HeightMM float64 `yaml:"height_mm"`
}

// Material is a metal.
type Material struct {
	DensityGCM3  float64 `yaml:"density_g_cm3"`
	PricePerGram float64 `yaml:"price_per_gram"` // minor units
}

// LoadRates reads and checks a rate table; no path means the one built in. An
// error names the file and the keys.
func LoadRates(path string) (Rates, error) {
	if path == "" {
		return ParseRates(defaultRates)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return Rates{}, fmt.Errorf("rate table: %w", err)
	}
	r, err := ParseRates(file)
	if err != nil {
		return Rates{}, fmt.Errorf("rate table %s: %w", path, err)
	}
	return r, nil
}

// ParseRates reads a rate table. Unknown keys are errors, and so are missing
// ones.
func ParseRates(file []byte) (Rates, error) {
	var r Rates
	d := yaml.NewDecoder(bytes.NewReader(file))
	d.KnownFields(true)
	if err := d.Decode(&r); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty")
		}
		return Rates{}, err
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Rates{}, errors.New("want one YAML document")
	}
	sum := sha256.Sum256(file)
	r.digest = "sha256-" + hex.EncodeToString(sum[:])
	return r, r.validate()
}

// validate names every key that is wrong.
func (r Rates) validate() error {
	var errs []error
	want := func(ok bool, key, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s: want %s", key, fmt.Sprintf(format, args...)))
		}
	}
	above0 := func(key string, v float64) { want(v > 0 && !math.IsInf(v, 0), key, "a number above 0, not %v", v) }
	notBelow0 := func(key string, v float64) { want(v >= 0 && !math.IsInf(v, 0), key, "a number, 0 or above, not %v", v) }

	want(r.Version != "", "version", "a word that tells this table from others")
	want(len(r.Currency) == 3 && strings.ToUpper(r.Currency) == r.Currency, "currency", "three capital letters (ISO 4217), not %q", r.Currency)
	notBelow0("margin_percent", r.MarginPercent)
	notBelow0("casting.loss_percent", r.Casting.LossPercent)
	notBelow0("casting.fee", r.Casting.Fee)
	above0("machine.rate_per_hour", r.Machine.RatePerHour)
	notBelow0("machine.setup_hours", r.Machine.SetupHours)
	notBelow0("machine.hours_per_cm2", r.Machine.HoursPerCM2)
	notBelow0("machine.hours_per_cm", r.Machine.HoursPerCM)
	above0("limits.chamber.width_mm", r.Limits.Chamber.WidthMM)
	above0("limits.chamber.depth_mm", r.Limits.Chamber.DepthMM)
	above0("limits.chamber.height_mm", r.Limits.Chamber.HeightMM)
	notBelow0("limits.min_volume_mm3", r.Limits.MinVolumeMM3)
	above0("limits.max_volume_mm3", r.Limits.MaxVolumeMM3)
	want(r.Limits.MinVolumeMM3 <= r.Limits.MaxVolumeMM3, "limits.min_volume_mm3", "at most limits.max_volume_mm3")
	want(len(r.Materials) > 0, "materials", "at least one material")
	for _, name := range slices.Sorted(maps.Keys(r.Materials)) {
		above0("materials."+name+".density_g_cm3", r.Materials[name].DensityGCM3)
		above0("materials."+name+".price_per_gram", r.Materials[name].PricePerGram)
	}
	return errors.Join(errs...)
}

// material finds a metal by its name.
func (r Rates) material(name string) (Material, error) {
	m, ok := r.Materials[name]
	if !ok {
		return Material{}, &lifecycle.Error{
			Remedy: lifecycle.FixInput, Code: lifecycle.CodeUnknownRate, Field: "material",
			Detail: fmt.Sprintf("there is no material %q; choose one of %s", name, strings.Join(slices.Sorted(maps.Keys(r.Materials)), ", ")),
		}
	}
	return m, nil
}
