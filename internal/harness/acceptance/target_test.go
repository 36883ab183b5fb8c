package acceptance

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// A recovery to a target brings back what was there at that moment, no row less and
// none more, and says so when it cannot.
func TestTarget(t *testing.T) { targetFaults.run(t) }

var targetFaults = faults("TestTarget", plain, []fault{
	{name: "LSN", where: everywhere, args: "-target lsn:{half.lsn}", exit: 0, why: reason.None, users: "half"},
	{name: "Time", args: "-target time:{half.time}", exit: 0, why: reason.None, users: "half"},
	{name: "Name", args: "-target name:half", exit: 0, why: reason.None, users: "half"},
	{name: "NameToQuote", args: `-target name:O'Brien\2`, exit: 0, why: reason.None, users: "half"},
	{name: "LSNFromTheFull", args: "-set {full} -target lsn:{half.lsn}", exit: 0, why: reason.None, users: "half"},
	{
		name: "LSNBehindTheArchive", args: "-target lsn:0/FF000000",
		exit: 2, why: reason.ConfigInvalid, words: "lsn:0/FF000000 | outside the recovery window",
	},
	{
		name: "LSNBeforeTheBackups", args: "-target lsn:0/1000000",
		exit: 2, why: reason.ConfigInvalid, words: "lsn:0/1000000 | outside the recovery window",
	},
	{
		name: "TimeInTheFuture", args: "-target time:2090-01-01T00:00:00Z",
		exit: 2, why: reason.ConfigInvalid, words: "outside the recovery window",
	},
	{
		name: "TimeBeforeTheBackups", args: "-target time:2020-01-01T00:00:00Z",
		exit: 2, why: reason.ConfigInvalid, words: "outside the recovery window",
	},
	{
		name: "TimeBeforeTheSet", args: "-set {newest} -target time:2020-01-01T00:00:00Z",
		exit: 2, why: reason.ConfigInvalid, words: "outside the recovery window",
	},
	{
		name: "NameNobodyGave", args: "-target name:nobody",
		exit: 1, why: reason.RecoveryIncomplete, words: "name:nobody",
	},
	{
		name: "LSNBehindADamage", inject: damaged(flipped, archived("{stop}")), args: "-target lsn:{end.lsn}",
		exit: 1, why: reason.WALCorrupt, words: "{stop}",
	},
	{
		name: "TimeBehindEveryCommit", args: "-target time:{stopped.time}",
		exit: 1, why: reason.RecoveryIncomplete, words: "time:",
	},
	{
		name: "SetBehindTheTarget", args: "-set {newest} -target lsn:0/2000001",
		exit: 2, why: reason.ConfigInvalid, words: "outside the recovery window", step: "preflight",
	},
	{
		name: "RandomOfSeed1", args: "-target random -seed 1",
		users: "any", exit: 0, why: reason.None,
		words: "seed 1 chose lsn:0/ | parts of the recovery window were never drilled | two-sided at lsn:0/",
	},
	{
		name: "RandomOfSeed2", args: "-target random -seed 2",
		users: "any", exit: 0, why: reason.None, words: "seed 2 chose lsn:0/",
	},
	{
		name: "RandomOfTheFull", args: "-target random -seed 3 -set {full}",
		users: "any", exit: 0, why: reason.None, words: "of set {full}",
	},
	{
		name: "RandomWithoutASeed", args: "-target random", where: everywhere,
		users: "any", exit: 0, why: reason.None, words: "again with -seed",
	},
	{
		name: "RandomAndAHole", inject: without(archived("{middle}")), args: "-target random",
		exit: 1, why: reason.WALMissing, words: "{middle}", step: "preflight",
	},
	{
		name: "NoFailover", args: "-target timeline",
		exit: 2, why: reason.ConfigInvalid, words: "no failover in the recovery window | timeline 1", step: "preflight",
	},
	{name: "NoKind", args: "-target tomorrow", exit: 2, why: reason.ConfigInvalid, words: "-target"},
})

// A set that is expired while it is restored leads to another choice from the same request:
// the position of the first choice lies before every set that is left, and nobody typed it.
func TestTargetExpired(t *testing.T) { targetExpiredFaults.run(t) }

var targetExpiredFaults = faults("TestTargetExpired", hostile, []fault{
	{
		name: "RandomChoosesAnew", inject: expiredMeanwhile, env: "PATH={dir}/path", moves: true,
		args: "-target random -seed 1", users: "any", exit: 0, why: reason.None,
		words: "was expired while it was being restored: beginning again | again with -seed 1",
	},
	{
		name: "TypedSetIsNotReplaced", inject: expiredMeanwhile, env: "PATH={dir}/path", moves: true,
		args: "-set {full} -target lsn:{end.lsn}",
		exit: 2, why: reason.ConfigInvalid, words: "-set {full}: the repository does not list it", step: "restore",
	},
})

// expiredMeanwhile makes a pgbackrest whose restore of the oldest full, or of what stands on
// it, finds it expired: expire ran while it was read.
func expiredMeanwhile(rc *repoCopy) {
	path("x")(rc)
	script := rc.fill(`#!/bin/sh
case " $* " in
*" restore "*) case "$*" in *--set={full}*)
	/usr/bin/pgbackrest --config={conf} --stanza=demo --lock-path={dir}/out/expire --log-level-file=off \
		expire --set={full} >&2 || exit
	echo 'ERROR: [055]: unable to open missing file for read' >&2; exit 55;;
esac;;
esac
exec /usr/bin/pgbackrest "$@"
`)
	require.NoError(rc.t, os.WriteFile(rc.file("path/pgbackrest"), []byte(script), 0o755))
}

// After a failover the points before and after it are both reached.
func TestTargetTimeline(t *testing.T) { targetTimelineFaults.run(t) }

var targetTimelineFaults = faults("TestTargetTimeline", failedOver, []fault{
	{
		name: "BothSides", args: "-target timeline", where: everywhere,
		users: "any", exit: 0, why: reason.None,
		words: "before the failover: recovered to 0/ | on timeline 1, which ended at | two-sided at lsn:0/",
	},
	{
		name: "SeveralSeeds", args: "-target random -seed 5",
		users: "any", exit: 0, why: reason.None, words: "seed 5 chose",
	},
	{
		name: "OtherSeeds", args: "-target random -seed 6",
		users: "any", exit: 0, why: reason.None, words: "seed 6 chose",
	},
	{
		name:   "DamageOfTheOldTimeline",
		inject: func(rc *repoCopy) { files := onTimeline1(rc); rc.change(files[len(files)-2], flipped) },
		args:   "-target timeline",
		exit:   1, why: reason.WALCorrupt, words: "0000000100000000", step: "recover",
	},
	{
		name: "DamageOfTheNewTimeline", inject: func(rc *repoCopy) { rc.change(onTimeline2(rc)[0], flipped) },
		args: "-target timeline",
		exit: 1, why: reason.WALCorrupt, words: "0000000200000000", step: "recover",
	},
})

// The next random run goes where the last one was not.
func TestTargetRandom_Remembers(t *testing.T) {
	long(t)
	rc := intact(t)
	state := rc.file("out/state.json")
	require.NoError(t, os.WriteFile(state, []byte("{damaged"), 0o644))
	chosen := map[string]bool{}
	for i := range 2 {
		o := rc.drill(nil, rc.drillArgs("-target", "random", "-seed", strconv.Itoa(i+1), "-state", state)...)
		fault{users: "any", args: "-target", exit: 0, why: reason.None}.judge(rc, o)
		notes := strings.Join(o.Report.Notes, "\n")
		assert.Equal(t, i == 0, strings.Contains(notes, "begun anew"), notes)
		match := regexp.MustCompile(`of set (\S+) on .*; (\d) of \d parts`).FindStringSubmatch(notes)
		require.NotNil(t, match, notes)
		chosen[match[1]] = true
	}
	content, err := os.ReadFile(state)
	require.NoError(t, err)
	for set := range chosen {
		assert.Contains(t, string(content), `"`+set+`@1": "2`)
	}
	wrong := rc.drill(nil, rc.drillArgs("-target", "random", "-state", state, "-min-users", "1000000")...)
	assert.Equal(t, 1, wrong.Status)
	after, err := os.ReadFile(state)
	require.NoError(t, err)
	assert.Equal(t, string(content), string(after), "what failed was not drilled")
}
