package wal

import (
	"path"
	"slices"
)

// SegmentSizes are the segment sizes, the smallest first, with which a position lies in the segment of that name, as
// `info` gives for a backup's start and stop: one, except in the first segment of every 4 GB.
func SegmentSizes(position LSN, name string) (sizes []uint64) {
	for size := uint64(1 << 20); size <= 1<<30; size <<= 1 {
		if segment, err := ParseSegment(name, size); err == nil && segment.Number == uint64(position)/size {
			sizes = append(sizes, size)
		}
	}
	return sizes
}

// LikelySegmentSize chooses among sizes, the smallest first, by the names in an archive. A name whose last part is
// beyond a size refutes it; where the names go on with the next 4 GB, the last one of those before must be there.
// Among what is left goes PostgreSQL's own, then the smallest.
func LikelySegmentSize(sizes []uint64, files []File) uint64 {
	type block struct{ timeline, number uint32 } // 4 GB of one timeline
	highest := map[block]uint64{}
	for _, file := range files {
		match := stored.FindStringSubmatch(path.Base(file.Path))
		if match == nil {
			continue
		}
		timeline, number, last := nameParts(match[1])
		of := block{uint32(timeline), uint32(number)} //nolint:gosec // eight digits each
		highest[of] = max(highest[of], last)
	}
	among := func(list []uint64, fits func(perBlock uint64, of block, last uint64) bool) []uint64 {
		left := slices.DeleteFunc(slices.Clone(list), func(size uint64) bool {
			for of, last := range highest {
				if !fits(1<<32/size, of, last) {
					return true
				}
			}
			return false
		})
		if len(left) == 0 { // the archive is broken, and says nothing of it
			return list
		}
		return left
	}
	sizes = among(sizes, func(perBlock uint64, _ block, last uint64) bool { return last < perBlock })
	sizes = among(sizes, func(perBlock uint64, of block, last uint64) bool {
		_, goesOn := highest[block{of.timeline, of.number + 1}]
		return !goesOn || last == perBlock-1
	})
	if slices.Contains(sizes, DefaultSegmentSize) {
		return DefaultSegmentSize
	}
	return sizes[0]
}
