package acceptance

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// checkedAs asserts what backup checks came to, and returns their notes.
func checkedAs(t *testing.T, o outcome, exit int, why reason.Reason, words string) (notes string) {
	t.Helper()
	notes = strings.Join(o.Report.Notes, "\n")
	assert.Equal(t, exit, o.Status, o.Said)
	assert.Equal(t, why, o.Report.Reason, o.Report.Detail)
	assert.Contains(t, o.Report.Detail+"\n"+notes, words)
	return notes
}

// Damage that is not in today's share is not called sound: how far the cycle is stands in the report. It is found with
// its share, and stays found until it is mended, whatever the state says is due.
func TestChecks_Share(t *testing.T) {
	long(t)
	rc := intact(t)
	state := rc.file("out/state.json")
	run := func() outcome {
		return rc.check(nil, "-conf", rc.conf(), "-claims", "integrity", "-verify-cycle", "7d", "-state", state)
	}
	bundle := rc.largest("backup/demo/{full}/bundle/*")
	well, err := os.ReadFile(bundle)
	require.NoError(t, err)
	rc.change(bundle, flipped)

	first := run()
	notes := checkedAs(t, first, 0, reason.None, "the cycle begins now")
	assert.Regexp(t, `integrity read .* in \d+ objects of .*: \d\d % was read within the last 7.0 days`, notes)
	assert.Regexp(t, `veza_backup_check_verify_coverage_ratio\{stanza="demo"\} 0\.\d+\n`, first.Prom)
	assert.Contains(t, first.Prom, `veza_backup_check_verify_cycle_seconds{stanza="demo"} 604800`)

	checkedAs(t, run(), 1, reason.RepoCorrupt, rc.fill("backup/demo/{full}/bundle/"))
	checkedAs(t, run(), 1, reason.RepoCorrupt, rc.fill("backup/demo/{full}/bundle/"))

	before, err := os.ReadFile(state)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(state, before[:len(before)/2], 0o644))
	checkedAs(t, run(), 2, reason.ConfigInvalid, "it may hold what is known to be damaged")
	require.NoError(t, os.WriteFile(state, before, 0o644))

	rc.change(bundle, func([]byte) []byte { return well })
	checkedAs(t, run(), 0, reason.None, "reads well again")
	for i := 0; i < 7 && !strings.Contains(notes, "100 % was read"); i++ {
		notes = checkedAs(t, run(), 0, reason.None, "was read within the last 7.0 days")
	}
	assert.Contains(t, notes, "100 % was read", "a week's runs read all of it")
}

// A file that is gone or cut is found the same day, whatever is due, and so is a damaged segment of the first share.
func TestChecks_ShareFindsAtOnce(t *testing.T) {
	long(t)
	for name, c := range map[string]struct {
		inject func(*repoCopy)
		words  string
	}{
		"FileMissing": {
			func(rc *repoCopy) { _ = os.Remove(rc.largest("backup/demo/{newest}/bundle/*")) }, "{newest}/bundle/",
		},
		"FileCut": {onLargest(cut), "bytes, and had"},
		"ManifestFlipped": {
			damaged(flipped, "backup/demo/{newest}/backup.manifest*"), "backup {newest}: the manifest is damaged",
		},
		"SegmentFlipped": {damaged(flipped, archived("{middle}")), "{middle}"},
		"SegmentEmpty":   {damaged(emptied, archived("{middle}")), "{middle}"},
	} {
		t.Run(name, func(t *testing.T) {
			rc := intact(t)
			c.inject(rc)
			o := rc.check(nil, "-conf", rc.conf(), "-claims", "integrity", "-verify-cycle", "7d", "-state",
				rc.file("out/state.json"))
			checkedAs(t, o, 1, reason.RepoCorrupt, rc.fill(c.words))
		})
	}
}

// A claim that was red is left out by the next run: that one passes in part, and the textfile stays red.
func TestChecks_Chosen(t *testing.T) {
	long(t)
	rc := intact(t)
	rc.change(rc.files(archived("{middle}"))[0], flipped)
	red := rc.check(nil, "-conf", rc.conf(), "-claims", "integrity")
	checkedAs(t, red, 1, reason.RepoCorrupt, "archive ")

	part := rc.check(nil, "-conf", rc.conf(), "-claims", "stanza,archive")
	checkedAs(t, part, 0, reason.None, "left out by -claims, and so not proved by this run: policy, cadence,")
	assert.Contains(t, part.Said, "PASSED, BUT integrity STILL RED")
	assert.Equal(t, "sound_in_part", part.Report.Backups)
	assert.Equal(t, []string{"integrity"}, part.Report.KnownRed)
	assert.Contains(t, part.Prom, `veza_backup_check_last_success{reason="repo_corrupt",stanza="demo"} 0`)
	assert.Contains(t, part.Prom, `veza_backup_check_checks{stanza="demo",status="left_out"} 6`)

	checkedAs(t, rc.check(nil, "-conf", rc.conf(), "-claims", "retention"), 2, reason.ConfigInvalid,
		"-claims: retention cannot be asked here")
	checkedAs(t, rc.check([]string{"DRILL_CLAIMS=archve"}, "-conf", rc.conf()), 2, reason.ConfigInvalid,
		`"archve" is no claim: all, or names by commas of policy, stanza`)
}
