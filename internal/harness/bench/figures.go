package bench

import "slices"

// Parts of a measurement, for of.
func total(m Measurement) float64  { return m.Seconds }
func replay(m Measurement) float64 { return m.Replay }
func redone(m Measurement) float64 { return m.Redo }

// of is one figure of each measurement.
func of(list []Measurement, figure func(Measurement) float64) []float64 {
	var values []float64
	for _, m := range list {
		values = append(values, figure(m))
	}
	return values
}

// median of values, 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// differences are what a row took more than another in the same round: what drifts from
// round to round is in both.
func differences(row, other []Measurement) (list []float64) {
	for _, m := range row {
		for _, o := range other {
			if o.Round == m.Round {
				list = append(list, m.Seconds-o.Seconds)
			}
		}
	}
	return list
}

// segmentBytes are those of a segment of the sources.
const segmentBytes = 16 << 20

// rate is how fast WAL was replayed, in MB/s, by the server's own word; 0 when it is not known.
func rate(list []Measurement, segments int) float64 {
	redo := median(of(list, redone))
	if redo == 0 {
		return 0
	}
	return float64(segments) * segmentBytes / redo / 1e6
}
