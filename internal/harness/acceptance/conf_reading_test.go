package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// A pgbackrest.conf is read as pgBackRest reads it, and what it cannot read is no word on the backups.
func TestConfReading(t *testing.T) { confReadingFaults.run(t) }

var confReadingFaults = faults("TestConfReading", plain, []fault{
	{name: "OldNames", inject: oldNames, exit: 0, why: reason.None},
	{
		name: "OldNamesAndAnotherPassphrase", inject: inOrderOf(oldNames, option("repo-cipher-pass", "anotherone")),
		exit: 1, why: reason.WrongCipher, step: "preflight", words: "repo1-cipher-pass",
	},
	{
		name: "OldNamesAndAPlaceholder", inject: inOrderOf(oldNames, option("repo-cipher-pass", "CHANGEME")),
		exit: 2, why: reason.PlaceholderSecret, step: "preflight", words: "repo1-cipher-pass",
	},
	{
		name: "OldNameBesideTheNew", inject: option("repo-path", "{repo}"), // pgBackRest: duplicate options
		exit: 2, why: reason.ConfigInvalid, words: "[031] | repo-path",
	},
	{
		name: "ByteOrderMark", inject: rewritten(func(conf string) string { return "\xef\xbb\xbf" + conf }),
		exit: 2, why: reason.ConfigInvalid, words: "{conf}:1 | byte order mark | [029]",
	},
	{
		name: "SemicolonIsNoComment", inject: header("; the stanza\n[demo]"),
		exit: 2, why: reason.ConfigInvalid, words: "{conf}: | [029]",
	},
	{
		name: "BeforeTheFirstSection", inject: rewritten(func(conf string) string { return "process-max=2\n" + conf }),
		exit: 2, why: reason.ConfigInvalid, words: "{conf}:1 | before the first [section]",
	},
	{
		name: "EditedOnWindows", inject: rewritten(func(conf string) string {
			return "# Ünïcode\n\n" + strings.ReplaceAll(strings.ReplaceAll(conf, "=", " = "), "\n", "\r\n")
		}),
		exit: 0, why: reason.None,
	},
	{
		name:   "OptionsOfAnotherVersion",
		inject: header("nothing-known=1\n[global:restore]\nnothing-known=2\n[demo:not-known]\nprocess-max=2\n[demo]"),
		exit:   0, why: reason.None,
	},
	{
		name: "InvalidValue", inject: option("process-max", "many"),
		exit: 2, why: reason.ConfigInvalid, words: "process-max",
	},
	{
		name: "VariableThatAloneOpens", inject: rewritten(withoutOption("repo1-cipher-pass")),
		env:  "PGBACKREST_REPO1_CIPHER_PASS=open-sesame",
		exit: 2, why: reason.ConfigInvalid,
		words: "PGBACKREST_REPO1_CIPHER_PASS is set | {conf} has no repo1-cipher-pass",
	},
	{
		name: "VariableThatIsNotTaken", env: "PGBACKREST_RETENTION_FULL=1",
		exit: 0, why: reason.None, words: "PGBACKREST_RETENTION_FULL is set here and not taken",
	},
	{
		name: "RepositoryOfAnotherUser", inject: shutOff("backup"),
		exit: 2, why: reason.ConfigInvalid, step: "preflight", words: "may not read repository 1 | Permission denied",
	},
	{
		name: "OneFileMayNotBeRead", inject: shutOff("backup/demo/{newest}/backup.manifest*"),
		exit: 1, why: reason.RepoDenied, words: "Permission denied",
	},
})

// rewritten changes the text of the conf.
func rewritten(how func(string) string) func(*repoCopy) { return func(rc *repoCopy) { rc.edit(how) } }

// inOrderOf does one thing after the other to a copy.
func inOrderOf(steps ...func(*repoCopy)) func(*repoCopy) {
	return func(rc *repoCopy) {
		for _, step := range steps {
			step(rc)
		}
	}
}

// oldNames writes the conf as it was before repositories and clusters had numbers.
func oldNames(rc *repoCopy) {
	rc.edit(func(conf string) string {
		conf = regexp.MustCompile(`(?m)^repo1-(type|path|cipher-type|cipher-pass)=`).ReplaceAllString(conf, "repo-$1=")
		conf = strings.ReplaceAll(conf, "\nrepo1-retention-", "\nretention-")
		return strings.ReplaceAll(conf, "\npg1-", "\ndb-")
	})
	content, err := os.ReadFile(rc.conf())
	require.NoError(rc.t, err)
	for _, name := range []string{"\nrepo-cipher-pass=", "\nrepo-path=", "\nretention-full=", "\ndb-path="} {
		require.Contains(rc.t, string(content), name)
	}
}

// withoutOption takes an option out of a conf.
func withoutOption(name string) func(string) string {
	return func(conf string) string {
		return regexp.MustCompile(`(?m)^`+name+`=.*\n`).ReplaceAllString(conf, "")
	}
}

// shutOff takes every right on files of the repository away.
func shutOff(pattern string) func(*repoCopy) {
	return func(rc *repoCopy) {
		for _, file := range rc.files(filepath.FromSlash(pattern)) {
			require.NoError(rc.t, os.Chmod(file, 0))
		}
	}
}
