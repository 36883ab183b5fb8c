package wal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
)

// Start is where recovery from a backup begins and what it needs at the least.
type Start struct {
	First Segment // the segment that holds the backup's start
	Stop  Segment // the segment that holds its stop: without it the backup cannot be restored
	At    LSN     // the backup's stop position; 0 where `info` gives none
	// Whole says that the backup needs no segment: it was taken of a stopped server, and First and
	// Stop are that of its checkpoint.
	Whole bool
	// Own are the segments that the backup holds itself, and since when: restore puts them into pg_wal, and recovery
	// takes from there what the archive does not give.
	Own map[Segment]time.Time
}

// Chain is a whole archive from a backup's start to its end.
type Chain struct {
	Entries  []Entry  // in the order recovery reads them
	Switches []Switch // the timeline switches on the way
	History  []Switch // those before the backup, too; nil where the newest timeline has no history file
	Target   uint32   // the timeline recovery ends on
	Notes    []string // what an operator should see, and no fault
	Late     []Tail   // what came of superseded timelines after the newest one: a tail, or a second cluster
}

// Last is the remembered end: recovery must get beyond its first byte. It is no segment where nothing
// is archived behind a backup that needs none.
func (c Chain) Last() Entry {
	if len(c.Entries) == 0 {
		return Entry{}
	}
	return c.Entries[len(c.Entries)-1]
}

// Before is the chain without its youngest end: what stands before the last switch, and
// what was archived on the last timeline before a moment.
func (c Chain) Before(moment time.Time, segmentSize uint64) Chain {
	if len(c.Switches) == 0 {
		return c
	}
	end := uint64(c.Switches[len(c.Switches)-1].At) / segmentSize
	keep := min(1, len(c.Entries))
	for i, entry := range c.Entries {
		if entry.Number < end || entry.Timeline == c.Target && entry.Time.Before(moment) {
			keep = i + 1
		}
	}
	c.Entries = c.Entries[:keep]
	return c
}

// Route says which timelines are followed: "timeline 1 -> 2 at 0/7000028".
func (c Chain) Route() string {
	if len(c.Switches) == 0 {
		return fmt.Sprintf("timeline %d", c.Target)
	}
	var route strings.Builder
	fmt.Fprintf(&route, "timeline %d", c.Switches[0].Timeline)
	for i, s := range c.Switches {
		next := c.Target
		if i+1 < len(c.Switches) {
			next = c.Switches[i+1].Timeline
		}
		fmt.Fprintf(&route, " -> %d at %s", next, s.At)
	}
	return route.String()
}

// Hole is a missing segment with later ones after it.
type Hole struct {
	Missing string    // its name
	Next    string    // the next one that is there
	Since   time.Time // when the next one was archived
}

func (h *Hole) Error() string {
	return fmt.Sprintf("WAL segment %s is missing from the archive, although %s is there: recovery would end before it",
		h.Missing, h.Next)
}

// Lack is a segment that the archive does not give, missing or not usable.
type Lack struct {
	Number uint64
	Err    error
}

func (l *Lack) Error() string { return l.Err.Error() }

// Unwrap gives the error that has the reason.
func (l *Lack) Unwrap() error { return l.Err }

// Follow proves that the archive is whole from a backup's start on, over every
// timeline switch, and finds its end. history is the content of the newest
// timeline's history file, nil when the backup's own timeline is the newest.
//
// Errors carry the reason wal_missing, wal_corrupt or timeline_conflict; a hole is a *Hole, and whatever is about one
// segment is a *Lack. What comes before a segment that is missing or cannot be read is in the chain all the same.
func (a Archive) Follow(start Start, history []Switch) (Chain, error) {
	chain := Chain{Target: a.Newest(start.First.Timeline), History: history}
	path, err := a.path(start, chain.Target, history)
	if err != nil {
		return chain, err
	}
	chain.Switches = path.switchesFrom(start.First.Timeline)
	var own []string
	if chain.Entries, own, err = a.walk(start, path); err != nil {
		return chain, err
	}
	chain.Notes, chain.Late, err = a.offPath(path, chain.Target)
	chain.Notes = append(chain.Notes, a.copies(chain.Entries)...)
	if len(own) > 0 {
		chain.Notes = append(chain.Notes, fmt.Sprintf("the archive does not give %s: the backup holds it itself "+
			"(archive-copy=y), and recovery takes that; from an older backup it ends there", strings.Join(own, ", ")))
	}
	return chain, err
}

// walk collects the segments one by one until there is no next one. own are the names of those that only the backup
// itself has.
func (a Archive) walk(start Start, route route) (chain []Entry, own []string, err error) {
	number := start.First.Number
	for ; ; number++ {
		entry, found, err := a.at(number, route)
		if copied, has := a.ownCopy(number, start, route); has && !found {
			entry, found, err = copied, true, nil
			own = append(own, copied.Name)
		}
		if err != nil {
			return chain, own, &Lack{number, err}
		}
		if !found {
			break
		}
		if hole := a.unswitched(entry, route); hole != nil {
			return chain, own, &Lack{number, &reason.Error{Reason: reason.WALMissing, Err: hole}}
		}
		chain = append(chain, entry)
	}
	missing := Segment{Timeline: route.timelines(number, a.SegmentSize)[0], Number: number}.Name(a.SegmentSize)
	if next, ok := a.after(number, route); ok {
		hole := &Hole{Missing: missing, Next: next.Name, Since: next.Time}
		return chain, own, &Lack{number, &reason.Error{Reason: reason.WALMissing, Err: hole}}
	}
	if number <= start.Stop.Number && !start.Whole {
		return nil, nil, &Lack{number, reason.Errorf(reason.WALMissing,
			"WAL segment %s is missing from the archive: the backup itself needs everything up to %s", missing,
			start.Stop.Name(a.SegmentSize))}
	}
	return chain, own, a.lostEnd(chain)
}

// unswitched is the hole where a timeline was left and only the old one's segment of the switch is there, although the
// new one has later ones: a promotion makes that segment anew (XLogInitNewTimeline), and the old one's has none of the
// records behind the switch. Until the new timeline has archived something, the old one's is the end.
func (a Archive) unswitched(entry Entry, route route) *Hole {
	newest := route.timelines(entry.Number, a.SegmentSize)[0]
	if entry.Timeline == newest {
		return nil
	}
	next, ok := a.after(entry.Number, route)
	if !ok {
		return nil
	}
	missing := Segment{Timeline: newest, Number: entry.Number}
	return &Hole{Missing: missing.Name(a.SegmentSize), Next: next.Name, Since: next.Time}
}

// lostEnd is a chain that ends with segments which the backup alone has. A backup ends once its last segment is
// archived (archive-check, without which there is no archive-copy), so an archive that ends before has lost that, and
// nobody knows what else behind it.
func (a Archive) lostEnd(chain []Entry) error {
	from := len(chain)
	for from > 0 && len(a.Entries[chain[from-1].Segment]) == 0 {
		from--
	}
	if from == len(chain) {
		return nil
	}
	return &Lack{chain[from].Number, reason.Errorf(reason.WALMissing,
		"WAL segment %s is missing from the archive, and nothing is archived behind it: the backup holds it itself "+
			"(archive-copy=y), but a backup ends once its last segment is archived, so the archive has lost its end",
		chain[from].Name)}
}

// ownCopy is the backup's own copy of a segment.
func (a Archive) ownCopy(number uint64, start Start, route route) (Entry, bool) {
	for _, timeline := range route.timelines(number, a.SegmentSize) {
		segment := Segment{Timeline: timeline, Number: number}
		if since, has := start.Own[segment]; has {
			return Entry{Segment: segment, Name: segment.Name(a.SegmentSize), Time: since}, true
		}
	}
	return Entry{}, false
}

// at finds the segment of a number on the route. PostgreSQL tries the newest
// timeline that may hold it first (XLogFileReadAnyTLI), and so do we.
func (a Archive) at(number uint64, route route) (Entry, bool, error) {
	for _, timeline := range route.timelines(number, a.SegmentSize) {
		entries := a.Entries[Segment{Timeline: timeline, Number: number}]
		if len(entries) == 0 {
			continue
		}
		other := func(e Entry) bool { return e.Checksum != entries[0].Checksum }
		if slices.ContainsFunc(entries, other) { // pgBackRest gives none of them (duplicates found)
			return Entry{}, false, reason.Errorf(reason.WALCorrupt, "WAL segment %s is in the archive %d times with "+
				"different contents", entries[0].Name, len(entries))
		}
		if slices.ContainsFunc(entries, func(e Entry) bool { return e.Size == 0 }) {
			return Entry{}, false, reason.Errorf(reason.WALCorrupt, "WAL segment %s has zero length in the archive",
				entries[0].Name)
		}
		return entries[0], true, nil
	}
	return Entry{}, false, nil
}

// copies says which segments are there more than once with one content: nodes that push them with another compress-type
// each give one content several names. archive-get counts contents and gives it, archive-push and backup count names.
func (a Archive) copies(chain []Entry) []string {
	var names []string
	for _, entry := range chain {
		if len(a.Entries[entry.Segment]) > 1 {
			names = append(names, entry.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d WAL segments are in the archive more than once with the same content, compressed "+
		"differently, the last is %s: a restore reads them, but archive-push and backup refuse one that they meet "+
		"(duplicates found); remove all but one, and give every node that pushes the same compress-type", len(names),
		names[len(names)-1])}
}

// after finds the first segment on the route beyond a number.
func (a Archive) after(number uint64, route route) (Entry, bool) {
	var first *Entry
	for segment, entries := range a.Entries {
		if segment.Number <= number ||
			!slices.Contains(route.timelines(segment.Number, a.SegmentSize), segment.Timeline) {
			continue
		}
		if first == nil || segment.Number < first.Number {
			first = &entries[0]
		}
	}
	if first == nil {
		return Entry{}, false
	}
	return *first, true
}
