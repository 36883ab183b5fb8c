package forecast

import (
	"io"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/testprom/report"
)

// Lasted reads from a history how long the whole runs of a suite took, oldest first: those that passed, and those that
// were red for nothing but the time they took. A run that broke off says nothing of how long a whole one takes, and one
// of chosen claims neither: those that passed are inPart. Stanza "" is any. A line that cannot be read is left out; the
// error is the reader's.
func Lasted(history io.Reader, suite, stanza string) (whole, inPart []time.Duration, err error) {
	err = eachReport(history, func(r report.Report) {
		ended := r.Passed() || r.Reason == reason.RTOExceeded
		if r.Suite != suite || stanza != "" && r.Stanza != stanza || !ended ||
			r.Duration == nil || *r.Duration < 0 || *r.Duration >= maxRTO {
			return
		}
		took := time.Duration(*r.Duration * float64(time.Second))
		if r.InPart() {
			inPart = append(inPart, took)
		} else {
			whole = append(whole, took)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return whole, inPart, nil
}
