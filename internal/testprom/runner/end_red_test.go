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

// aimed is the pass of a drill with a -target.
func aimed(t *testing.T) []byte {
	t.Helper()
	text := stream(t, "pass")
	changed := bytes.ReplaceAll(text, []byte("label.backup_type"), []byte("label."+suite.TargetLabel))
	require.NotEqual(t, text, changed)
	return changed
}

// A drill with a -target says nothing of what lies behind it: what was red on the way to the end of the archive stays
// red, over as many of them as there are, until a drill goes there.
func TestEndRed_IsMendedByADrillToTheEnd(t *testing.T) {
	path := standing(t, func(r *report.Report) {
		r.End, r.Reason = now.AddDate(-9, 0, 0), reason.RPOExceeded
	})
	prom := filepath.Join(filepath.Dir(path), "d.prom")
	require.NoError(t, os.WriteFile(prom, []byte("# TYPE veza_backup_drill_last_success gauge\n"+
		`veza_backup_drill_last_success{reason="rpo_exceeded",stanza="demo"} 0`+"\n"), 0o600))
	run := func(text []byte) string {
		w, out, errs := world(bytes.NewReader(text))
		w.Now = func() time.Time { return now }
		require.Equal(t, 0, Main([]string{"-textfile", prom, "-report", path}, w), errs)
		return out.String()
	}
	const red = `veza_backup_drill_last_success{reason="rpo_exceeded",stanza="demo"} 0`
	for range 2 {
		said := run(aimed(t))
		assert.Contains(t, read(t, prom), red)
		assert.Contains(t, said, "PASSED, BUT the end of the archive STILL RED")
		assert.Contains(t, said, "drill without -target")
		require.NoError(t, schemaOf(t, "report").Validate(valueOf(t, []byte(read(t, path)))))
		old, err := report.Parse([]byte(read(t, path)))
		require.NoError(t, err)
		assert.True(t, old.Known().EndRed())
	}
	run(passing(t))
	assert.Contains(t, read(t, prom), `veza_backup_drill_last_success{reason="none",stanza="demo"} 1`)
	run(aimed(t))
	assert.NotContains(t, read(t, prom), red)
}

// As the warning says: whoever removes the textfile begins anew. The report still knows.
func TestEndRed_BeginsAnewWithoutATextfile(t *testing.T) {
	path := standing(t, func(r *report.Report) { r.End = now.AddDate(-9, 0, 0) })
	prom := filepath.Join(filepath.Dir(path), "d.prom")
	w, out, errs := world(bytes.NewReader(aimed(t)))
	require.Equal(t, 0, Main([]string{"-textfile", prom, "-report", path}, w), errs)
	assert.Contains(t, read(t, prom), `veza_backup_drill_last_success{reason="none",stanza="demo"} 1`)
	assert.NotContains(t, out.String(), "STILL RED")
}

// What a drill with a -target found, another one may find mended; without a verdict before there is nothing to mend.
func TestEndRed_OfATargetIsMendedByATarget(t *testing.T) {
	for name, change := range map[string]func(*report.Report){
		"red with a target": func(r *report.Report) { r.Labels[suite.TargetLabel] = "worst" },
		"green": func(r *report.Report) {
			r.Verdict, r.Exit, r.Reason, r.Backups = "pass", reason.ExitPass, reason.None, "restored"
		},
		"of another host":   func(r *report.Report) { r.Labels["elsewhere"] = "true" },
		"of another stanza": func(r *report.Report) { r.Stanza = "other" },
	} {
		path := standing(t, func(r *report.Report) {
			r.End = now.AddDate(-9, 0, 0)
			change(r)
		})
		w, out, errs := world(bytes.NewReader(aimed(t)))
		require.Equal(t, 0, Main([]string{"-report", path}, w), errs)
		assert.NotContains(t, out.String(), "STILL RED", name)
		assert.NotContains(t, read(t, path), "known_red", name)
	}
}

// A drill with a -target that is red itself does not hide that the end was.
func TestEndRed_UnderAnotherRedOne(t *testing.T) {
	k := report.Report{
		Suite: suite.Drill.Name, Exit: reason.ExitFailed, Reason: reason.SmokeQuery,
		KnownRed: []string{suite.EndOfArchive},
		Labels:   map[string]string{suite.TargetLabel: "worst"},
	}.Known()
	assert.True(t, k.EndRed())
	assert.False(t, k.ToTheEnd)
	assert.False(t, (*report.Known)(nil).EndRed())
}
