package acceptance

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// A damaged archive is found, whichever segment it is, and the segment is named.
func TestArchive(t *testing.T) { archiveFaults.run(t) }

var archiveFaults = faults("TestArchive", plain, []fault{
	{name: "Whole", where: everywhere, exit: 0, why: reason.None, words: "archive whole over timeline 1 | {last}"},
	{
		name: "MissingInTheMiddle", where: everywhere, inject: without(archived("{middle}")),
		exit: 1, why: reason.WALMissing, words: "{middle}",
	},
	{
		name: "MissingStopOfTheBackup", inject: without(archived("{stop}")),
		exit: 1, why: reason.WALMissing, words: "{stop}",
	},
	{
		name: "MissingAtTheEnd",
		inject: allOf(
			without(archived("{last}")), checks("- {name: rows, query: SELECT count(*) FROM users, min: 1}\n"),
		),
		args: "-checks {dir}/checks.yml",
		exit: 0, why: reason.None, words: "replayed up to",
	},
	{
		name: "MissingAtTheEndByTheHeartbeat", inject: without(archived("{last}")), args: "-rpo 1ms",
		exit: 1, why: reason.RPOExceeded, words: "the newest heartbeat row that came back", step: "verify",
	},
	{
		name: "AllMissing", inject: without("{wal}/*"),
		exit: 1, why: reason.WALMissing, words: "is missing from the archive",
	},
	{
		name: "ZeroLength", where: everywhere, inject: damaged(emptied, archived("{middle}")),
		exit: 1, why: reason.WALCorrupt, words: "{middle} | zero length",
	},
	{
		name: "Flipped", inject: damaged(flipped, archived("{middle}")),
		exit: 1, why: reason.WALCorrupt, words: "{middle}",
	},
	{name: "Cut", inject: damaged(cut, archived("{middle}")), exit: 1, why: reason.WALCorrupt, words: "{middle}"},
	{
		name: "Garbage", inject: damaged(garbage, archived("{middle}")),
		exit: 1, why: reason.WALCorrupt, words: "{middle}",
	},
	{
		name: "SwappedForAnother", where: everywhere, inject: swapped("{middle}", "{last}"),
		exit: 1, why: reason.WALCorrupt, words: "{middle}",
	},
	{
		name: "LastFlipped", where: everywhere, inject: damaged(flipped, archived("{last}")),
		exit: 1, why: reason.WALCorrupt, words: "{last}",
	},
	{name: "LastCut", inject: damaged(cut, archived("{last}")), exit: 1, why: reason.WALCorrupt, words: "{last}"},
	{
		name: "LastSwappedForAnother", inject: swapped("{last}", "{middle}"),
		exit: 1, why: reason.WALCorrupt, words: "{last}",
	},
	{
		name: "StopFlipped", inject: damaged(flipped, archived("{stop}")),
		exit: 1, why: reason.WALCorrupt, words: "{stop}",
	},
	{
		name: "TwiceWithDifferentContents", inject: twice("{middle}"),
		exit: 1, why: reason.WALCorrupt, words: "{middle} | 2 times",
	},
	{
		name: "TwiceWithOneContent", inject: secondName("{middle}"),
		exit: 0, why: reason.None, words: "more than once with the same content | the last is {middle}",
	},
	{ // PostgreSQL never comes to it; restore reads the history with the highest number
		name: "StrayHistoryBeyondAGap", inject: stray("{wal}/00000009.history"),
		since: versions.RestoreChecksTimeline.Since(), older: older{exit: 0, why: reason.None},
		exit: 1, why: reason.WALCorrupt, step: "restore", words: "00000009.history | with the highest number",
	},
	{
		name: "LeftoverOfAPush", inject: stray(`{wal}/0000000100000000/{middle}-0.zst.pgbackrest.tmp`),
		exit: 0, why: reason.None,
	},
	{
		name: "InfoMissing", inject: without("archive/demo/archive.info*"),
		exit: 1, why: reason.RepoCorrupt, words: "info file",
	},
	{name: "InfoOneCopyLeft", inject: without("archive/demo/archive.info"), exit: 0, why: reason.None},
})

// allOf does several things to a copy.
func allOf(injects ...func(*repoCopy)) func(*repoCopy) {
	return func(rc *repoCopy) {
		for _, inject := range injects {
			inject(rc)
		}
	}
}

// damaged damages every file a pattern names.
func damaged(damage func([]byte) []byte, patterns ...string) func(*repoCopy) {
	return func(rc *repoCopy) {
		for _, pattern := range patterns {
			for _, file := range rc.files(pattern) {
				rc.change(file, damage)
			}
		}
	}
}

// without removes every file a pattern names.
func without(patterns ...string) func(*repoCopy) {
	return func(rc *repoCopy) {
		for _, pattern := range patterns {
			for _, file := range rc.files(pattern) {
				require.NoError(rc.t, os.RemoveAll(file))
			}
		}
	}
}

// swapped gives one segment the content of another, whole and well encrypted.
func swapped(victim, other string) func(*repoCopy) {
	return func(rc *repoCopy) {
		content, err := os.ReadFile(rc.files(archived(other))[0])
		require.NoError(rc.t, err)
		rc.change(rc.files(archived(victim))[0], func([]byte) []byte { return content })
	}
}

// twice archives a segment again, under another checksum.
func twice(name string) func(*repoCopy) {
	return func(rc *repoCopy) {
		file := rc.files(archived(name))[0]
		dash := len(file) - len("-0123456789012345678901234567890123456789.zst")
		require.NoError(rc.t, copyTree(file, file[:dash]+"-0123456789abcdef0123456789abcdef01234567.zst"))
	}
}

// stray puts a file where none belongs; it is an hour old, as leftovers are.
func stray(name string) func(*repoCopy) {
	return func(rc *repoCopy) {
		path := rc.repo() + "/" + rc.fill(name)
		require.NoError(rc.t, os.WriteFile(path, []byte("stray"), 0o644))
		rc.shift(path, -time.Hour)
	}
}
