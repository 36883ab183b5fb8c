package wal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseSegment_CountsOverTheEndOf4GB(t *testing.T) {
	for _, c := range []struct {
		name   string
		size   uint64
		number uint64
	}{
		{"000000010000000000000001", 16 << 20, 1},
		{"0000000100000000000000FF", 16 << 20, 255},
		{"000000010000000100000000", 16 << 20, 256},
		{"000000010000000100000003", 1 << 30, 7},
		{"000000010000000000000FFF", 1 << 20, 4095},
	} {
		segment, err := ParseSegment(c.name, c.size)
		require.NoError(t, err, c.name)
		assert.Equal(t, Segment{Timeline: 1, Number: c.number}, segment)
		assert.Equal(t, c.name, segment.Name(c.size))
	}
}

func TestParseSegment_RefusesWhatIsNoWholeSegment(t *testing.T) {
	for _, name := range []string{
		"", "00000001000000000000000", "00000001000000000000000g", "00000001000000000000000a",
		"000000010000000000000001.partial", "000000010000000000000002.00000028.backup", "00000002.history",
		"000000010000000000000100", // beyond the last segment of 16 MB in 4 GB
	} {
		_, err := ParseSegment(name, DefaultSegmentSize)
		assert.Error(t, err, name)
	}
	_, err := ParseSegment("000000010000000000000001", 3)
	assert.ErrorContains(t, err, "segment size")
}

func TestParseLSN_RoundTripsPostgreSQLsForm(t *testing.T) {
	lsn, err := ParseLSN("16/B374D848")
	require.NoError(t, err)
	assert.Equal(t, LSN(0x16B374D848), lsn)
	assert.Equal(t, "16/B374D848", lsn.String())
	for _, bad := range []string{"", "0", "/", "x/1", "1/100000000", "0/-1"} {
		_, err := ParseLSN(bad)
		assert.Error(t, err, bad)
	}
}

func FuzzParseSegment(f *testing.F) {
	f.Add("00000001000000000000000A", uint64(DefaultSegmentSize))
	f.Fuzz(func(t *testing.T, name string, size uint64) {
		segment, err := ParseSegment(name, size)
		if err == nil {
			assert.Equal(t, name, segment.Name(size))
		}
	})
}
