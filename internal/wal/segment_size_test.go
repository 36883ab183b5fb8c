package wal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSegmentSizes(t *testing.T) {
	for name, c := range map[string]struct {
		position LSN
		name     string
		want     []uint64
	}{
		"PostgreSQL's own":   {0x2000028, "000000010000000000000002", []uint64{16 << 20}},
		"of 1 MB":            {0x2000028, "000000010000000000000020", []uint64{1 << 20}},
		"the first of 4 GB":  {0x110000028, "000000010000000100000000", []uint64{512 << 20, 1 << 30}},
		"the second of 4 GB": {0x150000028, "000000010000000100000001", []uint64{1 << 30}},
		"in another 4 GB":    {0x28, "000000010000000100000000", nil},
		"no name":            {0x2000028, "nonsense", nil},
		"the first is of any one": {
			0x100F00028, "000000010000000100000000", []uint64{
				16 << 20, 32 << 20, 64 << 20, 128 << 20, 256 << 20, 512 << 20, 1 << 30,
			},
		},
	} {
		assert.Equal(t, c.want, SegmentSizes(c.position, c.name), name)
	}
}

// The names of the archive decide between sizes that the positions allow, and never for one they do not.
func TestLikelySegmentSize(t *testing.T) {
	of := func(size uint64, first, last uint64) (list []File) {
		for number := first; number <= last; number++ {
			list = append(list, File{Path: Segment{1, number}.Name(size) + "-" + strings.Repeat("0", 40)})
		}
		return list
	}
	large := []uint64{512 << 20, 1 << 30}
	wide := []uint64{16 << 20, 32 << 20, 512 << 20, 1 << 30}
	for name, c := range map[string]struct {
		sizes []uint64
		files []File
		want  uint64
	}{
		"it goes on with the next 4 GB":        {large, of(1<<30, 4, 9), 1 << 30},
		"so far beyond the larger one":         {large, of(512<<20, 8, 13), 512 << 20},
		"the smaller one goes on":              {large, of(512<<20, 8, 17), 512 << 20},
		"nothing tells them apart":             {large, of(1<<30, 4, 6), 512 << 20},
		"nothing is archived":                  {large, nil, 512 << 20},
		"PostgreSQL's own goes first":          {wide, of(16<<20, 256, 258), 16 << 20},
		"PostgreSQL's own goes on":             {wide, of(16<<20, 256, 520), 16 << 20},
		"PostgreSQL's own is one, and refuted": {wide, of(1<<30, 4, 9), 1 << 30},
		"a broken archive says nothing": {
			large, append(of(16<<20, 256, 300), of(16<<20, 512, 512)...), 512 << 20,
		},
		"there is but one": {[]uint64{1 << 30}, of(16<<20, 256, 300), 1 << 30},
	} {
		assert.Equal(t, c.want, LikelySegmentSize(c.sizes, c.files), name)
	}
}
