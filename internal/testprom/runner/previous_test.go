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
		"of one left":   {func(r *report.Report) { r.Labels[suite.LeftLabel] = "PostgreSQL 14" }, false},
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

// A run without a verdict tells of the one before it, and so does each after that, until one reaches a verdict of its
// own. A report of another stanza or suite is none of its.
func TestReport_TellsOfTheVerdictBefore(t *testing.T) {
	path := standing(t, func(*report.Report) {})
	fails := func(stanza string) report.Report {
		w, _, errs := world(nil)
		w.Env = append(os.Environ(), "DRILL_STANZA="+stanza)
		require.Equal(t, 2, Main([]string{"-report", path, "--", "true"}, w), errs)
		r, err := report.Parse([]byte(read(t, path)))
		require.NoError(t, err)
		return r
	}
	want := &report.Known{Verdict: "fail", Reason: reason.RepoCorrupt, End: now.Add(-time.Hour), ToTheEnd: true}
	assert.Equal(t, want, fails("demo").Last)
	assert.Equal(t, want, fails("").Last, "nobody knows of which stanza that was")
	assert.Equal(t, want, fails("demo").Last)
	require.NoError(t, schemaOf(t, "report").Validate(valueOf(t, []byte(read(t, path)))))
	assert.Nil(t, fails("other").Last)

	for name, change := range map[string]func(*report.Report){
		"other suite": func(r *report.Report) { r.Suite = suite.Backup.Name },
		"no verdict": func(r *report.Report) {
			r.Verdict, r.Exit, r.Reason, r.Backups = "environment", 2, reason.Locked, "unknown"
		},
	} {
		path = standing(t, change)
		assert.Nil(t, fails("demo").Last, name)
	}
	path = standing(t, func(r *report.Report) { r.End = now.AddDate(-9, 0, 0) })
	w, _, errs := world(bytes.NewReader(passing(t)))
	require.Equal(t, 0, Main([]string{"-report", path}, w), errs)
	assert.NotContains(t, read(t, path), "last_verdict", "it has one of its own")
}

// A recorded verdict from between the last verdict and a later run without one is what that run tells of.
func TestReport_ALateVerdictIsTheOneBefore(t *testing.T) {
	path := standing(t, func(r *report.Report) {
		r.Verdict, r.Exit, r.Reason, r.Backups = "environment", 2, reason.Locked, "unknown"
		r.Last = &report.Known{Verdict: "fail", Reason: reason.NoBackup, End: now.AddDate(-9, 0, 0)}
	})
	w, _, errs := world(bytes.NewReader(passing(t)))
	require.Equal(t, 0, Main([]string{"-report", path}, w), errs)
	r, err := report.Parse([]byte(read(t, path)))
	require.NoError(t, err)
	assert.Equal(t, reason.Locked, r.Reason)
	assert.Equal(t, "pass", r.Last.Verdict)
}
