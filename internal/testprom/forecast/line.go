package forecast

import (
	"math"
	"slices"
	"time"
)

// sure is how far from chance a growth must be: one in twenty of series that do not grow looks as if it did.
const sure = 1.645

// through is the line through one phase of the passes, as it stands at a moment. It grows by the median of what lies
// between any two passes (Theil and Sen), where the test of Mann and Kendall says that it grows at all, and stands
// where the middle one of the recent passes puts it.
func through(passes []Pass, at time.Time, phase func(Pass) float64) Line {
	var growths []float64
	rises := 0
	for i, a := range passes {
		for _, b := range passes[i+1:] {
			more := phase(b) - phase(a)
			growths = append(growths, more/days(b.At.Sub(a.At)))
			switch {
			case more > 0:
				rises++
			case more < 0:
				rises--
			}
		}
	}
	line := Line{Growth: max(0, median(growths))}
	if !rising(rises, len(passes)) {
		line.Growth = 0
	}
	newest := passes[len(passes)-1].At
	var now []float64
	for i, p := range passes {
		if newest.Sub(p.At) <= recent || i >= len(passes)-Needed+1 {
			now = append(now, phase(p)+line.Growth*days(at.Sub(p.At)))
		}
	}
	line.Level = median(now)
	return line
}

// rising is the test of Mann and Kendall: rises are the pairs of n values of which the later one is more, less those of
// which it is less.
func rising(rises, n int) bool {
	deviation := math.Sqrt(float64(n*(n-1)*(2*n+5)) / 18)
	return float64(rises-1)/deviation >= sure
}

func days(d time.Duration) float64 { return d.Hours() / 24 }

// median of at least one value.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
