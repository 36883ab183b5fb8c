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
func TestBackup(t *testing.T) { backupFaults.run(t) }

var backupFaults = faults("TestBackup", plain, []fault{
	{name: "Full", args: "-set {full}", exit: 0, why: reason.None},
	{name: "LatestDiff", args: "-set latest-diff", exit: 0, why: reason.None},
	{name: "FileCut", inject: onLargest(cut), exit: 1, why: reason.RepoCorrupt, waits: true},
	{
		name: "FileFlipped", where: everywhere, inject: onLargest(flippedThroughout),
		exit: 1, why: reason.RepoCorrupt, waits: true,
	},
	{
		name: "FileMissing", inject: func(rc *repoCopy) { _ = os.Remove(rc.largest("backup/demo/{full}/bundle/*")) },
		exit: 1, why: reason.RepoCorrupt, waits: true,
	},
	{
		name: "FullUnderTheDiffMissing", inject: without("backup/demo/{full}"),
		exit: 1, why: reason.RepoCorrupt, waits: true,
	},
	{
		name: "HalfExpiredDiff", inject: without("backup/demo/{newest}/bundle"),
		exit: 1, why: reason.RepoCorrupt, waits: true, step: "restore",
	},
	{
		name: "OfAnotherSystem", inject: path(`s/"system-id":[0-9]*/"system-id":7000000000000000001/g`),
		env:  "PATH={dir}/path",
		exit: 1, why: reason.RepoCorrupt, words: "7000000000000000001", step: "recover",
	},
	{
		name:   "RestoreFailsForItsOwnReason",
		inject: refusing("restore", 25, "ASSERT: [025]: something nobody thought of"), env: "PATH={dir}/path",
		exit: 1, why: reason.RestoreFailed, words: "something nobody thought of", step: "restore",
	},
	{
		name: "ManifestMissing", where: everywhere, inject: without("backup/demo/{newest}/backup.manifest*"),
		exit: 1, why: reason.RepoCorrupt, words: "manifest",
	},
	{
		name: "ManifestFlipped", inject: damaged(flipped, "backup/demo/{newest}/backup.manifest*"),
		exit: 1, why: reason.RepoCorrupt, words: "manifest",
	},
	{
		name: "ManifestOneCopyLeft", inject: damaged(flipped, "backup/demo/{newest}/backup.manifest"),
		exit: 0, why: reason.None,
	},
	{
		name: "InfoMissing", inject: without("backup/demo/backup.info*"),
		exit: 1, why: reason.RepoCorrupt, words: "backup.info",
	},
	{
		name: "InfoFlipped", inject: damaged(flipped, "backup/demo/backup.info*"),
		exit: 1, why: reason.RepoCorrupt, words: "backup.info",
	},
	{name: "InfoOneCopyLeft", inject: damaged(flipped, "backup/demo/backup.info"), exit: 0, why: reason.None},
	{name: "NoBackup", where: everywhere, inject: without("backup/demo"), exit: 1, why: reason.NoBackup},
	{name: "RepositoryEmpty", inject: without("*"), exit: 1, why: reason.NoBackup},
	{name: "RepositoryGone", inject: without(""), exit: 1, why: reason.NoBackup},
	{name: "StanzaGone", inject: without("backup/demo", "archive/demo"), exit: 1, why: reason.NoBackup},
	{
		name: "WrongPassphrase", where: everywhere, inject: option("repo1-cipher-pass", "another"),
		exit: 1, why: reason.WrongCipher, words: "repo1-cipher-pass",
	},
	{
		name: "NoCipherInTheConf", inject: option("repo1-cipher-type", "none"),
		exit: 1, why: reason.WrongCipher, words: "repo1-cipher-type",
	},
})

// A second repository that is whole hides nothing that is wrong with the first.
func TestSecondRepository(t *testing.T) { secondRepositoryFaults.run(t) }

var secondRepositoryFaults = faults("TestSecondRepository", plain, []fault{
	{name: "FirstIsDrilled", inject: second(nil), exit: 0, why: reason.None},
	{name: "SecondIsDrilled", inject: second(without("backup/demo")), args: "-repo 2", exit: 0, why: reason.None},
	{name: "FirstHasNoBackup", inject: second(without("backup/demo")), exit: 1, why: reason.NoBackup},
	{
		name: "FirstMissesASegment", inject: second(without(archived("{middle}"))),
		exit: 1, why: reason.WALMissing, words: "{middle}",
	},
	{
		name: "FirstHasABadSegment", inject: second(damaged(flipped, archived("{middle}"))),
		exit: 1, why: reason.WALCorrupt, words: "{middle}",
	},
	{
		name: "FirstHasABadManifest", inject: second(damaged(flipped, "backup/demo/{newest}/backup.manifest*")),
		exit: 1, why: reason.RepoCorrupt, words: "manifest",
	},
	{
		name: "FirstHasABadInfo", inject: second(damaged(flipped, "backup/demo/backup.info*")),
		exit: 1, why: reason.RepoCorrupt, words: "backup.info",
	},
	{
		name: "FirstHasAnotherPassphrase", inject: second(option("repo1-cipher-pass", "another")),
		exit: 1, why: reason.WrongCipher, words: "repo1-cipher-pass",
	},
})

// second adds a whole copy of the repository as repo2, then breaks the first.
func second(inject func(*repoCopy)) func(*repoCopy) {
	return func(rc *repoCopy) {
		require.NoError(rc.t, copyTree(rc.repo(), rc.repo()+"2"))
		content, err := os.ReadFile(rc.conf())
		require.NoError(rc.t, err)
		for _, line := range strings.Split(string(content), "\n") {
			name, value, _ := strings.Cut(line, "=")
			switch name {
			case "repo1-path":
				rc.set("repo2-path", value+"2")
			case "repo1-type", "repo1-cipher-type", "repo1-cipher-pass", "repo1-bundle":
				rc.set(strings.Replace(name, "repo1", "repo2", 1), value)
			}
		}
		if inject != nil {
			inject(rc)
		}
	}
}

// refusing makes a PATH whose pgbackrest fails at one command.
func refusing(command string, status int, says string) func(*repoCopy) {
	return func(rc *repoCopy) {
		path("x")(rc)
		script := fmt.Sprintf("#!/bin/sh\ncase \" $* \" in *\" %s \"*) echo '%s' >&2; exit %d;; esac\n"+
			"exec /usr/bin/pgbackrest \"$@\"\n", command, says, status)
		require.NoError(rc.t, os.WriteFile(rc.file("path/pgbackrest"), []byte(script), 0o755))
	}
}

// onLargest damages the file most of the data is in.
func onLargest(damage func([]byte) []byte) func(*repoCopy) {
	return func(rc *repoCopy) { rc.change(rc.largest("backup/demo/{full}/bundle/*"), damage) }
}

// option gives an option of pgbackrest.conf another value.
func option(name, value string) func(*repoCopy) {
	return func(rc *repoCopy) { rc.set(name, rc.fill(value)) }
}
