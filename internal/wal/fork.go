package wal

import (
	"cmp"
	"fmt"
	"slices"
)

// Fork is the timeline a recovery began for itself, and where it left the one before.
type Fork struct {
	Timeline uint32
	From     Switch
}

func (f Fork) String() string {
	return fmt.Sprintf("timeline %d, from timeline %d at %s", f.Timeline, f.From.Timeline, f.From.At)
}

// Traces are what appeared in an archive on the timeline of a fork: its own, or those of
// somebody else who began a timeline of the same number meanwhile.
type Traces struct {
	Fork     Fork
	History  bool    // the timeline has a history file now
	New      bool    // and had none before
	Segments []Entry // new ones, in order
	Grown    []Entry // new ones of any timeline, as they came: a cluster that lives brings them

	size uint64
}

// Since compares two listings of one archive.
func (f Fork) Since(before, after Archive) Traces {
	t := Traces{Fork: f, size: after.SegmentSize}
	_, t.History = after.Histories[f.Timeline]
	_, had := before.Histories[f.Timeline]
	t.New = t.History && !had
	for segment, entries := range after.Entries {
		for _, entry := range entries {
			known := func(old Entry) bool { return old.Checksum == entry.Checksum }
			if slices.ContainsFunc(before.Entries[segment], known) {
				continue
			}
			t.Grown = append(t.Grown, entry)
			if segment.Timeline == f.Timeline {
				t.Segments = append(t.Segments, entry)
			}
		}
	}
	slices.SortFunc(t.Grown, func(a, b Entry) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Name+a.Checksum, b.Name+b.Checksum))
	})
	slices.SortFunc(t.Segments, func(a, b Entry) int { return cmp.Compare(a.Name+a.Checksum, b.Name+b.Checksum) })
	return t
}

// None says that nothing appeared on the timeline of the fork.
func (t Traces) None() bool { return !t.New && len(t.Segments) == 0 }

// Own names what is the fork's own, given the timeline's history as the archive has it (nil
// where there is none); "" when all of it is somebody else's. The switch point tells them
// apart: a timeline of the same number that left at another place is another timeline, and
// has no segment from before that place.
func (t Traces) Own(history []Switch) string {
	if t.None() {
		return ""
	}
	if n := len(history); n > 0 && history[n-1] != t.Fork.From {
		for _, s := range t.Segments {
			if s.Number < uint64(history[n-1].At)/t.size {
				return s.Name
			}
		}
		return ""
	}
	if len(history) > 0 {
		return HistoryName(t.Fork.Timeline)
	}
	return t.Segments[0].Name
}
