package compared

import (
	"strings"
	"time"

	"veza.fr/recovery/internal/harness/drilltest"
)

// drillTime bounds one drill; testprom has a limit of its own, much later.
const drillTime = 15 * time.Minute

// outcome is a drill, as its report has it.
type outcome struct {
	drilltest.Outcome
}

// measured is a measurement without labels; one that is not there is -1.
func (o outcome) measured(name string) float64 {
	for _, v := range o.Report.Values {
		if v.Name == name {
			return v.Value
		}
	}
	return -1
}

// noted is the first note with words.
func (o outcome) noted(words string) string {
	for _, note := range o.Report.Notes {
		if strings.Contains(note, words) {
			return note
		}
	}
	return ""
}
