package postgres

import (
	"errors"
	"regexp"
	"strconv"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// missingFile matches a segment that was listed and is gone; "cipher header missing" is damage.
var missingFile = regexp.MustCompile(`missing file|FileMissingError|\[055\]`)

var archiveCode = regexp.MustCompile(`ERROR: \[(\d{3})\]:? ?(.*)`)

// Cause says why recovery ended where it did, as far as the log tells: what
// archive-get said, or what PostgreSQL found wrong with a record. nil when the log
// gives no cause.
//
// PostgreSQL takes any failure of restore_command for "there is no such file" and
// ends recovery there, as if it were the end of the archive (facts B1).
func (l Log) Cause() error {
	if len(l.Archive) > 0 {
		line := l.Archive[0]
		return &reason.Error{
			Reason: l.archiveReason(line),
			Err:    errors.New("archive-get failed during recovery: " + line),
		}
	}
	if l.Disk != "" {
		return l.DiskError()
	}
	if len(l.Damage) > 0 {
		text := "recovery met a bad WAL record: " + l.Damage[len(l.Damage)-1]
		if n := len(l.Restored); n > 0 { // nothing is read after what cannot be decoded
			text += "; the last segment taken from the archive is " + l.Restored[n-1]
		}
		return reason.Errorf(reason.WALCorrupt, "%s", text)
	}
	return nil
}

// archiveReason maps an error of archive-get. By the time recovery runs the
// repository was reached and opened, so what cannot be read now is damaged, unless it is a file of this machine.
func (l Log) archiveReason(line string) reason.Reason {
	match := archiveCode.FindStringSubmatch(line)
	if match == nil {
		return reason.RecoveryIncomplete
	}
	code, err := strconv.Atoi(match[1])
	if err != nil {
		return reason.RecoveryIncomplete
	}
	if code == waitedInVain {
		return reason.RepoUnreachable
	}
	switch why, own := pgbackrest.Own(pgbackrest.WithoutRetries(line), l.places); {
	case why != "":
		return why
	case own:
		return reason.RecoveryIncomplete
	}
	if why, ok := pgbackrest.Classify(code, line); ok {
		return why
	}
	if missingFile.MatchString(line) {
		return reason.WALMissing
	}
	if answerCut.MatchString(line) {
		return reason.RepoUnreachable
	}
	return reason.WALCorrupt
}

// waitedInVain is ArchiveTimeoutError: an asynchronous archive-get that nothing came to for archive-timeout, and that
// knows no error either (get.c). What is archived, it says nothing of.
const waitedInVain = 82

// answerCut matches an answer of the store that ended too soon: a file that was cut ends where
// its length says.
var answerCut = regexp.MustCompile(`unexpected eof while reading line`)

var (
	damageLSN     = regexp.MustCompile(`\b(?:at|by|LSN) ([0-9A-F]+/[0-9A-F]+)`)
	damageSegment = regexp.MustCompile(`segment ([0-9A-F]{24})`)
)

// DamageRead are the complaints about WAL that came from the archive. Only whole
// segments are archived, so a record in one of them that cannot be read is damage,
// even in the last one; a complaint about what lies after the last one is how
// PostgreSQL notices the end.
func (l Log) DamageRead(segmentSize uint64) []string {
	var lines []string
	for _, line := range l.Damage {
		if l.fromArchive(line, segmentSize) {
			lines = append(lines, line)
		}
	}
	return lines
}

func (l Log) fromArchive(line string, size uint64) bool {
	number := uint64(0)
	if match := damageSegment.FindStringSubmatch(line); match != nil {
		segment, err := wal.ParseSegment(match[1], size)
		if err != nil {
			return true
		}
		number = segment.Number
	} else if match := damageLSN.FindStringSubmatch(line); match != nil {
		lsn, err := wal.ParseLSN(match[1])
		if err != nil {
			return true
		}
		number = uint64(lsn) / size
	} else {
		return true
	}
	for _, name := range l.Restored {
		if segment, err := wal.ParseSegment(name, size); err == nil && segment.Number == number {
			return true
		}
	}
	return false
}
