package postgres

import (
	"context"
	"regexp"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wal"
)

// logPrefix is log_line_prefix: a moment in UTC with milliseconds, then the process.
const logPrefix = "%m [%p] "

// Log is what a recovery wrote into the server log.
type Log struct {
	Restored   []string  // names of the files recovery took from the archive, in order
	RedoStart  time.Time // when replay began
	RedoDone   time.Time // when replay found the end of the archive: T1 of the RPO
	LastCommit time.Time // commit time of the last replayed transaction; zero when none was
	Timeline   uint32    // the new timeline after recovery; 0 when it was not reached
	Stopping   string    // the line that says which target recovery stopped at
	Fatal      []string  // FATAL and PANIC lines
	Archive    []string  // errors of pgbackrest archive-get
	Outside    string    // where a tablespace made after the backup would have been linked to; see SealTablespaces
	Damage     []string  // lines that say a WAL record or file is damaged
	Killed     string    // the line about a process that was killed: by a person, or by the kernel out of memory
	Crashed    string    // the line about a process that crashed by itself, by what it read for instance
	tail       []string
}

var (
	logLine    = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[\d+\] (\w+):\s+(.*)$`)
	restored   = regexp.MustCompile(`^restored log file "([^"]+)" from archive`)
	lastCommit = regexp.MustCompile(`^last completed transaction was at log time (.+)$`)
	newTLI     = regexp.MustCompile(`^selected new timeline ID: (\d+)`)
	archiveErr = regexp.MustCompile(`ERROR: \[\d{3}\]`)
	killedBy   = regexp.MustCompile(`\(PID \d+\) was terminated by signal (\d+)`)
	// damage are PostgreSQL's words for a record or a file that is not what it should
	// be (xlogreader.c, xlogarchive.c). At the end of the archive some of them are the
	// normal way to notice it, so they count only when recovery ended too early.
	damage = regexp.MustCompile(`incorrect resource manager data checksum|invalid magic number|unexpected pageaddr|` +
		`incorrect prev-link|from different database system|invalid resource manager ID|invalid info bits|` +
		`invalid record length|no contrecord flag|invalid contrecord length|invalid block_id|out-of-order block_id|` +
		`has wrong size|incorrect XLOG_BLCKSZ|incorrect segment size|invalid compressed image`)
)

// ReadLog reads the server log of a host. A log that is not there is empty.
func (s *Server) ReadLog(ctx context.Context) (Log, error) {
	content, err := s.Host.Read(ctx, s.LogFile)
	if err != nil {
		return Log{}, err
	}
	return ParseLog(string(content)), nil
}

// ParseLog reads a log written with logPrefix in the C locale.
func ParseLog(content string) Log {
	var log Log
	lines := strings.Split(strings.TrimRight(content, "\n"), "\n")
	inMessage := false // in a message of pgBackRest, whose indented lines say why
	for _, line := range lines {
		if archiveErr.MatchString(line) {
			log.Archive = append(log.Archive, strings.TrimSpace(line))
			inMessage = true
			continue
		}
		if inMessage = inMessage && strings.HasPrefix(line, "    "); inMessage { // PostgreSQL indents by a tab
			last := len(log.Archive) - 1
			log.Archive[last] = cutLine(log.Archive[last] + " " + strings.TrimSpace(line))
			continue
		}
		match := logLine.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		at, err := time.Parse("2006-01-02 15:04:05.000", match[1])
		if err != nil {
			continue
		}
		log.takeLine(at, match[2], match[3])
	}
	log.tail = lines[max(0, len(lines)-8):]
	return log
}

// cutLine bounds one message: a refused request is printed with its whole answer.
func cutLine(text string) string {
	const most = 600
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "")
	}
	return text
}

func (l *Log) takeLine(at time.Time, level, text string) {
	if level == "FATAL" || level == "PANIC" {
		if !strings.Contains(text, "the database system is") { // a client came too early
			l.Fatal = append(l.Fatal, text)
		}
	}
	if match := createdAt.FindStringSubmatch(text); match != nil && level == "CONTEXT" {
		l.Outside = match[1]
	}
	if killedBy.MatchString(text) {
		if signal := killedBy.FindStringSubmatch(text)[1]; signal == "9" {
			l.Killed = text
		} else {
			l.Crashed = text
		}
	}
	if damage.MatchString(text) {
		l.Damage = append(l.Damage, text)
	}
	switch {
	case strings.HasPrefix(text, "redo starts at"):
		l.RedoStart = at
	case strings.HasPrefix(text, "redo done at"):
		l.RedoDone = at
	case strings.HasPrefix(text, "recovery stopping"):
		l.Stopping = text
	case restored.MatchString(text):
		l.Restored = append(l.Restored, restored.FindStringSubmatch(text)[1])
	case newTLI.MatchString(text):
		l.Timeline = parseTimeline(newTLI.FindStringSubmatch(text)[1])
	case lastCommit.MatchString(text):
		l.LastCommit = parseCommit(lastCommit.FindStringSubmatch(text)[1])
	}
}

func parseTimeline(text string) uint32 {
	var n uint32
	for _, digit := range text {
		n = n*10 + uint32(digit-'0')
	}
	return n
}

// parseCommit reads a commit time as the server's own TimeZone writes it; a zone
// that is a bare name has no offset we could know, and gives no time.
func parseCommit(text string) time.Time {
	for _, layout := range []string{
		"2006-01-02 15:04:05.999999-07", "2006-01-02 15:04:05.999999-07:00", "2006-01-02 15:04:05.999999 UTC",
	} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

// Segments counts the WAL segments, history files left out, that recovery took from
// the archive. The first ones are fetched twice: to find the checkpoint, and to replay.
func (l Log) Segments() int {
	seen := map[string]bool{}
	for _, name := range l.Restored {
		if _, err := wal.ParseSegment(name, 1<<20); err == nil {
			seen[name] = true
		}
	}
	return len(seen)
}

// Tail is the end of the log, for a person.
func (l Log) Tail() string { return strings.Join(l.tail, "\n") }

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
	{regexp.MustCompile(`(?i)page verification failed|invalid page in block`), reason.PageChecksum},
}

// tooEarly are the words for a recovery that ended before it could, when nothing says why.
var tooEarly = regexp.MustCompile(`recovery ended before configured recovery target|` +
	`WAL ends before (end of online backup|consistent recovery point)|` +
	`could not locate (required|a valid) checkpoint record`)

// StartError says why a cluster did not come up. A postmaster that is gone without a FATAL
// line was ended from outside, which proves nothing about the backup.
func (l Log) StartError() error {
	text := strings.Join(append(l.Fatal, l.tail...), "\n")
	if sealedLink.MatchString(text) {
		return reason.Errorf(reason.IsolationBreached,
			"a tablespace points out of the sandbox, to %s: it was made after the backup, "+
				"and the replay was stopped before it wrote there; take a backup, and drill that", l.Outside)
	}
	for _, f := range fatal {
		if f.words.MatchString(text) {
			return reason.Errorf(f.why, "PostgreSQL did not start: %s", l.lastLines())
		}
	}
	if cause := l.Cause(); cause != nil {
		return cause
	}
	if tooEarly.MatchString(text) {
		return reason.Errorf(reason.RecoveryIncomplete, "PostgreSQL did not start: %s", l.lastLines())
	}
	if len(l.Fatal) == 0 {
		return reason.Errorf(reason.SandboxFailed,
			"the postmaster is gone without a word: it was killed from outside, or the machine is out of memory")
	}
	return reason.Errorf(reason.StartFailed, "PostgreSQL did not start: %s", l.lastLines())
}

func (l Log) lastLines() string {
	if len(l.Fatal) > 0 {
		return strings.Join(l.Fatal[max(0, len(l.Fatal)-2):], "; ")
	}
	return strings.Join(l.tail, "; ")
}
