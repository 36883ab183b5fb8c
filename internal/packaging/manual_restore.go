package packaging

import (
	"cmp"
	"strings"

	"veza.fr/recovery/internal/settings"
)

// restoreText is what the page of veza-restore says before the settings. Its flags are those of
// veza-restore -h, which a test beside that program compares.
const restoreText = "veza-restore restores a cluster from its backups into the data directory of this node, by " +
	"the steps of the restore drill: it chooses the set, proves that the archive is whole, restores, replays, checks " +
	"the data, stops PostgreSQL cleanly, and says what to type next. It never writes where a cluster is, and deletes " +
	"nothing. Nobody can connect while it works. The page is fixtures/runbooks/restore-for-real.md.\n"

// restoreFlags are the flags of veza-restore that are no settings: name, value, meaning.
var restoreFlags = [][3]string{
	{"to", "DIRECTORY", "data directory to restore into: empty, or not there yet"},
	{"plan", "", "say what would be restored, and stop before anything is written"},
	{"yes", "", "restore without asking"},
	{"resume", "", "go on with a restore into that directory that was interrupted"},
	{"accept-loss", "", "restore although part of the archive is lost, up to where it is whole; the report names it"},
	{"history", "FILE", "of the drills' -history: it says how long the last one took"},
	{"report", "FILE", "write the verdict as JSON there"},
	{"log", "FILE", "append all that is said there"},
	{"v", "", "say all there is to say"},
}

// restoreExit is the end of the page.
const restoreExit = `  0  the cluster is restored, passed its checks and is stopped cleanly
  1  the backups, or what was restored from them, are at fault
  2  something here kept it from an answer, or it was stopped
`

func restorePage() string {
	var b strings.Builder
	b.WriteString("# SYNOPSIS\n**veza-restore** **-to** *PGDATA* [*FLAGS*] [*SETTINGS*]\n\n# DESCRIPTION\n")
	b.WriteString(typed(restoreText) + "\n# OPTIONS\n")
	for _, f := range restoreFlags {
		b.WriteString(option(f[0], f[1], f[2], ""))
	}
	for _, s := range settings.Real() {
		value := "VALUE"
		if s.Bool {
			value = ""
		}
		b.WriteString(option(s.Flag, value, strings.ReplaceAll(s.Meaning, "`", "")+"; variable "+
			strings.Join(s.Variables, " or "), cmp.Or(s.Default, s.Otherwise)))
	}
	b.WriteString(option("version", "", "print version, commit, Go and environment, then exit", ""))
	return b.String() + "\n# EXIT STATUS\n" + typed(restoreExit)
}
