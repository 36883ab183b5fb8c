package wal

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// What appears on the timeline the sandbox began is the sandbox's, unless a history file
// with another switch point explains it.
func TestFork(t *testing.T) {
	const sum, other = "-0123456789abcdef0123456789abcdef01234567.zst", "-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.zst"
	fork := Fork{Timeline: 2, From: Switch{Timeline: 1, At: 0x7000028}}
	own, elsewhere := []Switch{{1, 0x7000028}}, []Switch{{1, 0x8000060}}
	for _, c := range []struct {
		name          string
		before, after []string
		history       []Switch
		want          string
	}{
		{
			"nothing new",
			[]string{"a/000000010000000000000007" + sum},
			[]string{"a/000000010000000000000007" + sum},
			nil, "",
		},
		{"production goes on", nil, []string{"a/000000010000000000000008" + sum}, nil, ""},
		{"a later timeline", nil, []string{"00000003.history", "a/000000030000000000000008" + sum}, nil, ""},
		{"its history", nil, []string{"00000002.history"}, own, "00000002.history"},
		{
			"its history and a segment", nil,
			[]string{"00000002.history", "a/000000020000000000000007" + sum},
			own,
			"00000002.history",
		},
		{"a segment alone", nil, []string{"a/000000020000000000000007" + sum}, nil, "000000020000000000000007"},
		{
			"the same segment with other contents",
			[]string{"a/000000020000000000000007" + sum},
			[]string{"a/000000020000000000000007" + sum, "a/000000020000000000000007" + other},
			nil,
			"000000020000000000000007",
		},
		{
			"production was promoted", nil,
			[]string{"00000002.history", "a/000000020000000000000008" + sum},
			elsewhere, "",
		},
		{
			"production was promoted from another parent", nil,
			[]string{"00000002.history"},
			[]Switch{{3, 0x7000028}},
			"",
		},
		{
			"and a segment from before its switch", nil,
			[]string{"00000002.history", "a/000000020000000000000007" + sum, "a/000000020000000000000008" + sum},
			elsewhere, "000000020000000000000007",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			traces := fork.Since(listed(c.before), listed(c.after))
			assert.Equal(t, c.history != nil, traces.History)
			assert.Equal(t, c.want, traces.Own(c.history))
		})
	}
	assert.Equal(t, "timeline 2, from timeline 1 at 0/7000028", fork.String())
}

// What a cluster brings that lives on any timeline is told, in the order it came; what was there before is not.
func TestFork_Grown(t *testing.T) {
	before := files(listing(1, 0, 2, 3), historyFile(2, 2))
	after := NewArchive(files(before, listing(1, 9, 4), listing(3, 7, 4), listing(2, 8, 4)), size)
	traces := Fork{Timeline: 3, From: Switch{Timeline: 1, At: 0x4000028}}.Since(NewArchive(before, size), after)
	var names []string
	for _, entry := range traces.Grown {
		names = append(names, entry.Name)
	}
	assert.Equal(t, []string{"000000030000000000000004", "000000020000000000000004", "000000010000000000000004"}, names)
	assert.Len(t, traces.Segments, 1)
	assert.Empty(t, Fork{Timeline: 3}.Since(after, after).Grown)
}

// listed is an archive of files.
func listed(paths []string) Archive {
	var files []File
	for _, path := range paths {
		files = append(files, File{Path: path, Size: 1})
	}
	return NewArchive(files, DefaultSegmentSize)
}
