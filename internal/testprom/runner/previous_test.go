package runner

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
)

// standing writes a report of a run of before into a file, and returns its path.
func standing(t *testing.T, change func(*report.Report)) (path string) {
	t.Helper()
	r := report.Report{
		Schema: report.Schema, Suite: suite.Drill.Name, Stanza: "demo", Verdict: "fail", Exit: reason.ExitFailed,
		Reason: reason.RepoCorrupt, Backups: "at_fault", End: now.Add(-time.Hour), Labels: map[string]string{},
	}
	change(&r)
	text, err := json.Marshal(r)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "r.json")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return path
}

// A recording that is judged late leaves the report of a run since as it is; its own verdict is told all the same. That
// of another stanza or suite, of longer ago, or of the repository as it was, is replaced as ever.
func TestReport_OfALaterRunStays(t *testing.T) {
	ended := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change func(*report.Report)
		stays  bool
	}{
		"later":         {func(*report.Report) {}, true},
		"before":        {func(r *report.Report) { r.End = ended.AddDate(-9, 0, 0) }, false},
		"in the future": {func(r *report.Report) { r.End = now.Add(time.Hour) }, false},
		"other stanza":  {func(r *report.Report) { r.Stanza = "other" }, false},
		"other suite":   {func(r *report.Report) { r.Suite = suite.Backup.Name }, false},
		"of the past":   {func(r *report.Report) { r.Labels[suite.PastLabel] = "2026-08-18T03:59:30Z" }, false},
		"no report":     {func(r *report.Report) { r.Schema = 9 }, false},
	} {
		path := standing(t, c.change)
		before := read(t, path)
		w, out, errs := world(bytes.NewReader(passing(t)))
		require.Equal(t, 0, Main([]string{"-report", path}, w), "%s: %s", name, errs)
		if c.stays {
			assert.Equal(t, before, read(t, path), name)
			assert.Contains(t, out.String(), path+" keeps the report of 2029-12-31T23:00:00Z", name)
		} else {
			assert.NotEqual(t, before, read(t, path), name)
			assert.NotContains(t, out.String(), "keeps the report", name)
		}
	}
}
