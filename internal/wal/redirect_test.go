package wal

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testPage = 8192

// segmentWith is a segment of two pages with one record of a tablespace at a place.
func segmentWith(place int, oid uint32, location string) []byte {
	segment := make([]byte, 2*testPage)
	binary.LittleEndian.PutUint32(segment[longPageHeader-4:], testPage)
	record := make([]byte, recordHeader+2)
	record[recordHeader], record[recordHeader+1] = 0xFF, byte(4+len(location)+1)
	record = append(binary.LittleEndian.AppendUint32(record, oid), location+"\x00"...)
	binary.LittleEndian.PutUint32(record, uint32(len(record)))
	binary.LittleEndian.PutUint32(record[crcAt:], checksum(record))
	places, _ := recordBytes(segment, uint64(place), testPage, len(record))
	for i, p := range places {
		segment[p] = record[i]
	}
	return segment
}

// The record that is meant is changed, and no other byte; what is not that record is left alone.
func TestInPlace(t *testing.T) {
	const at, location = LSN(7*2*testPage + 3000), "/srv/fast"
	for name, place := range map[string]int{
		"in a page": 3000, "over two pages": testPage - 30, "its header over two pages": testPage - 8,
		"at a page's end": testPage,
	} {
		segment := segmentWith(place, 16400, location)
		before := append([]byte{}, segment...)
		require.NoError(t, InPlace(segment, at-3000+LSN(place), 16400, location), name)
		changed := 0
		for i := range segment {
			if segment[i] != before[i] {
				changed++
			}
		}
		assert.LessOrEqual(t, changed, 5, "%s: a byte and a checksum", name)
		assert.Positive(t, changed, name)
		assert.Error(t, InPlace(segment, at-3000+LSN(place), 16400, location), "%s: it is in place now", name)
		require.Error(t, AtLocation(segment, at-3000+LSN(place), 16401, location), "%s: another tablespace", name)
		require.NoError(t, AtLocation(segment, at-3000+LSN(place), 16400, location), name)
		assert.Equal(t, before, segment, name)
		require.Error(t, AtLocation(segment, at-3000+LSN(place), 16400, location), "%s: it was undone", name)
	}
	for words, harm := range map[string]func([]byte) ([]byte, LSN, string){
		"is damaged": func(s []byte) ([]byte, LSN, string) {
			s[3000+recordHeader+7] ^= 1
			return s, at, location
		},
		"does not create":         func(s []byte) ([]byte, LSN, string) { return s, at, "/srv/slow" },
		"none of a tablespace":    func(s []byte) ([]byte, LSN, string) { return s, at + 4000, location },
		"no segment":              func([]byte) ([]byte, LSN, string) { return nil, at, location },
		"pages of 0 bytes":        func(s []byte) ([]byte, LSN, string) { return make([]byte, len(s)), at, location },
		"goes on in the next one": nil,
	} {
		if harm == nil {
			short := segmentWith(3000, 16400, location)[:testPage]
			assert.ErrorContains(t, InPlace(short, LSN(testPage-8), 16400, location), "next segment")
			continue
		}
		segment, position, place := harm(segmentWith(3000, 16400, location))
		assert.ErrorContains(t, InPlace(segment, position, 16400, place), words)
	}
}
