package textfile

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// checked is a run of the backup checks in which claims held (1) or did not (0); the others were left out.
func checked(when time.Time, verdict reason.Reason, claims map[string]float64) Run {
	run := Run{
		Suite: suite.Backup, Stanza: "demo", Verdict: &verdict, Environment: reason.None, At: when, Duration: -1,
	}
	for _, name := range suite.Backup.StepNames() {
		held, asked := claims[name]
		if !asked {
			run.NotAsked = append(run.NotAsked, name)
			continue
		}
		run.Measurements = append(run.Measurements,
			suite.Value{Name: suite.ClaimMetric, Labels: map[string]string{"claim": name}, Value: held})
	}
	return run
}

// checks writes runs of the backup checks and returns the file's lines without the namespace.
func checks(t *testing.T, path string, runs ...Run) (lines, warnings []string) {
	t.Helper()
	lines, warnings = write(t, path, runs...)
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, suite.Backup.Namespace)
	}
	return lines, warnings
}

// A claim that did not hold and that the next run leaves out stays red: last_success, its reason and its age too.
func TestClaims_LeftOutNeverTurnAKnownRedGreen(t *testing.T) {
	path := promFile(t)
	red := checked(at, reason.WALCorrupt, map[string]float64{"archive": 0, "cadence": 1})
	other := checked(week(1), reason.None, map[string]float64{"cadence": 1})
	lines, warnings := checks(t, path, red, other)
	assert.Subset(t, lines, []string{
		`last_success{reason="wal_corrupt",stanza="demo"} 0`,
		`last_run_timestamp_seconds{stanza="demo"} 1.795926e+09`,
		`claim_success{claim="cadence",stanza="demo"} 1`,
		`claim_last_run_timestamp_seconds{claim="archive",stanza="demo"} 1.7953212e+09`,
		`claim_last_run_timestamp_seconds{claim="cadence",stanza="demo"} 1.795926e+09`,
		`claim_last_success_timestamp_seconds{claim="cadence",stanza="demo"} 1.795926e+09`,
	})
	text := strings.Join(lines, "\n")
	assert.NotContains(t, text, `claim_last_success_timestamp_seconds{claim="archive"`)
	assert.NotContains(t, text, "last_success_timestamp_seconds{stanza", "nothing passed")
	assert.Contains(t, strings.Join(warnings, "\n"), "last_success stays 0: archive did not hold")
	knownRed, _, err := Write(path, other)
	require.NoError(t, err)
	assert.Equal(t, []string{"archive"}, knownRed)
	asked := checked(week(2), reason.None, map[string]float64{"archive": 1})
	knownRed, _, err = Write(path, asked)
	require.NoError(t, err)
	assert.Empty(t, knownRed, "it is asked")

	lines, warnings = checks(t, path, asked)
	assert.Empty(t, warnings)
	assert.Contains(t, lines, `last_success{reason="none",stanza="demo"} 1`, "it was asked again, and holds")
	assert.Contains(t, lines, `claim_last_run_timestamp_seconds{claim="cadence",stanza="demo"} 1.795926e+09`)
}

// How a stanza begins anew keeps what the file tells of others.
func TestClaims_TheAdviceIsAboutOneStanza(t *testing.T) {
	for _, c := range []struct {
		others []string
		says   string
	}{
		{nil, "any more, remove PATH, which begins anew"},
		{[]string{"shop", "mail"}, "testprom -suite backup -textfile 'PATH' -forget-all-but 'mail,shop'"},
		{[]string{"it's"}, `-forget-all-but 'it'\''s'`},
		{[]string{"shop,demo"}, "take the series of stanza demo out of PATH, which tells of other stanzas, too"},
	} {
		path := promFile(t)
		for _, stanza := range c.others {
			other := checked(at, reason.WALCorrupt, map[string]float64{"archive": 0})
			other.Stanza = stanza
			write(t, path, other)
		}
		_, warnings := checks(t, path, checked(at, reason.WALCorrupt, map[string]float64{"archive": 0}),
			checked(week(1), reason.None, map[string]float64{"cadence": 1}))
		said := strings.Join(warnings, "\n")
		assert.Contains(t, said, strings.ReplaceAll(c.says, "PATH", path))
		assert.Equal(t, len(c.others) > 0, !strings.Contains(said, "remove "+path))
		if len(c.others) == 2 {
			_, err := Files{}.ForgetAllBut(path, suite.Backup, []string{"mail", "shop"})
			require.NoError(t, err)
			_, warnings = checks(t, path, checked(week(2), reason.None, map[string]float64{"cadence": 1}))
			assert.Empty(t, warnings, "it begins anew")
		}
	}
}

// Between the red run and the one that leaves the claim out the environment may have spoilt any number of runs.
func TestClaims_RememberThroughRunsWithoutAVerdict(t *testing.T) {
	spoilt := Run{Suite: suite.Backup, Stanza: "demo", Environment: reason.RepoUnreachable, At: week(1), Duration: -1}
	lines, _ := checks(t, promFile(t), checked(at, reason.RepoCorrupt, map[string]float64{"integrity": 0}), spoilt,
		checked(week(2), reason.None, map[string]float64{"policy": 1}))
	assert.Contains(t, lines, `last_success{reason="repo_corrupt",stanza="demo"} 0`)
}

// The reason of a claim that was mended meanwhile does not stay with one that was not.
func TestClaims_KeepAReasonThatIsTheirs(t *testing.T) {
	lines, _ := checks(t, promFile(t),
		checked(at, reason.BackupMissed, map[string]float64{"cadence": 0, "archive": 0}),
		checked(week(1), reason.None, map[string]float64{"cadence": 1}))
	assert.Contains(t, lines, `last_success{reason="wal_missing",stanza="demo"} 0`)
}

// What was left out and is not known to be red is left out of the file's claims, and a run of the same choice every day
// is green.
func TestClaims_AChoiceThatHoldsIsGreen(t *testing.T) {
	path := promFile(t)
	choice := map[string]float64{"archive": 1, "integrity": 1}
	lines, warnings := checks(t, path, checked(at, reason.None, choice), checked(week(1), reason.None, choice))
	assert.Empty(t, warnings)
	assert.Contains(t, lines, `last_success{reason="none",stanza="demo"} 1`)
	assert.NotContains(t, strings.Join(lines, "\n"), "cadence")
}

// A file from before these series knows of a claim that did not hold, too, and a run that leaves it out keeps that for
// those after it.
func TestClaims_OfAnOlderFile(t *testing.T) {
	path := promFile(t)
	checks(t, path, checked(at, reason.RepoCorrupt, map[string]float64{"integrity": 0, "policy": 1}))
	forgetClaimTimes(t, path)
	for i := range 2 {
		lines, _ := checks(t, path, checked(week(1+i), reason.None, map[string]float64{"policy": 1}))
		assert.Contains(t, lines, `last_success{reason="repo_corrupt",stanza="demo"} 0`, "run %d", i)
	}
}

// A clock that was ahead when a claim was found red, and was set back since, makes no run forget it that leaves it out,
// nor the one after that, in a file of this version or an older one. What held is no red for it.
func TestClaims_OfAClockThatWasSetBack(t *testing.T) {
	for _, older := range []bool{false, true} {
		path := promFile(t)
		all := map[string]float64{"integrity": 0, "policy": 1, "archive": 1}
		checks(t, path, checked(week(9), reason.RepoCorrupt, all))
		if older {
			forgetClaimTimes(t, path)
		}
		for i := range 2 {
			other := checked(week(i), reason.None, map[string]float64{"policy": 1})
			lines, warnings := checks(t, path, other)
			assert.Contains(t, lines, `last_success{reason="repo_corrupt",stanza="demo"} 0`, "%t, run %d", older, i)
			assert.Contains(t, lines, `claim_last_run_timestamp_seconds{claim="integrity",stanza="demo"} 1.7953212e+09`)
			assert.Contains(t, strings.Join(warnings, "\n"), "last_success stays 0: integrity did not hold")
		}
		lines, warnings := checks(t, path, checked(week(2), reason.None, map[string]float64{"integrity": 1}))
		assert.Empty(t, warnings)
		assert.Contains(t, lines, `last_success{reason="none",stanza="demo"} 1`, "it was asked again, and holds")
	}
	lines, _ := checks(t, promFile(t), checked(week(9), reason.None, map[string]float64{"integrity": 1}),
		checked(at, reason.None, map[string]float64{"policy": 1}))
	assert.Contains(t, lines, `last_success{reason="none",stanza="demo"} 1`, "it held")
}

// forgetClaimTimes makes a file one of before they were in it.
func forgetClaimTimes(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var older []string
	for line := range strings.Lines(string(content)) {
		if !strings.Contains(line, "claim_last_") {
			older = append(older, line)
		}
	}
	require.NoError(t, os.WriteFile(path, []byte(strings.Join(older, "")), 0o600))
}

// What somebody wrote into the old file is no claim of ours, and no time to come holds.
func TestClaims_OfAHostileFile(t *testing.T) {
	path := promFile(t)
	const ofRun, ofSuccess = "veza_backup_check_claim_last_run_timestamp_seconds",
		"veza_backup_check_claim_last_success_timestamp_seconds"
	text := "# TYPE " + ofRun + " gauge\n" +
		ofRun + `{stanza="demo",claim="gremlins"} 5` + "\n" +
		ofRun + `{stanza="demo",claim="archive",more="x"} 6` + "\n" +
		ofRun + `{stanza="demo",claim="archive"} 7` + "\n" +
		"# TYPE " + ofSuccess + " gauge\n" +
		ofSuccess + `{stanza="demo",claim="archive"} 9e9` + "\n"
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	lines, _ := checks(t, path, checked(at, reason.None, map[string]float64{"cadence": 1}))
	assert.Contains(t, lines, `last_success{reason="wal_missing",stanza="demo"} 0`, "a success to come is none")
	assert.NotContains(t, strings.Join(lines, "\n"), "gremlins")
	assert.NotContains(t, strings.Join(lines, "\n"), `more="x"`)
}
