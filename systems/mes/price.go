package mes

import (
	"fmt"
	"math"

	"ordertrace/lifecycle"
	"ordertrace/systems/mesh"
)

// Price works out what a piece costs in a material, by the formula that stands
// in rates.yaml. It fails with FixInput: unknown_material, or unpriceable for a
// model that cannot be made.
func (r Rates) Price(m mesh.Report, material string) (lifecycle.Money, error) {
	metal, err := r.material(material)
	if err != nil {
		return lifecycle.Money{}, err
	}
	height, err := r.makeable(m)
	if err != nil {
		return lifecycle.Money{}, err
	}
	const mm3PerCM3, mm2PerCM2, mmPerCM = 1000, 100, 10
	grams := m.VolumeMM3 / mm3PerCM3 * metal.DensityGCM3
	poured := grams * metal.PricePerGram * (1 + r.Casting.LossPercent/100)
	hours := r.Machine.SetupHours + m.SurfaceMM2/mm2PerCM2*r.Machine.HoursPerCM2 + height/mmPerCM*r.Machine.HoursPerCM
	price := (poured + r.Casting.Fee + hours*r.Machine.RatePerHour) * (1 + r.MarginPercent/100)
	if !(price < maxAmount) {
		return lifecycle.Money{}, unpriceable("its price has no sensible size: have the rate table checked")
	}
	return lifecycle.Money{Amount: int64(math.Round(price)), Currency: r.Currency}, nil
}

// maxAmount is up to where a float64 holds whole minor units.
const maxAmount = 1 << 53

// makeable tells how high, in mm, the piece stands in the chamber.
func (r Rates) makeable(m mesh.Report) (height float64, err error) {
	switch v := m.VolumeMM3; {
	case !(v >= r.Limits.MinVolumeMM3):
		return 0, unpriceable("its volume of %.3g mm³ is too small to cast: at least %g mm³", v, r.Limits.MinVolumeMM3)
	case v > r.Limits.MaxVolumeMM3:
		return 0, unpriceable("its volume of %.6g mm³ is too large to cast: at most %g mm³", v, r.Limits.MaxVolumeMM3)
	}
	size, chamber := m.Size(), r.Limits.Chamber
	height, fits := lowest(size, chamber)
	if !fits {
		return 0, unpriceable("its box of %.4g × %.4g × %.4g mm does not fit into the chamber of %g × %g × %g mm, however it is turned",
			size[0], size[1], size[2], chamber.WidthMM, chamber.DepthMM, chamber.HeightMM)
	}
	return height, nil
}

// lowest turns a box, by right angles, so that it fits into the chamber and
// stands as low as it can.
func lowest(box [3]float64, c Chamber) (height float64, fits bool) {
	height = math.Inf(1)
	for _, t := range [...][3]int{{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}} {
		if box[t[0]] <= c.WidthMM && box[t[1]] <= c.DepthMM && box[t[2]] <= c.HeightMM {
			height, fits = min(height, box[t[2]]), true
		}
	}
	return height, fits
}

func unpriceable(format string, args ...any) error {
	return badModel(lifecycle.CodeUnpriceable, "the model cannot be priced: "+fmt.Sprintf(format, args...))
}
