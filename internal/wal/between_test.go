package wal

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Names compare by their timeline first.
func TestBetween(t *testing.T) {
	archive := NewArchive(files(listing(1, 0, 2, 3, 4, 9), listing(2, 0, 3, 4, 5)), size)
	for name, c := range map[string]struct {
		after, before Segment
		want          []Segment
	}{
		"of one timeline": {Segment{1, 2}, Segment{1, 9}, []Segment{{1, 3}, {1, 4}}},
		"over two":        {Segment{1, 4}, Segment{2, 4}, []Segment{{1, 9}, {2, 3}}},
		"from the first":  {Segment{}, Segment{1, 4}, []Segment{{1, 2}, {1, 3}}},
		"nothing":         {Segment{1, 4}, Segment{1, 5}, nil},
	} {
		assert.ElementsMatch(t, c.want, archive.Between(c.after, c.before), name)
	}
}
