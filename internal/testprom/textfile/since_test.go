package textfile

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// late is a run that ended long ago and is judged now.
func late(run Run, now time.Time) Run {
	run.Now = now
	return run
}

// A recording that is judged late replaces nothing that a run since has found: neither red nor green, neither the
// verdict nor what was tried last.
func TestWrite_ALateRecordingIsNotTheNewest(t *testing.T) {
	for name, runs := range map[string]struct{ newest, recorded Run }{
		"green after red": {failed("demo", week(1), reason.RepoCorrupt), passed("demo", at)},
		"red after green": {passed("demo", week(1)), failed("demo", at, reason.WALMissing)},
		"no verdict":      {passed("demo", week(1)), noVerdict("demo", at, reason.Locked)},
		"just before":     {passed("demo", week(1)), failed("demo", week(1).Add(-time.Millisecond), reason.NoBackup)},
	} {
		path := promFile(t)
		before, _ := write(t, path, passed("demo", week(-1)), runs.newest)
		after, warnings := write(t, path, late(runs.recorded, week(2)))
		assert.Equal(t, before, after, name)
		assert.Contains(t, strings.Join(warnings, "\n"), "this run ended before it, at 2026-11-2", name)
	}
}

// Of a recording that lies between the last verdict and an attempt without one, the verdict counts.
func TestWrite_ALateVerdictBeforeTheLastAttempt(t *testing.T) {
	path := promFile(t)
	before, _ := write(t, path, passed("demo", at), noVerdict("demo", week(2), reason.Locked))
	lines, warnings := write(t, path, late(failed("demo", week(1), reason.WALMissing), week(3)))
	assert.Equal(t, append([]string{
		`last_success{reason="wal_missing",stanza="demo"} 0`,
		`last_run_timestamp_seconds{stanza="demo"} 1.795926e+09`,
	}, before[2:]...), lines)
	assert.Contains(t, strings.Join(warnings, "\n"), "keeps what was tried last, of 2026-12-06T04:20:00Z")
}

// A run of just now counts, also where the file tells of a time ahead, as it does after a clock was set back; and so
// does a recording that is the newest there is, a file's only run, and the same one once more.
func TestWrite_ARunOfNowCounts(t *testing.T) {
	red := failed("demo", at, reason.NoBackup)
	for name, c := range map[string]struct{ before, run Run }{
		"a clock set back":       {passed("demo", at.Add(3*time.Minute)), red},
		"one set back far":       {passed("demo", week(1)), red},
		"set back, from a pipe":  {passed("demo", at.Add(3*time.Minute)), late(red, at.Add(time.Second))},
		"a recording, newest":    {passed("demo", week(-1)), late(red, week(1))},
		"of another stanza":      {passed("other", week(1)), late(red, week(2))},
		"the same one once more": {red, late(red, week(2))},
	} {
		lines, warnings := write(t, promFile(t), c.before, c.run)
		assert.Contains(t, lines, `last_success{reason="no_backup",stanza="demo"} 0`, name)
		assert.Contains(t, lines, `last_run_timestamp_seconds{stanza="demo"} 1.7953212e+09`, name)
		assert.NotContains(t, strings.Join(warnings, "\n"), "ended before it", name)
	}
}

// A late recording answers a claim that nobody has asked since, and no other.
func TestWrite_ALateRecordingsClaims(t *testing.T) {
	path := promFile(t)
	checks(t, path, checked(at, reason.RepoCorrupt, map[string]float64{"integrity": 0, "archive": 1}),
		checked(week(2), reason.WALMissing, map[string]float64{"archive": 0}))
	all := map[string]float64{"integrity": 1, "archive": 1}
	lines, _ := checks(t, path, late(checked(week(1), reason.None, all), week(3)))
	assert.Subset(t, lines, []string{
		`last_success{reason="wal_missing",stanza="demo"} 0`,
		`claim_last_run_timestamp_seconds{claim="archive",stanza="demo"} 1.7965308e+09`,
		`claim_last_success_timestamp_seconds{claim="archive",stanza="demo"} 1.7953212e+09`,
		`claim_last_run_timestamp_seconds{claim="integrity",stanza="demo"} 1.795926e+09`,
		`claim_last_success_timestamp_seconds{claim="integrity",stanza="demo"} 1.795926e+09`,
	})
	knownRed, _, err := Write(path, checked(week(3), reason.None, map[string]float64{"policy": 1}))
	require.NoError(t, err)
	assert.Equal(t, []string{"archive"}, knownRed)
}

func TestSince(t *testing.T) {
	now := week(1)
	for name, c := range map[string]struct {
		written, ended time.Time
		want           bool
	}{
		"before":                 {at, now, false},
		"the same":               {at, at, false},
		"since":                  {at.Add(time.Second), at, true},
		"ahead, and run of now":  {now.Add(time.Minute), now, false},
		"ahead, and a recording": {now.Add(time.Minute), at, true},
		"not to be believed":     {now.Add(time.Hour), at, false},
	} {
		assert.Equal(t, c.want, suite.Since(c.written, c.ended, now), name)
	}
}
