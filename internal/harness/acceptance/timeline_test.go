package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

const history = "{wal}/00000002.history"

// After a failover the drill follows PostgreSQL onto the new timeline, and finds
// whatever would make it lose the way.
func TestTimeline(t *testing.T) { timelineFaults.run(t) }

var timelineFaults = faults("TestTimeline", failedOver, []fault{
	{name: "FailedOver", where: everywhere, exit: 0, why: reason.None, words: "timeline 1 -> 2 at "},
	{name: "FailedOverFromTheFull", args: "-set {full}", exit: 0, why: reason.None, words: "timeline 1 -> 2 at "},
	{
		name: "HistoryMissing", where: everywhere, inject: without(history),
		exit: 1, why: reason.WALMissing, words: "00000002.history",
	},
	{
		name: "HistoryFlipped", inject: damaged(flipped, history),
		exit: 1, why: reason.WALCorrupt, words: "00000002.history",
	},
	{
		name: "HistoryEmpty", inject: damaged(emptied, history),
		exit: 1, why: reason.WALCorrupt, words: "00000002.history",
	},
	{
		name: "SplitBrain", inject: oldPrimary(time.Hour),
		exit: 1, why: reason.TimelineConflict, words: "timeline 1 still grows | two clusters",
	},
	{
		name: "SplitBrainAtTheSwitch", inject: func(rc *repoCopy) { rc.shift(rc.file(switchSegment(rc)), time.Hour) },
		exit: 1, why: reason.TimelineConflict, words: "timeline 1 still grows",
	},
	{
		name: "OldPrimarysTail", inject: oldPrimary(-time.Hour), // the one before it may hold the switch
		exit: 0, why: reason.None, words: "timeline 1 has 1 segments beyond the switch",
	},
	{
		name: "MissingBehindTheSwitch", inject: without("{wal}/0000000200000000/" + "*" + "-*"),
		exit: 0, why: reason.None, users: "before", words: "timeline 1 -> 2 at ",
	},
	{
		name:   "FirstOfTheNewMissing",
		inject: func(rc *repoCopy) { require.NoError(rc.t, os.Remove(onTimeline2(rc)[0])) },
		exit:   1, why: reason.WALMissing, words: "0000000200000000",
	},
	{
		name: "FirstOfTheNewFlipped", inject: func(rc *repoCopy) { rc.change(onTimeline2(rc)[0], flipped) },
		exit: 1, why: reason.WALCorrupt, words: "0000000200000000",
	},
	{
		name:   "LastOfTheNewFlipped",
		inject: func(rc *repoCopy) { files := onTimeline2(rc); rc.change(files[len(files)-1], flipped) },
		exit:   1, why: reason.WALCorrupt, words: "0000000200000000",
	},
	{
		name:   "OldOneLostBeforeTheSwitch",
		inject: func(rc *repoCopy) { files := onTimeline1(rc); require.NoError(rc.t, os.Remove(files[len(files)-2])) },
		exit:   1, why: reason.WALMissing, words: "0000000100000000",
	},
})

func onTimeline1(rc *repoCopy) []string { return rc.files("{wal}/0000000100000000/*-*") }

func onTimeline2(rc *repoCopy) []string { return rc.files("{wal}/0000000200000000/*-*") }

// oldPrimary makes the old primary go on archiving after the switch, by a segment
// whose age differs from the newest one's.
func oldPrimary(by time.Duration) func(*repoCopy) {
	return func(rc *repoCopy) {
		files := onTimeline2(rc)
		file := files[len(files)-1]
		tail := strings.ReplaceAll(file, "0000000200000000", "0000000100000000")
		require.NoError(rc.t, copyTree(file, tail))
		rc.shift(tail, by)
	}
}

// switchSegment makes timeline 1 hold the segment of the switch point, and names it.
func switchSegment(rc *repoCopy) string {
	first := onTimeline2(rc)[0]
	old := strings.ReplaceAll(first, "0000000200000000", "0000000100000000")
	if _, err := os.Stat(old); err != nil {
		require.NoError(rc.t, copyTree(first, old))
	}
	relative, err := filepath.Rel(rc.dir, old)
	require.NoError(rc.t, err)
	return relative
}
