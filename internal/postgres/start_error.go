package postgres

import (
	"regexp"
	"slices"
	"strings"

	"veza.fr/recovery/internal/reason"
)

// fatal maps words of the lines that end a start to a reason, in order.
var fatal = []struct {
	words *regexp.Regexp
	why   reason.Reason
}{
	{regexp.MustCompile(`(?i)no space left on device|disk quota exceeded`), reason.DiskSpace},
	{regexp.MustCompile(`requested timeline \d+ (is not a child|does not contain)`), reason.TimelineConflict},
	{regexp.MustCompile(`from different database system|has wrong size`), reason.WALCorrupt},
	{regexp.MustCompile(`(?i)cannot allocate memory|out of memory|could not map anonymous shared memory|` +
		`terminated by signal 9|unexpected postmaster exit|exited with exit code 137|` +
		`could not create semaphores`), reason.SandboxFailed},
	{
		regexp.MustCompile(`database files are incompatible with server|initialized by PostgreSQL version`),
		reason.VersionMismatch,
	},
	{ // of several pages that were read at once from 18 on
		regexp.MustCompile(`(?i)page verification failed|invalid page in block|invalid pages among blocks`),
		reason.PageChecksum,
	},
}

// tooEarly are the words for a recovery that ended before it could, when nothing says why.
var tooEarly = regexp.MustCompile(`recovery ended before configured recovery target|` +
	`WAL ends before (end of online backup|consistent recovery point)|` +
	`could not locate (required|a valid) checkpoint record`)

// minimalWAL are the words for WAL of a time when wal_level was minimal: no replay goes beyond that, of any set from
// before. From 17 on the setting is quoted, as a name is.
var minimalWAL = regexp.MustCompile(`^WAL was generated with "?wal_level=minimal"?, cannot`)

// noLibrary begins what ends a start with a library that could not be loaded: of this machine, or of what it needs
// itself (dfmgr.c); noManager, that of WAL of a library that the server began without (rmgr.c).
var (
	noLibrary = regexp.MustCompile(`(?m)^(?:could not (?:access file|load library|find function)|` +
		`incompatible library) "`)
	noManager = regexp.MustCompile(`(?m)^resource manager with ID \d+ not registered`)
)

// libraryError is the tool_missing of a start that lacked a library, which says nothing about the backup; nil is
// another cause.
func (l Log) libraryError() error {
	switch text := strings.Join(l.Fatal, "\n"); {
	case noLibrary.MatchString(text):
		return reason.Errorf(reason.ToolMissing, "PostgreSQL did not start: %s: install in the sandbox what that "+
			"library needs, of production's version: another -image, or its package, has it", l.lastLines())
	case !noManager.MatchString(text):
		return nil
	case len(l.LeftOut) == 0:
		return reason.Errorf(reason.ToolMissing, "PostgreSQL did not start: %s: the WAL is of an extension that the "+
			"restored shared_preload_libraries does not name; a postgresql.conf outside the data directory (Debian: "+
			"/etc/postgresql) is in no backup", l.lastLines())
	}
	names, never := strings.Join(l.LeftOut, ", "), ""
	if i := slices.IndexFunc(l.LeftOut, isNeverLoaded); i >= 0 {
		never = "; " + l.LeftOut[i] + " is never loaded here, since it would reach out or run jobs: if the " +
			"WAL is its own, no drill can replay it"
	}
	return reason.Errorf(reason.ToolMissing, "PostgreSQL did not start: %s: the WAL is of an extension whose library "+
		"was left out (%s): install it in the sandbox, another -image has it%s", l.lastLines(), names, never)
}

// StartError says why a cluster did not come up. A postmaster that is gone without a FATAL
// line was ended from outside, which proves nothing about the backup.
func (l Log) StartError() error {
	lines := slices.Concat(l.Fatal, l.lastWords())
	if slices.ContainsFunc(lines, sealedLink.MatchString) {
		return reason.Errorf(reason.IsolationBreached,
			"a tablespace points out of the sandbox, to %s: it was made after the backup, "+
				"and the replay was stopped before it wrote there; take a backup, and drill that", l.Outside)
	}
	if l.Disk != "" {
		return l.DiskError()
	}
	for i, line := range lines {
		lines[i] = withoutNames(line)
	}
	text := strings.Join(lines, "\n")
	if why, known := wordsReason(text); known {
		return reason.Errorf(why, "PostgreSQL did not start: %s", l.lastLines())
	}
	if missing := l.libraryError(); missing != nil {
		return missing
	}
	if slices.ContainsFunc(l.Fatal, minimalWAL.MatchString) {
		return reason.Errorf(reason.StartFailed, "PostgreSQL did not start: %s: wal_level was minimal for a while, "+
			"and no backup from before that can be recovered beyond it: take a full backup now", l.lastLines())
	}
	if l.Killed != "" {
		return reason.Errorf(reason.SandboxFailed, "%s: by somebody here, or out of memory", l.Killed)
	}
	if cause := l.Cause(); cause != nil {
		if len(l.Archive) == 0 && l.Timeline != 0 && len(l.Fatal) > 0 {
			// WAL had been read to where it ended: that is how the complaint came about, and not what ended the start.
			return reason.Errorf(reason.StartFailed, "PostgreSQL did not start: %s; before that %w",
				l.lastLines(), cause)
		}
		return cause
	}
	if tooEarly.MatchString(text) {
		return reason.Errorf(reason.RecoveryIncomplete, "PostgreSQL did not start: %s", l.lastLines())
	}
	if len(l.Fatal) == 0 && l.Crashed != "" {
		return reason.Errorf(reason.StartFailed, "PostgreSQL did not start: %s", l.Crashed)
	}
	if len(l.Fatal) == 0 {
		return reason.Errorf(reason.SandboxFailed,
			"the postmaster is gone without a word: it was killed from outside, or the machine is out of memory")
	}
	return reason.Errorf(reason.StartFailed, "PostgreSQL did not start: %s", l.lastLines())
}

// CrashReason is what the words of a crash say beyond that there was one, such as no space on the disk.
func (l Log) CrashReason() (reason.Reason, bool) {
	if l.Crashed == "" {
		return "", false
	}
	if l.Disk != "" {
		return reason.SandboxFailed, true
	}
	return wordsReason(withoutNames(strings.Join(l.Fatal, "\n")))
}

// LastFatal is the last FATAL or PANIC line, "" for none.
func (l Log) LastFatal() string {
	if len(l.Fatal) == 0 {
		return ""
	}
	return l.Fatal[len(l.Fatal)-1]
}

// wordsReason is the reason that words of lines that end a server lead to, in the order of fatal.
func wordsReason(text string) (reason.Reason, bool) {
	for _, f := range fatal {
		if f.words.MatchString(text) {
			return f.why, true
		}
	}
	return "", false
}

func (l Log) lastLines() string {
	if len(l.Fatal) > 0 {
		return strings.Join(l.Fatal[max(0, len(l.Fatal)-2):], "; ")
	}
	return strings.Join(l.lastWords(), "; ")
}

// lastWords are the last lines that count.
func (l Log) lastWords() []string { return l.words[max(0, len(l.words)-8):] }
