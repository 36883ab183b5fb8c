package postgres

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Both outputs of pg_checksums 15 --progress in one: what is bad is found between the lines on its progress.
const checked = `  0/52 MB (0%) computed
pg_checksums: error: checksum verification failed in file "/d/global/1", block 7: ` +
	`calculated checksum D6 but block contains 0
 23/52 MB (44%) computed
pg_checksums: error: could not read block 3 in file "/d/base/5/16385.1": read 100 of 8192
 52/52 MB (100%) computed
Checksum operation completed
Files scanned:   1237
Blocks scanned:  6694
Bad checksums:  1
Data checksum version: 1
`

func TestParseChecksums(t *testing.T) {
	assert.Equal(t, Checksums{Blocks: 6694, Bad: []string{
		"global/1, block 7: calculated checksum D6 but block contains 0",
		"base/5/16385.1, block 3: it cannot be read: read 100 of 8192",
	}}, ParseChecksums(checked, "/d"))
}

func TestOnProgress(t *testing.T) {
	var told [][2]int64
	w := onProgress(func(done, total int64) { told = append(told, [2]int64{done, total}) })
	for _, text := range []string{" 23/52 MB (44%) computed\n", "Checksum operation completed\n", "52/", checked} {
		n, err := w.Write([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, len(text), n)
	}
	assert.Equal(t, [][2]int64{{23 << 20, 52 << 20}, {0, 52 << 20}}, told)
	_, err := onProgress(nil).Write([]byte(checked))
	require.NoError(t, err)
}
