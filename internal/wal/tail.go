package wal

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"veza.fr/recovery/internal/reason"
)

// Tail is what was archived of a superseded timeline after everything of the newest one. An old
// primary that comes back brings what it had not archived yet, and an idle new one archives nothing
// meanwhile. A second cluster that lives on looks the same in a listing; only what stands in the
// segments tells them apart: a commit from after the switch.
type Tail struct {
	Timeline  uint32
	Successor uint32    // the timeline that superseded it
	Target    uint32    // the newest one
	At        LSN       // where
	Began     time.Time // when the successor's history was archived: it began before
	Newest    time.Time // when the newest timeline archived something last, its history at the least
	Entries   []Entry   // the late ones, by their number
	none      bool      // the newest timeline has no segment yet
	whole     bool      // no segment is missing from the switch to its end
	Beside    bool      // the newest timeline has archived something since, but not for long
}

// lately is how long ago a superseded timeline may have archived something last, seen from the newest one, for two
// clusters to be at work: archive_timeout is seldom more.
const lately = time.Hour

// besideTail is what a superseded timeline archived beside the newest one, after the first segment of that. Two
// clusters that both archive every minute look like that whenever the newest timeline's segment is the younger one.
// Where the timeline was left is known: else its commits tell nothing.
func (a Archive) besideTail(
	timeline uint32, r route, target uint32, tail []Entry, newest time.Time,
) (t Tail, beside bool) {
	if _, onRoute := r.end(timeline); !onRoute || a.none(target) {
		return t, false
	}
	t = a.lateTail(timeline, r, target, tail, a.oldest(target))
	t.Newest, t.Beside = newest, true
	return t, len(t.Entries) > 0 && newest.Sub(t.Youngest().Time) <= lately
}

// soon is how late a tail may be when nobody can look into it. An archiver that failed tries again
// within a minute.
const soon = 15 * time.Minute

// lateTail is what came late of a timeline's tail.
func (a Archive) lateTail(timeline uint32, r route, target uint32, tail []Entry, newest time.Time) Tail {
	left, onRoute := r.end(timeline)
	t := Tail{
		Timeline: timeline, Successor: target, Target: target, At: left.At, Newest: newest, none: a.none(target),
		whole: onRoute,
	}
	for i, s := range r.switches {
		if s.Timeline == timeline && i+1 < len(r.switches) {
			t.Successor = r.switches[i+1].Timeline
		}
	}
	t.Began = a.Histories[t.Successor]
	last := uint64(0)
	for _, entry := range tail {
		last = max(last, entry.Number)
		if entry.Time.After(newest) {
			t.Entries = append(t.Entries, entry)
		}
	}
	for number := uint64(left.At) / a.SegmentSize; t.whole && number <= last; number++ {
		t.whole = len(a.Entries[Segment{Timeline: timeline, Number: number}]) > 0
	}
	slices.SortFunc(t.Entries, func(x, y Entry) int { return cmp.Compare(x.Number, y.Number) })
	return t
}

// String is what an operator should see of a tail that is no second cluster.
func (t Tail) String() string {
	if t.none {
		return fmt.Sprintf("timeline %d has %d segments at and beyond its switch to timeline %d: an old primary's "+
			"tail, %s", t.Timeline, len(t.Entries), t.Successor, readOf(t.none, t.Target))
	}
	if t.Beside {
		return fmt.Sprintf("timeline %d has %d segments that came beside those of timeline %d: an old primary's tail, "+
			"not read", t.Timeline, len(t.Entries), t.Target)
	}
	return fmt.Sprintf("timeline %d has %d segments that came after the newest of timeline %d: an old primary's tail "+
		"that came late, %s", t.Timeline, len(t.Entries), t.Target, readOf(t.none, t.Target))
}

// readOf says whether recovery reads a tail. PostgreSQL asks for a segment by every timeline of its history, the newest
// first, wherever the others were left (XLogFileReadAnyTLI): as long as the newest has none, it gets the old one's.
func readOf(none bool, target uint32) string {
	if none {
		return fmt.Sprintf("which recovery goes through as long as timeline %d has archived nothing", target)
	}
	return "not read"
}

// none says that a timeline has no segment.
func (a Archive) none(timeline uint32) bool {
	for segment := range a.Entries {
		if segment.Timeline == timeline {
			return false
		}
	}
	return true
}

// Youngest is the one that was archived last.
func (t Tail) Youngest() (youngest Entry) {
	for _, entry := range t.Entries {
		if entry.Time.After(youngest.Time) {
			youngest = entry
		}
	}
	return youngest
}

// Ended says whether a tail that came beside the newest timeline grows no more: a second cluster of that time, as after
// a failover that took a while to shut the old primary out, is no finding of now.
func (t Tail) Ended(now time.Time) bool { return now.Sub(t.Youngest().Time) > lately }

// WentOn is what to know of a tail with a commit from after the switch where no second cluster is at work, or where
// somebody restores all the same.
func (t Tail) WentOn(commit time.Time) string {
	return fmt.Sprintf("timeline %d went on beside timeline %d until %s, two clusters for a while: what was committed "+
		"there from the switch on does not come back", t.Timeline, t.Successor, commit.UTC().Format(time.RFC3339))
}

// Soon says whether the tail came so soon after the newest timeline that it is one when nobody can
// look into it.
func (t Tail) Soon() bool { return t.Youngest().Time.Sub(t.Newest) <= soon }

// Primary is the error of a tail that the primary itself is on, by the segment it archived last; "" is
// not known.
func (t Tail) Primary(archived string) error {
	if timeline, ok := TimelineOf(archived); ok && timeline == t.Timeline {
		return t.Grows("; the primary is on it, and a restore would not follow it")
	}
	return nil
}

// Primary is the error of a segment that the primary archived last where the chain does not go: on a timeline that was
// left, beyond the segment it was left in, or on one that is no ancestor. A restore would follow somebody else. Up to
// that segment the primary may have archived it itself, before the failover.
func (c Chain) Primary(last Segment, size uint64) error {
	if last.Timeline >= c.Target {
		return nil
	}
	known := c.Switches
	if len(c.History) > 0 {
		known = c.History
	}
	left := slices.IndexFunc(known, func(s Switch) bool { return s.Timeline == last.Timeline })
	switch begins := c.begins(); {
	case left >= 0 && last.Number <= known[left].At.Last(size):
		return nil
	case left < 0 && (len(c.History) == 0 || last.Timeline < c.History[0].Timeline) &&
		last.Timeline < begins.Timeline && last.Number <= begins.Number: // left before the backup: where is not known
		return nil
	}
	return reason.Errorf(reason.TimelineConflict, "the primary archived %s last, and a restore would not follow it "+
		"there (%s): two clusters archive into one stanza", last.Name(size), c.Route())
}

// begins is the chain's first segment on the timeline it begins on.
func (c Chain) begins() Segment {
	begins := Segment{Timeline: c.Target}
	if len(c.Switches) > 0 {
		begins.Timeline = c.Switches[0].Timeline
	}
	if len(c.Entries) > 0 {
		begins.Number = c.Entries[0].Number
	}
	return begins
}

// Grows is the error of a second cluster; why says how that is known, "" by the listing.
func (t Tail) Grows(why string) error {
	youngest := t.Youngest()
	return reason.Errorf(reason.TimelineConflict,
		"timeline %d still grows (%s, archived %s) although timeline %d superseded it: two clusters "+
			"archive into one stanza%s", t.Timeline, youngest.Name, youngest.Time.UTC().Format("2006-01-02 15:04:05Z"),
		t.Successor, why)
}
