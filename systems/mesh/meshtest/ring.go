package meshtest

import "math"

// Ring is a signet ring of 6,400 triangles, the sample that the repository
// ships: inner diameter 17 mm, a comfort-fit band 2.4 mm wide and 1.5 mm thick
// that grows into an oval, domed top 13 mm wide. Its axis is y, its top
// faces +z.
func Ring() Mesh {
	const around, across = 160, 20
	return Grid(across, around, func(row, column int) Point {
		return ringPoint(2*math.Pi*float64(column)/around, 2*math.Pi*float64(row)/across)
	})
}

// ringPoint is the corner at angle turn about the finger, 0 at the top, and
// angle tube about the band's section, 0 on the outside.
func ringPoint(turn, tube float64) Point {
	const (
		inner               = 8.5
		halfBand, halfTop   = 1.2, 6.5
		bandThick, topThick = 1.5, 1.4
		comfort             = 0.25
	)
	sinTurn, cosTurn := math.Sincos(turn)
	sinTube, cosTube := math.Sincos(tube)
	top := math.Exp(-math.Pow(turnFromTop(turn)/0.75, 4))

	y := (halfBand + (halfTop-halfBand)*top) * superellipse(sinTube)
	rise := (1 + superellipse(cosTube)) / 2 // 0 inside, 1 outside
	thick := bandThick + topThick*top*(1-0.35*y*y/(halfTop*halfTop))
	r := inner + rise*thick + comfort*(1-rise)*(y*y)/(halfTop*halfTop)
	return Point{grid(r * sinTurn), grid(y), grid(r * cosTurn)}
}

func turnFromTop(turn float64) float64 { return math.Abs(math.Remainder(turn, 2*math.Pi)) }

// superellipse squares the section's circle a little, so that the band has
// sides and rounded shoulders.
func superellipse(x float64) float64 { return math.Copysign(math.Pow(math.Abs(x), 0.55), x) }

// grid rounds to 0.1 µm, as an exporter would: the processors' last bits, which
// differ between architectures, do not reach the file.
func grid(x float64) float32 { return float32(math.Round(x*1e4) / 1e4) }
