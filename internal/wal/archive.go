package wal

import (
	"path"
	"regexp"
	"slices"
	"time"
)

// File is one object of an archive listing, its path relative to the archive id (15-1).
type File struct {
	Path string
	Size int64 // bytes, as stored: compressed and encrypted
	Time time.Time
}

// Entry is one archived segment.
type Entry struct {
	Segment
	Name     string // 24 hexadecimal digits
	Checksum string // SHA-1 of the plain segment, from the object's name
	Size     int64  // bytes as stored
	Time     time.Time
}

// Archive is a listing, sorted out.
type Archive struct {
	SegmentSize uint64
	Entries     map[Segment][]Entry  // more than one: of different contents, or compressions
	Histories   map[uint32]time.Time // timelines that have a history file, and since when
}

// stored is how pgBackRest names an archived segment: the name, the SHA-1 of the
// content, and an extension for the compression (facts A4).
var stored = regexp.MustCompile(`^([0-9A-F]{24})-([0-9a-f]{40})(\.[a-z0-9]+)?$`)

// Stored is the segment that a file of an archive holds, by its name; false for any other file: one that is being
// written, or was left half written, is none.
func Stored(file string) (segment string, ok bool) {
	match := stored.FindStringSubmatch(path.Base(file))
	if match == nil {
		return "", false
	}
	return match[1], true
}

// NewArchive sorts a listing out. What is no whole segment and no history file
// (.partial, .backup, temporary files) is left aside.
func NewArchive(files []File, segmentSize uint64) Archive {
	archive := Archive{SegmentSize: segmentSize, Entries: map[Segment][]Entry{}, Histories: map[uint32]time.Time{}}
	for _, file := range files {
		base := path.Base(file.Path)
		if timeline, ok := ParseHistoryName(base); ok {
			archive.Histories[timeline] = file.Time
			continue
		}
		match := stored.FindStringSubmatch(base)
		if match == nil {
			continue
		}
		segment, err := ParseSegment(match[1], segmentSize)
		if err != nil {
			continue
		}
		archive.Entries[segment] = append(archive.Entries[segment],
			Entry{Segment: segment, Name: match[1], Checksum: match[2], Size: file.Size, Time: file.Time})
	}
	return archive
}

// Newest is the timeline PostgreSQL will choose when it recovers to `latest` from
// the given one: it asks for the history file of each next number and stops at
// the first that is not there (findNewestTimeLine in timeline.c).
func (a Archive) Newest(from uint32) uint32 {
	for {
		if _, ok := a.Histories[from+1]; !ok {
			return from
		}
		from++
	}
}

// Highest is the timeline with the highest number that has a history file, as pgbackrest restore takes
// the newest from 2.55 on (versions.RestoreChecksTimeline); 0 where none has.
func (a Archive) Highest() (highest uint32) {
	for timeline := range a.Histories {
		highest = max(highest, timeline)
	}
	return highest
}

// youngest is the time of the last segment archived on a timeline, or of its
// history file where it has no segment yet.
func (a Archive) youngest(timeline uint32) time.Time {
	newest, found := time.Time{}, false
	for segment, entries := range a.Entries {
		if segment.Timeline != timeline {
			continue
		}
		for _, entry := range entries {
			found = true
			if entry.Time.After(newest) {
				newest = entry.Time
			}
		}
	}
	if !found {
		return a.Histories[timeline]
	}
	return newest
}

// oldest is the time of the first segment archived on a timeline that has one.
func (a Archive) oldest(timeline uint32) (first time.Time) {
	for segment, entries := range a.Entries {
		for _, entry := range entries {
			if segment.Timeline == timeline && (first.IsZero() || entry.Time.Before(first)) {
				first = entry.Time
			}
		}
	}
	return first
}

// timelines are those that have at least one segment, in order.
func (a Archive) timelines() []uint32 {
	seen := map[uint32]bool{}
	var list []uint32
	for segment := range a.Entries {
		if !seen[segment.Timeline] {
			seen[segment.Timeline] = true
			list = append(list, segment.Timeline)
		}
	}
	slices.Sort(list)
	return list
}

// Count is how many segment numbers from first up to, not including, end are archived on any timeline.
func (a Archive) Count(first, end uint64) int {
	numbers := map[uint64]bool{}
	for segment := range a.Entries {
		if segment.Number >= first && segment.Number < end {
			numbers[segment.Number] = true
		}
	}
	return len(numbers)
}

// Between are the segments whose names lie between those of two, as pgBackRest's expire compares them: the timeline
// comes first. After a restore to an earlier point in place, the numbers of one timeline come again on the next.
func (a Archive) Between(after, before Segment) (list []Segment) {
	for segment := range a.Entries {
		if after.compare(segment) < 0 && segment.compare(before) < 0 {
			list = append(list, segment)
		}
	}
	return list
}

// Knows says whether something of a timeline is there.
func (a Archive) Knows(timeline uint32) bool {
	if _, history := a.Histories[timeline]; history {
		return true
	}
	for segment := range a.Entries {
		if segment.Timeline == timeline {
			return true
		}
	}
	return false
}
