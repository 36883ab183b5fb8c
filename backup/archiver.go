package backup

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

const (
	freshTime = time.Hour       // a failure younger than that is worth a line, also when the next try went well
	stuckTime = 5 * time.Minute // a segment that waits longer than that is not archived as it should be
)

// archiver is what the primary says of its archiving; nil where none is named.
type archiver struct {
	unasked                bool // it could not be: it says nothing
	mode, command, library string
	timeout                time.Duration
	recovering             bool
	systemID               string // "": the primary does not say
	lastWAL, failedWAL     string
	lastAt, failedAt       time.Time // zero: never
	now                    time.Time // by its clock
	waiting                int       // segments that are not archived yet
	oldest                 time.Time // since when the first of them waits
}

// last is the file it archived last; "" where it was not asked.
func (a *archiver) last() string {
	if a == nil {
		return ""
	}
	return a.lastWAL
}

// isUnasked says whether there is a primary that could not be asked: what it would decide stays open.
func (a *archiver) isUnasked() bool { return a != nil && a.unasked }

// failing says whether the last thing archive_command did was to fail.
func (a *archiver) failing() bool { return !a.failedAt.IsZero() && a.failedAt.After(a.lastAt) }

// of says whether the primary is the cluster that a backup was taken from.
func (a *archiver) of(systemID, label string) error {
	if a == nil {
		return nil
	}
	return primaryOf(a.systemID, systemID, label)
}

// primaryOf says whether the primary, by its system identifier, is the cluster that a backup was taken from. Another
// one that the stanza knows was left by a stanza-upgrade: pgBackRest takes nothing of it. "" is that it does not say.
func primaryOf(id, want, label string) error {
	if id == "" || id == want {
		return nil
	}
	return reason.Errorf(reason.ArchivingFailed, "the primary is the cluster with system identifier %s, and the "+
		"newest backup %s is of %s, the present one of the stanza: nothing that the primary writes is archived; if "+
		"production was taken back to that cluster, run pgbackrest stanza-upgrade, then take a full backup",
		id, label, want)
}

// lines are what a run says of the primary's archiving.
func (a *archiver) lines() []string {
	return []string{
		fmt.Sprintf("archive_mode=%s archive_timeout=%s archive_command=%s", a.mode, a.timeout, a.command),
		fmt.Sprintf("last archived %s at %s, last failed %s at %s, %d waiting",
			orNone(a.lastWAL), moment(a.lastAt), orNone(a.failedWAL), moment(a.failedAt), a.waiting),
	}
}

// warnings are what is no fault of the primary's, and what the report should keep.
func (a *archiver) warnings() (list []string) {
	if !a.failing() && !a.failedAt.IsZero() && a.now.Sub(a.failedAt) < freshTime {
		list = append(list, fmt.Sprintf("warning: archive_command failed for %s at %s; the next try went well",
			a.failedWAL, moment(a.failedAt)))
	}
	if !wal.IsSegment(a.lastWAL) {
		list = append(list, fmt.Sprintf("warning: the primary names no segment as its last archived file (%s): "+
			"the end of the archive is not compared with it", orNone(a.lastWAL)))
	}
	return list
}

// wrong is everything that keeps the primary from archiving as the policy says, with this archive_timeout; nil
// for nothing, and for a primary that was not asked.
func (a *archiver) wrong(stanza string, timeout time.Duration) error {
	if a == nil || a.unasked {
		return nil
	}
	var found []string
	add := func(is bool, format string, args ...any) {
		if is {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	add(a.mode != "on", "archive_mode is %s: it must be on", a.mode)
	add(a.library != "", "archive_library is %s: archive_command is not used then", a.library)
	add(!pushes(a.command, stanza), "archive_command is %q: it must run pgbackrest --stanza=%s archive-push %%p, "+
		"and nothing after it that hides a failure", a.command, stanza)
	add(a.timeout != timeout, "archive_timeout is %s: it must be %s", a.timeout, timeout)
	add(a.failing(), "archive_command fails: %s, last at %s; the last segment that was archived is %s, at %s",
		a.failedWAL, moment(a.failedAt), orNone(a.lastWAL), moment(a.lastAt))
	add(a.waiting > 0 && a.now.Sub(a.oldest) > stuckTime,
		"%d segments wait to be archived, the first since %s", a.waiting, moment(a.oldest))
	if len(found) == 0 {
		return nil
	}
	return reason.Errorf(reason.ArchivingFailed, "on the primary: %s", strings.Join(found, "; "))
}

// shell is what may hide a failure of a command from PostgreSQL, or all of it from the shell.
var shell = regexp.MustCompile(`[;|&#\n]`)

// pushes says whether a command is pgbackrest's, for the stanza, and nothing else: what
// stands before or after it may do nothing, or turn a failure into a success.
func pushes(command, stanza string) bool {
	words := strings.Fields(strings.NewReplacer(`"`, " ", `'`, " ", "=", " ").Replace(command))
	return len(words) > 0 && path.Base(words[0]) == "pgbackrest" && !shell.MatchString(command) &&
		slices.Contains(words, "archive-push") && slices.Contains(words, "%p") && slices.Contains(words, stanza)
}

// moment is a time for a sentence.
func moment(t time.Time) string {
	if t.IsZero() {
		return "no time"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
