package wal

import (
	"fmt"
	"slices"

	"veza.fr/recovery/internal/reason"
)

// route is the ancestry of the newest timeline: which timeline holds which segment.
type route struct {
	switches []Switch // oldest first
	target   uint32   // the timeline after the last switch
}

// timelines that may hold a segment of this number, newest first. At a switch
// point the segment may stand on the old timeline, the new one, or both.
func (r route) timelines(number, size uint64) []uint32 {
	var list []uint32
	begin := uint64(0)
	for _, s := range r.switches {
		end := uint64(s.At) / size
		if number >= begin && number <= end {
			list = append(list, s.Timeline)
		}
		begin = end
	}
	if number >= begin {
		list = append(list, r.target)
	}
	slices.Reverse(list)
	return list
}

// end is the switch that ended a timeline of the route.
func (r route) end(timeline uint32) (Switch, bool) {
	for _, s := range r.switches {
		if s.Timeline == timeline {
			return s, true
		}
	}
	return Switch{}, false
}

func (r route) switchesFrom(timeline uint32) []Switch {
	for i, s := range r.switches {
		if s.Timeline == timeline {
			return r.switches[i:]
		}
	}
	return nil
}

// path makes the route and checks that the backup lies on it: PostgreSQL says
// "requested timeline is not a child of this server's history" otherwise (facts A7).
func (a Archive) path(start Start, target uint32, history []Switch) (route, error) {
	r := route{switches: history, target: target}
	if target == start.First.Timeline {
		return r, nil
	}
	if n := len(history); n > 0 && history[n-1].Timeline >= target {
		return r, reason.Errorf(reason.TimelineConflict, "%s names timeline %d as an ancestor of timeline %d",
			HistoryName(target), history[n-1].Timeline, target)
	}
	left, ok := r.end(start.First.Timeline)
	if !ok {
		return r, reason.Errorf(reason.TimelineConflict,
			"the backup is on timeline %d, which is no ancestor of the newest timeline %d in the archive",
			start.First.Timeline, target)
	}
	if start.At > left.At || start.Stop.Number > uint64(left.At)/a.SegmentSize {
		return r, reason.Errorf(reason.TimelineConflict,
			"the backup ends at %s on timeline %d, but the newest timeline %d forked off at %s, before it: two "+
				"clusters archive into one stanza",
			start.At, start.First.Timeline, target, left.At)
	}
	return r, nil
}

// offPath looks at what recovery will not read. Segments of a superseded timeline at or
// beyond its switch point are an old primary's tail. Where they are younger than all of the newest
// timeline, or came beside its own just now, they are late, or a second cluster still archives: see Tail.
func (a Archive) offPath(r route, target uint32) (notes []string, late []Tail, err error) {
	newest := a.youngest(target)
	for _, timeline := range a.timelines() {
		if timeline == target {
			continue
		}
		if timeline > target {
			return nil, nil, reason.Errorf(reason.WALMissing,
				"the archive holds segments of timeline %d, but recovery stops at timeline %d: %s is missing",
				timeline, target, HistoryName(target+1))
		}
		tail, youngest := a.tail(timeline, r)
		if len(tail) > 0 && youngest.Time.After(newest) {
			found := a.lateTail(timeline, r, target, tail, newest)
			if !found.whole {
				return nil, nil, found.Grows("")
			}
			late = append(late, found)
		} else if found, beside := a.besideTail(timeline, r, target, tail, newest); beside {
			late = append(late, found)
			continue // it has a line of its own
		}
		if beyond := a.beyond(tail, r); beyond > 0 {
			notes = append(notes, fmt.Sprintf(
				"timeline %d has %d segments beyond the switch to timeline %d: an old primary's tail, %s",
				timeline, beyond, target, readOf(a.none(target), target)))
		}
	}
	return notes, late, nil
}

// tail is what a timeline has at and beyond the place where the route left it.
func (a Archive) tail(timeline uint32, r route) (tail []Entry, youngest Entry) {
	left, onRoute := r.end(timeline)
	for segment, entries := range a.Entries {
		if segment.Timeline != timeline || onRoute && segment.Number < uint64(left.At)/a.SegmentSize {
			continue
		}
		for _, entry := range entries {
			tail = append(tail, entry)
			if entry.Time.After(youngest.Time) {
				youngest = entry
			}
		}
	}
	return tail, youngest
}

// beyond counts the entries of a tail that lie strictly after the switch point.
func (a Archive) beyond(tail []Entry, r route) int {
	count := 0
	for _, entry := range tail {
		if left, onRoute := r.end(entry.Timeline); onRoute && entry.Number > left.At.Last(a.SegmentSize) {
			count++
		}
	}
	return count
}
