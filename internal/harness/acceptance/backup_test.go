package acceptance

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// A backup that cannot be restored fails the drill, whatever `info` says of it.
func TestBackup(t *testing.T) { backupFaults.suffer(t) }

var backupFaults = faults("TestBackup", plain, []fault{
	{name: "Full", args: "-set {full}", exit: 0, why: reason.None},
	{name: "LatestDiff", args: "-set latest-diff", exit: 0, why: reason.None},
	{name: "FileCut", harm: onLargest(cut), exit: 1, why: reason.RepoCorrupt, waits: true},
	{name: "FileFlipped", where: everywhere, harm: onLargest(flipped), exit: 1, why: reason.RepoCorrupt, waits: true},
	{name: "FileMissing", harm: func(p *patient) { _ = os.Remove(p.largest("backup/demo/{full}/bundle/*")) }, exit: 1, why: reason.RepoCorrupt, waits: true},
	{name: "FullUnderTheDiffMissing", harm: without("backup/demo/{full}"), exit: 1, why: reason.RepoCorrupt, waits: true},
	{name: "HalfExpiredDiff", harm: without("backup/demo/{newest}/bundle"), exit: 1, why: reason.RepoCorrupt, waits: true, step: "restore"},
	{name: "OfAnotherSystem", harm: path(`s/"system-id":[0-9]*/"system-id":7000000000000000001/g`), env: "PATH={dir}/path", exit: 1, why: reason.RepoCorrupt, words: "7000000000000000001", step: "recover"},
	{name: "RestoreFailsForItsOwnReason", harm: refusing("restore", 25, "ASSERT: [025]: something nobody thought of"), env: "PATH={dir}/path", exit: 1, why: reason.RestoreFailed, words: "something nobody thought of", step: "restore"},
	{name: "ManifestMissing", where: everywhere, harm: without("backup/demo/{newest}/backup.manifest*"), exit: 1, why: reason.RepoCorrupt, words: "manifest"},
	{name: "ManifestFlipped", harm: with(flipped, "backup/demo/{newest}/backup.manifest*"), exit: 1, why: reason.RepoCorrupt, words: "manifest"},
	{name: "ManifestOneCopyLeft", harm: with(flipped, "backup/demo/{newest}/backup.manifest"), exit: 0, why: reason.None},
	{name: "InfoMissing", harm: without("backup/demo/backup.info*"), exit: 1, why: reason.RepoCorrupt, words: "backup.info"},
	{name: "InfoFlipped", harm: with(flipped, "backup/demo/backup.info*"), exit: 1, why: reason.RepoCorrupt, words: "backup.info"},
	{name: "InfoOneCopyLeft", harm: with(flipped, "backup/demo/backup.info"), exit: 0, why: reason.None},
	{name: "NoBackup", where: everywhere, harm: without("backup/demo"), exit: 1, why: reason.NoBackup},
	{name: "RepositoryEmpty", harm: without("*"), exit: 1, why: reason.NoBackup},
	{name: "RepositoryGone", harm: without(""), exit: 1, why: reason.NoBackup},
	{name: "StanzaGone", harm: without("backup/demo", "archive/demo"), exit: 1, why: reason.NoBackup},
	{name: "WrongPassphrase", where: everywhere, harm: option("repo1-cipher-pass", "another"), exit: 1, why: reason.WrongCipher, words: "repo1-cipher-pass"},
	{name: "NoCipherInTheConf", harm: option("repo1-cipher-type", "none"), exit: 1, why: reason.WrongCipher, words: "repo1-cipher-type"},
})

// A second repository that is whole hides nothing that is wrong with the first.
func TestSecondRepository(t *testing.T) { secondRepositoryFaults.suffer(t) }

var secondRepositoryFaults = faults("TestSecondRepository", plain, []fault{
	{name: "FirstIsDrilled", harm: second(nil), exit: 0, why: reason.None},
	{name: "SecondIsDrilled", harm: second(without("backup/demo")), args: "-repo 2", exit: 0, why: reason.None},
	{name: "FirstHasNoBackup", harm: second(without("backup/demo")), exit: 1, why: reason.NoBackup},
	{name: "FirstMissesASegment", harm: second(without(archived("{middle}"))), exit: 1, why: reason.WALMissing, words: "{middle}"},
	{name: "FirstHasABadSegment", harm: second(with(flipped, archived("{middle}"))), exit: 1, why: reason.WALCorrupt, words: "{middle}"},
	{name: "FirstHasABadManifest", harm: second(with(flipped, "backup/demo/{newest}/backup.manifest*")), exit: 1, why: reason.RepoCorrupt, words: "manifest"},
	{name: "FirstHasABadInfo", harm: second(with(flipped, "backup/demo/backup.info*")), exit: 1, why: reason.RepoCorrupt, words: "backup.info"},
	{name: "FirstHasAnotherPassphrase", harm: second(option("repo1-cipher-pass", "another")), exit: 1, why: reason.WrongCipher, words: "repo1-cipher-pass"},
})

// second adds a whole copy of the repository as repo2, then breaks the first.
func second(harm func(*patient)) func(*patient) {
	return func(p *patient) {
		require.NoError(p.t, copyTree(p.repo(), p.repo()+"2"))
		content, err := os.ReadFile(p.conf())
		require.NoError(p.t, err)
		for _, line := range strings.Split(string(content), "\n") {
			name, value, _ := strings.Cut(line, "=")
			switch name {
			case "repo1-path":
				p.set("repo2-path", value+"2")
			case "repo1-type", "repo1-cipher-type", "repo1-cipher-pass", "repo1-bundle":
				p.set(strings.Replace(name, "repo1", "repo2", 1), value)
			}
		}
		if harm != nil {
			harm(p)
		}
	}
}

// refusing makes a PATH whose pgbackrest fails at one command.
func refusing(command string, status int, says string) func(*patient) {
	return func(p *patient) {
		path("x")(p)
		script := fmt.Sprintf("#!/bin/sh\ncase \" $* \" in *\" %s \"*) echo '%s' >&2; exit %d;; esac\nexec /usr/bin/pgbackrest \"$@\"\n", command, says, status)
		require.NoError(p.t, os.WriteFile(p.file("path/pgbackrest"), []byte(script), 0o755))
	}
}

// onLargest damages the file most of the data is in.
func onLargest(damage func([]byte) []byte) func(*patient) {
	return func(p *patient) { p.change(p.largest("backup/demo/{full}/bundle/*"), damage) }
}

// option gives an option of pgbackrest.conf another value.
func option(name, value string) func(*patient) {
	return func(p *patient) { p.set(name, p.fill(value)) }
}
