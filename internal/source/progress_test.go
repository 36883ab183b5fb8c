package source

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What pgBackRest 2.45 says of a backup, with and without bundles, read as it comes: in any pieces.
func TestOnPercent(t *testing.T) {
	const log = "P00   INFO: backup command begin 2.45\n" +
		"P01 DETAIL: backup file /x/data/base/5/16384 (9.8MB, 12.50%) checksum 0123\n" +
		"P02 DETAIL: backup file /x/a (1KB, 3.00%) b/base/5/1 (bundle 1/8192, 616KB, 50.25%) checksum 0123\n" +
		"P01 DETAIL: backup file /x/empty (0B, 50.25%)\n" +
		"P01 DETAIL: backup file /x/odd (1KB, 999.00%)\n" +
		"P00   INFO: full backup size = 9.8MB, file total = 3\n" +
		"P01 DETAIL: backup file /x/last (8KB, 100.00%) checksum 0123"
	want := []float64{12.5, 50.25, 50.25}
	for _, reader := range []io.Reader{
		strings.NewReader(log), iotest.OneByteReader(strings.NewReader(log)), iotest.HalfReader(strings.NewReader(log)),
	} {
		var heard []float64
		_, err := io.Copy(onPercent(func(p float64) { heard = append(heard, p) }), reader)
		require.NoError(t, err)
		assert.Equal(t, want, heard, "the last line has not ended")
	}
}

// No text keeps it from reading on, or tells more than all.
func FuzzOnPercent(f *testing.F) {
	f.Add("P01 DETAIL: backup file /x (1KB, 1.00%)\n")
	f.Fuzz(func(t *testing.T, text string) {
		w := onPercent(func(p float64) { assert.True(t, p >= 0 && p <= 100) })
		n, err := w.Write([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, len(text), n)
	})
}
