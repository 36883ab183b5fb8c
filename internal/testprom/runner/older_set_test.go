package runner

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
)

// ofOlder is a pass that restored a set of this label, while a newer one was there.
func ofOlder(t *testing.T, text []byte, label string) []byte {
	t.Helper()
	own, err := report.Parse([]byte(reported(t, text)))
	require.NoError(t, err)
	set := []byte(own.Labels["backup_label"])
	changed := bytes.ReplaceAll(text, []byte("label.backup_type"), []byte("label."+suite.NewerSetLabel))
	require.NotEqual(t, text, changed)
	return bytes.ReplaceAll(changed, set, []byte(label))
}

// reported is the report of a recorded run.
func reported(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.json")
	w, _, errs := world(bytes.NewReader(text))
	require.Equal(t, 0, Main([]string{"-report", path}, w), errs)
	return read(t, path)
}

// A pass by an older set than that of the red drill before it says nothing of the newer one; by the same set, or a
// newer one, it does, and where there was no red one it is a pass as any other.
func TestEndRed_OfANewerSet(t *testing.T) {
	const older, middle, newer = "20200101-000000F", "20200102-000000F", "20200103-000000F"
	for name, c := range map[string]struct {
		red   string
		runs  []string // "" is by the newest set
		stays bool
	}{
		"older":                {newer, []string{middle}, true},
		"older, twice":         {newer, []string{middle, older}, true},
		"before it chose":      {"", []string{middle}, true},
		"that one":             {middle, []string{middle}, false},
		"a newer one":          {older, []string{middle}, false},
		"that one, at last":    {middle, []string{older, middle}, false},
		"the newest":           {newer, []string{middle, ""}, false},
		"older, after the end": {newer, []string{"", middle}, false},
	} {
		path := standing(t, func(r *report.Report) {
			r.End, r.Labels["backup_label"] = now.AddDate(-9, 0, 0), c.red
		})
		for _, set := range c.runs {
			text := passing(t)
			if set != "" {
				text = ofOlder(t, text, set)
			}
			w, _, errs := world(bytes.NewReader(text))
			w.Now = func() time.Time { return now }
			require.Equal(t, 0, Main([]string{"-report", path}, w), errs)
		}
		require.NoError(t, schemaOf(t, "report").Validate(valueOf(t, []byte(read(t, path)))))
		left, err := report.Parse([]byte(read(t, path)))
		require.NoError(t, err)
		assert.Equal(t, c.stays, left.Known().EndRed(), name)
	}
}

// A drill that is red by an older set does not hide what the newer one is red for.
func TestKnown_KeepsTheNewestRedSet(t *testing.T) {
	k := report.Report{
		Suite: suite.Drill.Name, Exit: reason.ExitFailed, Reason: reason.SmokeQuery, RedSet: "20200103-000000F",
		Labels: map[string]string{"backup_label": "20200101-000000F", suite.NewerSetLabel: "20200103-000000F"},
	}.Known()
	assert.False(t, k.Covers("20200101-000000F"))
	assert.True(t, k.Covers("20200103-000000F"))
	assert.False(t, (*report.Known)(nil).Covers("20200103-000000F"))
}
