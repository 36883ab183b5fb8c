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

const history = "archive/demo/15-1/00000002.history"

// After a failover the drill follows PostgreSQL onto the new timeline, and finds
// whatever would make it lose the way.
func TestTimeline(t *testing.T) { timelineFaults.suffer(t) }

var timelineFaults = faults("TestTimeline", failedOver, []fault{
	{name: "FailedOver", where: everywhere, exit: 0, why: reason.None, words: "timeline 1 -> 2 at "},
	{name: "FailedOverFromTheFull", args: "-set {full}", exit: 0, why: reason.None, words: "timeline 1 -> 2 at "},
	{name: "HistoryMissing", where: everywhere, harm: without(history), exit: 1, why: reason.WALMissing, words: "00000002.history"},
	{name: "HistoryFlipped", harm: with(flipped, history), exit: 1, why: reason.WALCorrupt, words: "00000002.history"},
	{name: "HistoryEmpty", harm: with(emptied, history), exit: 1, why: reason.WALCorrupt, words: "00000002.history"},
	{name: "SplitBrain", harm: oldPrimary(time.Hour, 1), exit: 1, why: reason.TimelineConflict, words: "timeline 1 still grows | two clusters"},
	{name: "SplitBrainAtTheSwitch", harm: func(p *patient) { p.shift(p.file(switchSegment(p)), time.Hour) }, exit: 1, why: reason.TimelineConflict, words: "timeline 1 still grows"},
	{name: "OldPrimarysTail", harm: oldPrimary(-time.Hour, 2), exit: 0, why: reason.None, words: "timeline 1 has 2 segments beyond the switch"},
	{name: "MissingBehindTheSwitch", harm: without("archive/demo/15-1/0000000200000000/" + "*" + "-*"), exit: 0, why: reason.None, users: "before", words: "timeline 1 -> 2 at "},
	{name: "FirstOfTheNewMissing", harm: func(p *patient) { require.NoError(p.t, os.Remove(onTimeline2(p)[0])) }, exit: 1, why: reason.WALMissing, words: "0000000200000000"},
	{name: "FirstOfTheNewFlipped", harm: func(p *patient) { p.change(onTimeline2(p)[0], flipped) }, exit: 1, why: reason.WALCorrupt, words: "0000000200000000"},
	{name: "LastOfTheNewFlipped", harm: func(p *patient) { files := onTimeline2(p); p.change(files[len(files)-1], flipped) }, exit: 1, why: reason.WALCorrupt, words: "0000000200000000"},
	{name: "OldOneLostBeforeTheSwitch", harm: func(p *patient) { files := onTimeline1(p); require.NoError(p.t, os.Remove(files[len(files)-2])) }, exit: 1, why: reason.WALMissing, words: "0000000100000000"},
})

func onTimeline1(p *patient) []string { return p.files("archive/demo/15-1/0000000100000000/*-*") }
func onTimeline2(p *patient) []string { return p.files("archive/demo/15-1/0000000200000000/*-*") }

// oldPrimary makes the old primary go on archiving behind the switch, by segments
// whose age differs from the newest one's.
func oldPrimary(by time.Duration, segments int) func(*patient) {
	return func(p *patient) {
		files := onTimeline2(p)
		for i := range segments {
			file := files[len(files)-1-i]
			tail := strings.ReplaceAll(file, "0000000200000000", "0000000100000000")
			require.NoError(p.t, copyTree(file, tail))
			p.shift(tail, by)
		}
	}
}

// switchSegment makes timeline 1 hold the segment of the switch point, and names it.
func switchSegment(p *patient) string {
	first := onTimeline2(p)[0]
	old := strings.ReplaceAll(first, "0000000200000000", "0000000100000000")
	if _, err := os.Stat(old); err != nil {
		require.NoError(p.t, copyTree(first, old))
	}
	relative, err := filepath.Rel(p.dir, old)
	require.NoError(p.t, err)
	return relative
}
