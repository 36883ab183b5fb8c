package soak

import (
	"time"

	"veza.fr/recovery/internal/harness/drilltest"
)

// drillTime bounds one drill; testprom has a limit of its own, much later.
const drillTime = 4 * time.Minute

// stepTime bounds the wait for a step to begin.
const stepTime = time.Minute

// value is a measurement, and the value of one of its labels.
func value(o drilltest.Outcome, name, label string) (value float64, of string, ok bool) {
	for _, v := range o.Report.Values {
		if v.Name == name {
			return v.Value, v.Labels[label], true
		}
	}
	return 0, "", false
}
