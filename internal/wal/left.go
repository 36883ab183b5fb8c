package wal

import (
	"slices"
	"time"
)

// Left is a timeline that went on after the place where recovery leaves it: what it holds from there does not come
// back. As a rule that are the seconds of a failover. After a restore to a target that was too early it is the very
// data that a later target asks for.
type Left struct {
	Switch              // where recovery leaves it
	Successor uint32    // for which
	Began     time.Time // the successor, as far as the listing tells: it may have begun before
	Whole     time.Time // when the segment of the switch was archived, and the timeline went on; zero is not known
	Last      Entry     // the last one of the timeline
}

// LeftBefore is the timeline on which a moment lies for all that the listing tells, and that recovery over a chain has
// left by then; false is that there is none. A moment lies there if the timeline still archived after it, and its
// successor had archived nothing.
func (a Archive) LeftBefore(chain Chain, moment time.Time) (left Left, found bool) {
	for i, s := range chain.Switches {
		next := chain.Target
		if i+1 < len(chain.Switches) {
			next = chain.Switches[i+1].Timeline
		}
		left = Left{Switch: s, Successor: next, Began: a.began(next), Last: a.last(s)}
		at := uint64(s.At) / a.SegmentSize
		if left.Last.Number > at {
			left.Whole = a.firstTime(Segment{s.Timeline, at})
		}
		before := a.firstTime(Segment{s.Timeline, at - 1}) // what it holds was written before the switch
		if moment.Before(left.Began) && moment.After(before) && !left.Last.Time.Before(moment) {
			return left, true
		}
	}
	return Left{}, false
}

// HeldBeyond is the timeline that has a position, too, beyond the place where recovery over a chain has left it.
func (a Archive) HeldBeyond(chain Chain, at LSN) (left Left, found bool) {
	for i, s := range chain.Switches {
		left = Left{Switch: s, Successor: chain.Target, Last: a.last(s)}
		if i+1 < len(chain.Switches) {
			left.Successor = chain.Switches[i+1].Timeline
		}
		beyond := left.Last.Number > s.At.Last(a.SegmentSize) // its segment of the switch may end there
		if at > s.At && beyond && uint64(at)/a.SegmentSize <= left.Last.Number {
			return left, true
		}
	}
	return Left{}, false
}

// began is when a timeline archived something first: a second node may have pushed its history file once more.
func (a Archive) began(timeline uint32) time.Time {
	first := a.Histories[timeline]
	for segment, entries := range a.Entries {
		for _, entry := range entries {
			if segment.Timeline == timeline && entry.Time.Before(first) {
				first = entry.Time
			}
		}
	}
	return first
}

// last is the entry of the highest number from a switch on that the timeline which was left has.
func (a Archive) last(s Switch) (last Entry) {
	for segment, entries := range a.Entries {
		if segment.Timeline == s.Timeline && segment.Number >= max(uint64(s.At)/a.SegmentSize, last.Number) {
			last = entries[0]
		}
	}
	return last
}

// firstTime is when a segment was archived; zero where it is not there.
func (a Archive) firstTime(segment Segment) time.Time {
	entries := a.Entries[segment]
	if len(entries) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(entries, func(x, y Entry) int { return x.Time.Compare(y.Time) }).Time
}
