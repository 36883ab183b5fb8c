// Package wal knows the names and numbers of the write-ahead log: LSNs, segment
// file names, timeline history files, and what a whole archive looks like.
package wal

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// DefaultSegmentSize is PostgreSQL's, in bytes, unless initdb was told otherwise.
const DefaultSegmentSize = 16 << 20

// LSN is a byte position in the write-ahead log.
type LSN uint64

// ParseLSN reads PostgreSQL's form, two hexadecimal numbers: 0/7000028.
func ParseLSN(text string) (LSN, error) {
	high, low, found := strings.Cut(text, "/")
	if !found {
		return 0, fmt.Errorf("LSN %q: want the form 0/7000028", text)
	}
	h, errHigh := strconv.ParseUint(high, 16, 32)
	l, errLow := strconv.ParseUint(low, 16, 32)
	if errHigh != nil || errLow != nil {
		return 0, fmt.Errorf("LSN %q: want the form 0/7000028", text)
	}
	return LSN(h<<32 | l), nil
}

// Last is the number of the segment that holds the last byte before a position: at a border, the one that ends there
// (XLByteToPrevSeg).
func (l LSN) Last(size uint64) uint64 { return uint64(max(l, 1)-1) / size }

func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint64(l)>>32, uint64(l)&0xFFFFFFFF) }

// Segment is one WAL file: a timeline and the count of segments before it.
type Segment struct {
	Timeline uint32
	Number   uint64
}

// compare is how the names of two segments compare.
func (s Segment) compare(other Segment) int {
	return cmp.Or(cmp.Compare(s.Timeline, other.Timeline), cmp.Compare(s.Number, other.Number))
}

// segmentName is a whole segment's name: .partial and .backup files are none.
var segmentName = regexp.MustCompile(`^[0-9A-F]{24}$`)

// IsSegment says whether a file name is that of a whole segment.
func IsSegment(name string) bool { return segmentName.MatchString(name) }

// TimelineOf is the timeline of a whole segment's name, whatever the segment size; false for any other name.
func TimelineOf(name string) (timeline uint32, ok bool) {
	if !IsSegment(name) {
		return 0, false
	}
	n, _ := strconv.ParseUint(name[:8], 16, 32)
	return uint32(n), true
}

// ParseSegment reads a WAL file name, 24 hexadecimal digits; size is the
// cluster's segment size in bytes.
func ParseSegment(name string, size uint64) (Segment, error) {
	if !segmentName.MatchString(name) {
		return Segment{}, fmt.Errorf("WAL segment %q: want 24 hexadecimal digits", name)
	}
	if !ValidSegmentSize(size) {
		return Segment{}, fmt.Errorf("WAL segment size %d: want a power of two from 1 MB to 1 GB", size)
	}
	timeline, id, last := nameParts(name)
	perID := (uint64(1) << 32) / size
	if last >= perID {
		return Segment{}, fmt.Errorf("WAL segment %q: its last part is beyond segments of %d bytes", name, size)
	}
	return Segment{Timeline: uint32(timeline), Number: id*perID + last}, nil
}

// nameParts are the three numbers of a segment's name: its timeline, its 4 GB, and the segment in these.
func nameParts(name string) (timeline, id, last uint64) {
	part := func(from int) uint64 { n, _ := strconv.ParseUint(name[from:from+8], 16, 32); return n }
	return part(0), part(8), part(16)
}

// Name is the file name of s.
func (s Segment) Name(size uint64) string {
	perID := (uint64(1) << 32) / size
	return fmt.Sprintf("%08X%08X%08X", s.Timeline, s.Number/perID, s.Number%perID)
}

// Start is the position of the first byte of s.
func (s Segment) Start(size uint64) LSN { return LSN(s.Number * size) }

// ValidSegmentSize says whether size, in bytes, is one initdb --wal-segsize can make.
func ValidSegmentSize(size uint64) bool {
	return size >= 1<<20 && size <= 1<<30 && size&(size-1) == 0
}
