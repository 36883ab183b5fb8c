package runner

import (
	"bytes"
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

// withDeep is the pass of a drill of which amcheck ended with this outcome; "" says nothing of it.
func withDeep(t *testing.T, outcome string) []byte {
	t.Helper()
	if outcome == "" {
		return passing(t)
	}
	return between(passing(t), `{"Action":"attr","Package":"example.org/recording/drill","Test":"TestDrill/verify",`+
		`"Key":"label.`+suite.DeepLabel+outcome+`","Value":"full_read,amcheck"}`+"\n")
}

// A deeper check that found damage, and has not looked since, keeps the verdict red, over as many runs as there are:
// the budget was spent before, or nobody asked for it. Looked at and found sound, it does not.
func TestDeepRed_UntilItLooksAgain(t *testing.T) {
	for name, c := range map[string]struct {
		runs  []string
		stays bool
	}{
		"left out":           {[]string{"left_out"}, true},
		"not asked":          {[]string{"not_asked"}, true},
		"left out, unnamed":  {[]string{"left_out", ""}, true},
		"looked at":          {[]string{"passed"}, false},
		"looked at, at last": {[]string{"left_out", "passed"}, false},
		"left out since":     {[]string{"passed", "left_out"}, false},
	} {
		path := standing(t, func(r *report.Report) {
			r.End, r.Reason = now.AddDate(-9, 0, 0), reason.IndexCorrupt
			r.Labels[suite.DeepLabel+"failed"] = "amcheck"
		})
		prom := filepath.Join(filepath.Dir(path), "d.prom")
		require.NoError(t, os.WriteFile(prom, []byte("# TYPE veza_backup_drill_last_success gauge\n"+
			`veza_backup_drill_last_success{reason="index_corrupt",stanza="demo"} 0`+"\n"), 0o600))
		var said string
		for _, outcome := range c.runs {
			w, out, errs := world(bytes.NewReader(withDeep(t, outcome)))
			w.Now = func() time.Time { return now }
			require.Equal(t, 0, Main([]string{"-textfile", prom, "-report", path}, w), errs)
			said = out.String()
		}
		want := `veza_backup_drill_last_success{reason="none",stanza="demo"} 1`
		if c.stays {
			want = `veza_backup_drill_last_success{reason="index_corrupt",stanza="demo"} 0`
			assert.Contains(t, said, "PASSED, BUT deeper check amcheck STILL RED", name)
		}
		assert.Contains(t, read(t, prom), want, name)
		left, err := report.Parse([]byte(read(t, path)))
		require.NoError(t, err)
		assert.Equal(t, c.stays, left.Known().AtFault(), name)
		assert.False(t, left.Known().EndRed(), name)
	}
}

// A red run in which it was left out does not hide it either; a drill of the repository of the past looks at others.
func TestDeepRed_UnderAnotherRedOne(t *testing.T) {
	red := report.Report{
		Suite: suite.Drill.Name, Exit: reason.ExitFailed, Reason: reason.SmokeQuery, End: now,
		KnownRed: []string{"deeper check amcheck"}, Labels: map[string]string{suite.DeepLabel + "failed": "full_read"},
	}.Known()
	assert.Equal(t, []string{"deeper check amcheck", "deeper check full_read"}, red.Red)
	assert.Equal(t, []string{"deeper check amcheck"},
		red.DeepUnseen(map[string]string{suite.DeepLabel + "passed": "full_read"}))
	past := &result{suite: suite.Drill, last: red}
	past.Labels = map[string]string{suite.PastLabel: "2026-11-01"}
	assert.Empty(t, past.deepUnseen())
	assert.Empty(t, (*report.Known)(nil).DeepUnseen(nil))
}
