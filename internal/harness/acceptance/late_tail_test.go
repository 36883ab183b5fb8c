package acceptance

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// An old primary that comes back brings its rest while the new one is idle: a restore does not go that
// way, and nothing is lost. Its twins are SplitBrain and SplitBrainAtTheSwitch of TestTimeline.
func TestLateTail(t *testing.T) { lateTailFaults.run(t) }

var lateTailFaults = faults("TestLateTail", failedOver, []fault{
	{
		name: "AnHourLate", where: everywhere, inject: partialArrives(time.Hour),
		exit: 0, why: reason.None, words: "timeline 1 has 1 segments that came after the newest of timeline 2",
	},
	{ // where archive-get would not run, the tail could not be read, and nothing would be fetched ahead
		name: "OnTheRepositoryHost", args: "-get-async auto", inject: func(rc *repoCopy) {
			partialArrives(time.Hour)(rc)
			rc.edit(func(conf string) string {
				return strings.Replace(conf, "\npg1-path=", "\npg1-host=pg1.veza.test\npg1-path=", 1)
			})
		},
		exit: 0, why: reason.None,
		words: "segments are fetched up to 4 ahead of the replay | timeline 1 has 1 segments that came after",
	},
	{
		name: "BesideTheNew", inject: inOrderOf(partialArrives(time.Minute), olderThanTheNew),
		exit: 0, why: reason.None, words: "came beside those of timeline 2: an old primary's tail, not read",
	},
	{
		name: "UnreadableAndSoon", inject: nextOfTheOld(time.Minute, garbage),
		exit: 0, why: reason.None, words: "an old primary's tail that came late",
	},
	{
		name: "UnreadableAndLate", inject: nextOfTheOld(time.Hour, garbage),
		exit: 1, why: reason.TimelineConflict, words: "timeline 1 still grows", step: "recover",
	},
	{
		name: "BehindAGap", inject: func(rc *repoCopy) {
			files := onTimeline2(rc)
			tail := strings.ReplaceAll(files[len(files)-1], "0000000200000000", "0000000100000000")
			require.NoError(rc.t, copyTree(files[0], tail))
			rc.shift(tail, time.Minute)
		},
		exit: 1, why: reason.TimelineConflict, words: "timeline 1 still grows",
	},
})

// partialArrives has the old primary archive the segment of the switch as far as it had written it: what
// the new one archived as .partial.
func partialArrives(late time.Duration) func(*repoCopy) {
	return func(rc *repoCopy) {
		partial := rc.files("{wal}/0000000100000000/*.partial-*")[0]
		tail := strings.Replace(partial, ".partial-", "-", 1)
		require.NoError(rc.t, copyTree(partial, tail))
		files := onTimeline2(rc)
		rc.setTime(tail, files[len(files)-1], late)
	}
}

// olderThanTheNew has the new primary archive its last segment after the old one's tail, which came beside.
func olderThanTheNew(rc *repoCopy) {
	files := onTimeline2(rc)
	rc.shift(files[len(files)-1], 2*time.Minute)
}

// nextOfTheOld has it archive the segment of the switch with other contents.
func nextOfTheOld(late time.Duration, damage func([]byte) []byte) func(*repoCopy) {
	return func(rc *repoCopy) {
		tail := rc.file(switchSegment(rc))
		rc.change(tail, damage)
		files := onTimeline2(rc)
		rc.setTime(tail, files[len(files)-1], late)
	}
}
