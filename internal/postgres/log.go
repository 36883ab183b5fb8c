package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"sync"
	"time"

	"veza.fr/recovery/internal/wal"
)

// logPrefix is log_line_prefix without the token of the start: a moment in UTC with
// milliseconds, then the process.
const logPrefix = "%m [%p] "

// Log is what the server wrote about a recovery, and about its own fate. It is read only from
// lines that the data of the cluster cannot write: see ParseLog.
type Log struct {
	Restored   []string  // names of the files recovery took from the archive, in order
	RedoStart  time.Time // when replay began
	RedoDone   time.Time // when replay found the end of the archive: T1 of the RPO
	RedoEnd    string    // LSN at which the last replayed record begins
	LastCommit time.Time // commit time of the last replayed transaction; zero when none was
	Timeline   uint32    // the new timeline after recovery; 0 when it was not reached
	Stopping   string    // the line that says which target recovery stopped at
	Fatal      []string  // FATAL and PANIC lines
	Full       string    // the first line that says a disk is full
	Archive    []string  // errors of pgbackrest archive-get
	Outside    string    // where a tablespace made after the backup would have been linked to; see SealTablespaces
	Damage     []string  // lines that say a WAL record or file is damaged
	Killed     string    // the line about a process that was ended: by a person, or by the kernel out of memory
	Crashed    string    // the line about a process that crashed by itself, by what it read for instance
	LeftOut    []string  // libraries that the start did without: see Server
	Disk       string    // the first line that says the disk of the machine failed, such as EIO of a restored file
	places     []string  // of the machine: see Server.places
	words      []string  // lines that count, for the reason of a start that failed
	tail       []string  // lines of any kind, for a person
}

var (
	restored   = regexp.MustCompile(`^restored log file "([^"]+)" from archive`)
	lastCommit = regexp.MustCompile(`^last completed transaction was at log time (.+)$`)
	newTLI     = regexp.MustCompile(`^selected new timeline ID: (\d+)`)
	archiveErr = regexp.MustCompile(`ERROR: \[\d{3}\]`)
	// endedBy is what the postmaster says of a process of its own that ended badly (LogChildExit); no data is
	// in it. Status 2 is that of a process that was told to quit at once (SIGQUIT, quickdie): the
	// postmaster says it only of the first one, which it did not tell so itself.
	endedBy = regexp.MustCompile(`^[^()]+ \(PID \d+\) (?:was terminated by signal (\d+)|exited with exit code 2$)`)
	// damage are PostgreSQL's words for a record, a page or a file that is not what it should be (xlogreader.c,
	// xlogrecovery.c and xlogarchive.c of 15 to 18). At the end of the archive some of them are the normal way to
	// notice it, so they count where recovery ended too early, or where they speak of what the archive gave.
	damage = regexp.MustCompile(`incorrect resource manager data checksum|invalid magic number|unexpected pageaddr|` +
		`incorrect prev-link|from different database system|invalid resource manager ID|invalid info bits|` +
		`invalid record length|no contrecord flag|invalid contrecord length|invalid block_id|out-of-order block_id|` +
		`has wrong size|incorrect XLOG_BLCKSZ|incorrect segment size|invalid compressed image|` +
		`could not decompress image|out-of-sequence timeline ID|unexpected timeline ID \d+ in (?:log|WAL) segment|` +
		`contrecord is requested|invalid record offset|record with invalid length|BKP(?:BLOCK|IMAGE)_|` +
		`could not restore image at \S+ (?:with invalid|compressed with unknown)`)
)

// ReadLog reads what the server wrote since it was last started. A log that is not there is
// an error that wraps fs.ErrNotExist.
func (s *Server) ReadLog(ctx context.Context) (Log, error) {
	content, token, err := s.logOfStart(ctx)
	if err != nil {
		return Log{}, err
	}
	log := ParseLog(content, token, s.places()...)
	startMu.Lock()
	defer startMu.Unlock()
	log.LeftOut = s.LeftOut
	return log, nil
}

// logOfStart is what stands in the log since the server was last started, and the token of its lines.
func (s *Server) logOfStart(ctx context.Context) (content, token string, err error) {
	all, err := s.Host.Read(ctx, s.LogFile)
	if err != nil {
		return "", "", err
	}
	startMu.Lock()
	defer startMu.Unlock()
	return string(all[min(s.logBegin, len(all)):]), s.token, nil
}

// startMu guards token, logBegin and LeftOut of every Server: a log is watched while its server starts.
var startMu sync.Mutex

// beginLog gives a start its own token, and remembers where in the log it begins: a server that
// is started again goes on in the same file, and what the data made of it before counts no more.
func (s *Server) beginLog(ctx context.Context) error {
	content, err := s.Host.Read(ctx, s.LogFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	startMu.Lock()
	defer startMu.Unlock()
	s.token, s.logBegin = "veza-"+rand.Text(), len(content)
	return nil
}

// cutLine bounds one message: a refused request is printed with its whole answer.
func cutLine(text string) string {
	const most = 600
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "")
	}
	return text
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
