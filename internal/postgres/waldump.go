package postgres

import (
	"context"
	"regexp"
	"strings"
	"time"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/wal"
)

// Moments are the times that stand in one WAL segment.
type Moments struct {
	Readable bool      // it holds at least one whole record
	Commit   time.Time // of its last commit or abort; zero for none
	Commits  []wal.LSN // where its commits begin, in their order
	Began    time.Time // when the timeline that its end of recovery begins, began; zero for none
}

// waldumpTimeout bounds a look into one segment.
const waldumpTimeout = time.Minute

// ended are pg_waldump's words for a transaction that ended, committed for one that came about, and began for the end
// of a recovery (xactdesc.c, xlogdesc.c).
var (
	ended     = regexp.MustCompile(`desc: (?:COMMIT|ABORT|COMMIT_PREPARED|ABORT_PREPARED) .*?` + dumpTime)
	committed = regexp.MustCompile(`lsn: ([0-9A-F]+/[0-9A-F]+), .*desc: COMMIT(?:_PREPARED)? `)
	began     = regexp.MustCompile(`desc: END_OF_RECOVERY .*?time ` + dumpTime)
)

const dumpTime = `(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) UTC`

// SegmentMoments has pg_waldump read one segment, as far as there are whole records. A segment that
// holds none has no moments.
func SegmentMoments(ctx context.Context, h host.Host, in Installation, path string) (Moments, error) {
	ctx, cancel := context.WithTimeout(ctx, waldumpTimeout)
	defer cancel()
	var found Moments
	for _, only := range []string{"--limit=1", "--rmgr=Transaction", "--rmgr=XLOG"} {
		// Its exit status says that the last record goes on in the next segment, or that nothing is one.
		said, err := h.Run(ctx, host.Command{
			Argv: []string{in.Program("pg_waldump"), only, path}, Env: []string{"TZ=UTC", "LC_ALL=C"},
		})
		if err != nil && ctx.Err() != nil {
			return found, context.Cause(ctx)
		}
		found.take(string(said.Stdout))
	}
	return found, nil
}

func (m *Moments) take(output string) {
	for line := range strings.Lines(output) {
		m.Readable = m.Readable || strings.HasPrefix(line, "rmgr: ")
		if at, ok := dumped(ended, line); ok && at.After(m.Commit) {
			m.Commit = at
		}
		if match := committed.FindStringSubmatch(line); match != nil {
			if at, err := wal.ParseLSN(match[1]); err == nil {
				m.Commits = append(m.Commits, at)
			}
		}
		if at, ok := dumped(began, line); ok {
			m.Began = at
		}
	}
}

func dumped(what *regexp.Regexp, line string) (time.Time, bool) {
	match := what.FindStringSubmatch(line)
	if match == nil {
		return time.Time{}, false
	}
	at, err := time.Parse("2006-01-02 15:04:05.999999", match[1])
	return at, err == nil
}
