package verify

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// sizesOf makes sizes of names and lengths.
func sizesOf(files map[string]int64) fileSizes {
	sizes := fileSizes{}
	for name, size := range files {
		sizes.add(name, size)
	}
	return sizes
}

// A missing, cut or torn file is named; what crashes and VACUUM leave is none.
func TestStoredRelation_Judge(t *testing.T) {
	const gigabyte, file = 1 << 30, "base/5/100"
	cut := layout{block: 8192, segment: gigabyte}
	table := storedRelation{name: "public.t", kind: "r", method: "heap", file: file, built: true}
	with := func(change func(*storedRelation)) storedRelation {
		r := table
		change(&r)
		return r
	}
	index := with(func(r *storedRelation) { r.kind, r.method = "i", "gin" })
	sequence := with(func(r *storedRelation) { r.kind = "S" })
	blank := with(func(r *storedRelation) { r.kind, r.blank = "S", true })
	building := with(func(r *storedRelation) { r.kind, r.built = "i", false })
	type files map[string]int64
	for name, c := range map[string]struct {
		relation storedRelation
		files    files
		words    string // of a finding
		note     string
	}{
		"whole":                       {table, files{file: 16384, file + "_vm": 8192}, "", ""},
		"a sequence without its mark": {blank, files{file: 8192}, file + " is not one of a sequence", ""},
		"empty":                       {table, files{file: 0}, "", ""},
		"missing":                     {table, files{file + "0": 8192, file + "_vm": 8192}, file + " is missing", ""},
		"missing, of an index":        {index, nil, file + " is missing", ""},
		"half a page":                 {table, files{file: 8192 + 100}, "has 8292 bytes", ""},
		"half a page of a map":        {table, files{file: 8192, file + "_vm": 7}, file + "_vm has 7", ""},
		"three gigabytes":             {table, files{file: gigabyte, file + ".1": gigabyte, file + ".2": 8192}, "", ""},
		"the one in the middle is missing": {
			table, files{file: gigabyte, file + ".2": 8192}, file + ".1 is missing, and " + file + ".2 is there", "",
		},
		"the first is cut": {
			table, files{file: 8192, file + ".1": 8192}, file + " has 8192 bytes, not 1073741824", "",
		},
		"VACUUM made it shorter":       {table, files{file: 8192, file + ".1": 0, file + ".2": 0}, "", ""},
		"whole, and the next is begun": {table, files{file: gigabyte, file + ".1": 0}, "", ""},
		"shorter than the catalog remembers": {
			with(func(r *storedRelation) { r.pages = 59 }), files{file: 8192}, "", "has 1 pages, and had 59",
		},
		"unlogged, and emptied": {
			with(func(r *storedRelation) { r.pages, r.unlogged = 59, true }), files{file: 0}, "", "",
		},
		"an empty index":       {index, files{file: 0}, "is empty", ""},
		"an index being built": {building, files{file: 0}, "", ""},
		"an empty sequence":    {sequence, files{file: 0}, "a sequence has one", ""},
	} {
		found, note := c.relation.judge(sizesOf(c.files), cut)
		if c.words == "" {
			assert.Nil(t, found, name)
		} else if assert.NotNil(t, found, name) {
			assert.Contains(t, found.Sentence, c.words, name)
			want := reason.PageChecksum
			if c.relation.kind == "i" {
				want = reason.IndexCorrupt
			}
			assert.Equal(t, want, found.Reason, name)
		}
		if c.note == "" {
			assert.Empty(t, note, name)
		} else {
			assert.Contains(t, note, c.note, name)
		}
	}
}

func TestDirectories_AreListedOnce(t *testing.T) {
	require.Equal(t, []string{"base/5", "pg_tblspc/7/PG_15/5"}, directories([]storedRelation{
		{file: "base/5/1"}, {file: "base/5/2"}, {file: "pg_tblspc/7/PG_15/5/3"},
	}))
}
