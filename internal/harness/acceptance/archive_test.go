package acceptance

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// A damaged archive is found, whichever segment it is, and the segment is named.
func TestArchive(t *testing.T) { archiveFaults.suffer(t) }

var archiveFaults = faults("TestArchive", plain, []fault{
	{name: "Whole", where: everywhere, exit: 0, why: reason.None, words: "archive whole over timeline 1 | {last}"},
	{name: "MissingInTheMiddle", where: everywhere, harm: without(archived("{middle}")), exit: 1, why: reason.WALMissing, words: "{middle}"},
	{name: "MissingStopOfTheBackup", harm: without(archived("{stop}")), exit: 1, why: reason.WALMissing, words: "{stop}"},
	{
		name: "MissingAtTheEnd", harm: and(without(archived("{last}")), checks("- {name: rows, query: SELECT count(*) FROM users, min: 1}\n")), args: "-checks {dir}/checks.yml",
		exit: 0, why: reason.None, words: "replayed up to",
	},
	{name: "MissingAtTheEndByTheHeartbeat", harm: without(archived("{last}")), args: "-rpo 1ms", exit: 1, why: reason.RPOExceeded, words: "the newest heartbeat row that came back", step: "verify"},
	{name: "AllMissing", harm: without("archive/demo/15-1/*"), exit: 1, why: reason.WALMissing, words: "is missing from the archive"},
	{name: "ZeroLength", where: everywhere, harm: with(emptied, archived("{middle}")), exit: 1, why: reason.WALCorrupt, words: "{middle} | zero length"},
	{name: "Flipped", harm: with(flipped, archived("{middle}")), exit: 1, why: reason.WALCorrupt, words: "{middle}"},
	{name: "Cut", harm: with(cut, archived("{middle}")), exit: 1, why: reason.WALCorrupt, words: "{middle}"},
	{name: "Garbage", harm: with(garbage, archived("{middle}")), exit: 1, why: reason.WALCorrupt, words: "{middle}"},
	{name: "SwappedForAnother", where: everywhere, harm: swapped("{middle}", "{last}"), exit: 1, why: reason.WALCorrupt, words: "{middle}"},
	{name: "LastFlipped", where: everywhere, harm: with(flipped, archived("{last}")), exit: 1, why: reason.WALCorrupt, words: "{last}"},
	{name: "LastCut", harm: with(cut, archived("{last}")), exit: 1, why: reason.WALCorrupt, words: "{last}"},
	{name: "LastSwappedForAnother", harm: swapped("{last}", "{middle}"), exit: 1, why: reason.WALCorrupt, words: "{last}"},
	{name: "StopFlipped", harm: with(flipped, archived("{stop}")), exit: 1, why: reason.WALCorrupt, words: "{stop}"},
	{name: "TwiceWithDifferentContents", harm: twice("{middle}"), exit: 1, why: reason.WALCorrupt, words: "{middle} | 2 times"},
	{name: "StrayHistoryBeyondAGap", harm: stray("archive/demo/15-1/00000009.history"), exit: 0, why: reason.None},
	{name: "LeftoverOfAPush", harm: stray(`archive/demo/15-1/0000000100000000/{middle}-0.zst.pgbackrest.tmp`), exit: 0, why: reason.None},
	{name: "InfoMissing", harm: without("archive/demo/archive.info*"), exit: 1, why: reason.RepoCorrupt, words: "info file"},
	{name: "InfoOneCopyLeft", harm: without("archive/demo/archive.info"), exit: 0, why: reason.None},
})

// and does several things to a copy.
func and(harms ...func(*patient)) func(*patient) {
	return func(p *patient) {
		for _, harm := range harms {
			harm(p)
		}
	}
}

// with damages every file a pattern names.
func with(damage func([]byte) []byte, patterns ...string) func(*patient) {
	return func(p *patient) {
		for _, pattern := range patterns {
			for _, file := range p.files(pattern) {
				p.change(file, damage)
			}
		}
	}
}

// without removes every file a pattern names.
func without(patterns ...string) func(*patient) {
	return func(p *patient) {
		for _, pattern := range patterns {
			for _, file := range p.files(pattern) {
				require.NoError(p.t, os.RemoveAll(file))
			}
		}
	}
}

// swapped gives one segment the content of another, whole and well encrypted.
func swapped(victim, other string) func(*patient) {
	return func(p *patient) {
		content, err := os.ReadFile(p.files(archived(other))[0])
		require.NoError(p.t, err)
		p.change(p.files(archived(victim))[0], func([]byte) []byte { return content })
	}
}

// twice archives a segment again, under another checksum.
func twice(name string) func(*patient) {
	return func(p *patient) {
		file := p.files(archived(name))[0]
		dash := len(file) - len("-0123456789012345678901234567890123456789.zst")
		require.NoError(p.t, copyTree(file, file[:dash]+"-0123456789abcdef0123456789abcdef01234567.zst"))
	}
}

// stray puts a file where none belongs; it is an hour old, as leftovers are.
func stray(name string) func(*patient) {
	return func(p *patient) {
		path := p.repo() + "/" + p.fill(name)
		require.NoError(p.t, os.WriteFile(path, []byte("stray"), 0o644))
		p.shift(path, -time.Hour)
	}
}
