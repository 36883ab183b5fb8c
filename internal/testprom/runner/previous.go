package runner

import (
	"fmt"
	"os"
	"slices"
	"time"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
	"veza.fr/recovery/internal/testprom/whole"
)

// previous is the report that stands where this run's goes, of the same suite and stanza, as far as both are known; nil
// where there is none.
func (r *run) previous(res *result) *report.Report {
	if r.report == "" {
		return nil
	}
	text, err := os.ReadFile(r.report)
	if err != nil {
		return nil
	}
	old, err := report.Parse(text)
	same := old.Stanza == res.stanza || slices.Contains([]string{old.Stanza, res.stanza}, suite.UnknownStanza)
	if err != nil || old.Suite != r.suite.Name || !same {
		return nil
	}
	return &old
}

// succeed has the run's report follow another one. It tells of the verdict before it where it reached none. One of a
// run that ended since stays as it is, but for that: a recording that is judged late is not the newest. One of the
// repository as it was, or of a cluster that was left, hides none of now.
func (r *run) succeed(res *result, old *report.Report) error {
	if old == nil {
		return nil
	}
	if !suite.Since(old.End, res.end, res.judged) || old.NotOfNow() != "" && r.notOfNow(res.Labels) == "" {
		return nil
	}
	path := r.report
	r.report = ""
	res.warnings = append(res.warnings, fmt.Sprintf("%s keeps the report of %s: this run ended before it, at %s",
		path, old.End.UTC().Format(time.RFC3339), res.end.UTC().Format(time.RFC3339)))
	if now := res.document(false).Known(); now.After(old.Known()) {
		old.Last = now
		return r.write(path, func() ([]byte, error) { return indented(*old) }, whole.Replace)
	}
	return nil
}
