package realtest

import (
	"compress/gzip"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/reason"
)

// damaged is one segment in the middle of the archive, of a repository that packs its files or does not.
type damaged struct {
	plain bool
	spoil func(t *testing.T, file string)
	why   reason.Reason
}

var damages = map[string]damaged{
	"Hole":         {spoil: remove, why: reason.WALMissing},
	"Corrupt":      {spoil: flip, why: reason.WALCorrupt},
	"Empty":        {spoil: cut(0), why: reason.WALCorrupt},
	"Cut":          {spoil: cut(5000), why: reason.WALCorrupt},
	"PlainCorrupt": {plain: true, spoil: flip, why: reason.WALCorrupt},
	"PlainEmpty":   {plain: true, spoil: cut(0), why: reason.WALCorrupt},
	"PlainCut":     {plain: true, spoil: cut(1 << 20), why: reason.WALCorrupt},
}

// A damaged archive is found, and leaves nothing behind that somebody could take for whole. Who accepts the loss gets a
// cluster of all that came before it, which production can go on with.
func TestRestore_DamagedArchive(t *testing.T) {
	takesLong(t)
	for name, d := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := lost(t, plain)
			d.inject(n)
			o := n.restore()
			require.Equal(t, 1, o.Exit, o.Said)
			assert.Equal(t, d.why, o.Report.Reason, o.Said)
			n.moveAway()

			o = n.restore("-accept-loss")
			require.Equal(t, 0, o.Exit, o.Said)
			assert.Contains(t, strings.Join(o.Report.Notes, "\n"), "loss accepted (-accept-loss), "+string(d.why))
			n.handedOver(o)
			n.start()
			assert.Equal(t, n.rows[n.ends[1]], n.users(), "what the segments before it hold")
			n.archives()
		})
	}
}

// Where PostgreSQL itself never comes up, nobody starts what is left unawares, and a decision takes it up.
func TestRestore_DamagedArchiveTakenUp(t *testing.T) {
	takesLong(t)
	n := lost(t, plain)
	damages["PlainCut"].inject(n)
	o := n.restore()
	require.Equal(t, 1, o.Exit, o.Said)
	require.True(t, n.atStep(node.Recovering), o.Said)
	n.doesNotStart()

	o = n.restore("-resume", "-accept-loss")
	require.Equal(t, 0, o.Exit, o.Said)
	n.handedOver(o)
	n.start()
	assert.Equal(t, n.rows[n.ends[1]], n.users(), "what the segments before it hold")
	n.archives()
}

// moveAway moves what a failed restore left away, as it says.
func (n *machine) moveAway() {
	n.t.Helper()
	for _, path := range []string{n.data, n.data + ".veza-restore.json"} {
		if _, err := os.Lstat(path); err == nil {
			require.NoError(n.t, os.Rename(path, filepath.Join(n.dir, "spool", rand.Text())))
		}
	}
}

func (d damaged) inject(n *machine) {
	n.t.Helper()
	file, err := segmentFile(n.dir, n.ends[2])
	require.NoError(n.t, err)
	if d.plain {
		file = unpack(n.t, file)
	}
	d.spoil(n.t, file)
}

// unpack makes an archived file one of a repository with compress-type=none.
func unpack(t *testing.T, file string) string {
	t.Helper()
	packed, err := os.Open(file)
	require.NoError(t, err)
	defer packed.Close() //nolint:errcheck // only read
	reader, err := gzip.NewReader(packed)
	require.NoError(t, err)
	content, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.NoError(t, os.Remove(file))
	file = strings.TrimSuffix(file, ".gz")
	require.NoError(t, os.WriteFile(file, content, 0o640))
	require.NoError(t, give(file))
	return file
}

func remove(t *testing.T, file string) {
	t.Helper()
	require.NoError(t, os.Remove(file))
}

func cut(size int64) func(*testing.T, string) {
	return func(t *testing.T, file string) {
		t.Helper()
		require.NoError(t, os.Truncate(file, size))
	}
}

// flip changes bytes in the middle of what a file holds.
func flip(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	for i := range 64 {
		content[300+i] ^= 0x55
	}
	require.NoError(t, os.WriteFile(file, content, 0o640))
}
