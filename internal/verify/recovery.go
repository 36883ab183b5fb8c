// Package verify is what is asked of a restored cluster before it is believed:
// that recovery reached the end of the archive, that it is cut off from production,
// that the data is there, and how much would have been lost.
package verify

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/target"
	"veza.fr/recovery/internal/wal"
)

// Recovery is what was expected of a recovery and what it reached.
type Recovery struct {
	Chain       wal.Chain
	SegmentSize uint64
	Target      target.Target
	Replayed    wal.LSN // pg_last_wal_replay_lsn() of the promoted cluster
	Timeline    uint32  // the timeline it was on when it ended
	Log         postgres.Log
}

// Complete proves that recovery reached what it should. PostgreSQL takes any error
// of restore_command for the end of the archive and comes up without the rest
// (facts B1), so being up proves nothing.
func (r Recovery) Complete() error {
	if r.Target.Kind != "" {
		return r.targetReached()
	}
	last := r.Chain.Last() // of no segment it is the first byte there is
	// Strictly greater: with the last segment unread it is exactly its first byte.
	if r.Replayed <= last.Start(r.SegmentSize) {
		return r.incomplete("recovery ended at %s, in or before segment %s, and the archive goes on to %s", r.Replayed,
			r.segment(), last.Name)
	}
	if r.Timeline < r.Chain.Target {
		return r.incomplete("recovery ended on timeline %d, but the archive ends on timeline %d",
			r.Timeline, r.Chain.Target)
	}
	return r.checkLog()
}

// Tail are the segments that recovery read beyond the place where their timeline was left, and that place: an old
// primary's tail, read because no timeline after it had archived anything (XLogFileReadAnyTLI). What is left out of a
// target's way on an older timeline is none.
func (r Recovery) Tail() (left wal.Switch, names []string) {
	var read []wal.Segment
	for _, name := range r.Log.Restored {
		if segment, err := wal.ParseSegment(name, r.SegmentSize); err == nil {
			read = append(read, segment)
		}
	}
	if len(read) == 0 || r.Timeline < r.Chain.Target {
		return left, nil
	}
	on := read[len(read)-1].Timeline
	i := slices.IndexFunc(r.Chain.Switches, func(s wal.Switch) bool { return s.Timeline == on })
	if i < 0 || r.Replayed <= r.Chain.Switches[i].At {
		return left, nil
	}
	left = r.Chain.Switches[i]
	for _, segment := range read {
		if segment.Timeline == on && segment.Number >= uint64(left.At)/r.SegmentSize {
			names = append(names, segment.Name(r.SegmentSize))
		}
	}
	return left, names
}

// segment is the name of the one that holds the end of recovery.
func (r Recovery) segment() string {
	return wal.Segment{Timeline: r.Timeline, Number: uint64(r.Replayed) / r.SegmentSize}.Name(r.SegmentSize)
}

// incomplete gives a recovery that ended too soon the reason its log knows.
func (r Recovery) incomplete(format string, args ...any) error {
	why := reason.RecoveryIncomplete
	if cause := r.Log.Cause(); cause != nil {
		why, _ = reason.Of(cause)
		return reason.Errorf(why, format+": %w", append(args, cause)...)
	}
	return reason.Errorf(why, format, args...)
}

// checkLog refuses an end that looks right although archive-get failed on the way, or
// while a record of an archived segment could not be read.
func (r Recovery) checkLog() error {
	if len(r.Log.Archive) > 0 {
		return r.Log.Cause()
	}
	if lines := r.Log.DamageRead(r.SegmentSize); len(lines) > 0 {
		return reason.Errorf(reason.WALCorrupt, "recovery ended at %s in the middle of the archived segment %s: %s",
			r.Replayed, r.segment(), lines[len(lines)-1])
	}
	return nil
}

var (
	stoppedAtTime = regexp.MustCompile(`time (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?[+-]\d\d(?::\d\d)?)`)
	stoppedAtLSN  = regexp.MustCompile(`"([0-9A-F]+/[0-9A-F]+)"`)
)

// targetReached asks the log for the line that says recovery stopped at the target.
func (r Recovery) targetReached() error {
	line := r.Log.Stopping
	switch {
	case line == "":
		return r.incomplete("recovery ended at %s without reaching the target %s", r.Replayed, r.Target)
	case r.Target.Kind == target.Name && !strings.Contains(line, `"`+r.Target.Name+`"`):
		return r.incomplete("recovery stopped elsewhere than at the target %s: %s", r.Target, line)
	case r.Target.Kind == target.LSN && !lsnReached(line, r.Target.LSN):
		return r.incomplete("recovery stopped before the target %s: %s", r.Target, line)
	case r.Target.Kind == target.Time && !timeReached(line, r.Target.Time):
		return r.incomplete("recovery stopped before the target %s: %s", r.Target, line)
	}
	return r.checkLog()
}

func lsnReached(line, target string) bool {
	match := stoppedAtLSN.FindStringSubmatch(line)
	if match == nil {
		return false
	}
	at, errAt := wal.ParseLSN(match[1])
	want, errWant := wal.ParseLSN(target)
	return errAt == nil && errWant == nil && at >= want
}

func timeReached(line string, target time.Time) bool {
	at, ok := stoppedTime(line)
	return ok && !at.Before(target)
}
