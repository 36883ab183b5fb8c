package runner

import (
	"fmt"
	"os"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
)

// previous is the report that stands where this run's goes, of the same suite and stanza; nil where there is none.
func (r *run) previous(res *result) *report.Report {
	if r.report == "" {
		return nil
	}
	text, err := os.ReadFile(r.report)
	if err != nil {
		return nil
	}
	old, err := report.Parse(text)
	if err != nil || old.Suite != r.suite.Name || old.Stanza != res.stanza {
		return nil
	}
	return &old
}

// keepLater leaves the report of a run that ended since as it is: a recording that is judged late is not the newest.
// One of the repository as it was hides none of now.
func (r *run) keepLater(res *result, old *report.Report) {
	if old == nil || !suite.Since(old.End, res.end, res.judged) || old.Past() != "" && r.pastOf(res.Labels) == "" {
		return
	}
	res.warnings = append(res.warnings, fmt.Sprintf("%s keeps the report of %s: this run ended before it, at %s",
		r.report, old.End.UTC().Format(time.RFC3339), res.end.UTC().Format(time.RFC3339)))
	r.report = ""
}
