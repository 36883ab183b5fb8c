package evidence

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// killAt ends the next writer at a place, as a kill would: nothing of it runs on.
func killAt(t *testing.T, dir, place string, key ed25519.PrivateKey) {
	t.Helper()
	defer func() { killed = func(string) {} }()
	killed = func(at string) {
		if at == place {
			panic("killed")
		}
	}
	assert.Panics(t, func() { add(t, dir, begin.Add(10*week), key) })
}

func verified(t *testing.T, dir string, key ed25519.PrivateKey) []Finding {
	t.Helper()
	l, err := Read(dir)
	require.NoError(t, err)
	return l.Verify([]ed25519.PublicKey{publicOf(key)})
}

func content(t testing.TB, dir, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return text
}

func put(t testing.TB, dir, name string, text []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
}

// What a writer left that was killed is told as such, and the next one finishes it; the killed run's entry counts
// where its envelope was whole.
func TestAppend_FinishesWhatAKillLeft(t *testing.T) {
	key := keyOf("drill")
	for place, want := range map[string]struct {
		finding string
		entries int
	}{
		"envelope": {".unfinished: a run was killed while it wrote its entry; the next run removes it", 5},
		"rename":   {".unfinished: a run was killed while it wrote its entry; the next run removes it", 5},
		"line":     {"000005.dsse.json is not named by the ledger: the line of the last entry was removed, or", 6},
	} {
		dir := chain(t, 3, key)
		add(t, dir, begin.Add(3*week), key)
		killAt(t, dir, place, key)
		found := verified(t, dir, key)
		require.Len(t, found, 1, place)
		assert.Contains(t, found[0].Text, want.finding)

		a := add(t, dir, begin.Add(11*week), key)
		assert.Len(t, a.Repairs, 1)
		assert.Equal(t, found, a.Before.Findings)
		assert.Equal(t, want.entries, a.Seq)
		assert.Empty(t, verified(t, dir, key), place)
	}
}

// A line of which the disk has a part only, at every byte: with its beginning, and with room for it and no bytes.
func TestAppend_FinishesALineThatWasCut(t *testing.T) {
	key := keyOf("drill")
	dir := chain(t, 2, key)
	whole := content(t, dir, LedgerName)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for cut := last; cut < len(whole); cut++ {
		for _, zeros := range []int{0, len(whole) - cut} {
			put(t, dir, LedgerName, append(bytes.Clone(whole[:cut]), make([]byte, zeros)...))
			assert.NotEmpty(t, verified(t, dir, key))
			w, err := openWriter(dir)
			require.NoError(t, err)
			require.NoError(t, w.repair(key))
			require.NoError(t, w.ledger.Close())
			require.Equal(t, string(whole), string(content(t, dir, LedgerName)))
			assert.Equal(t, 2, w.seq)
		}
	}
	assert.Empty(t, verified(t, dir, key))
}

// Lines that somebody removed, and whose envelopes are there, come back to the letter.
func TestAppend_BringsRemovedLinesBack(t *testing.T) {
	key := keyOf("drill")
	dir := chain(t, 5, key)
	whole := content(t, dir, LedgerName)
	first := bytes.IndexByte(whole, '\n') + 1
	for _, left := range [][]byte{whole[:first], nil} {
		put(t, dir, LedgerName, left)
		assert.NotEmpty(t, verified(t, dir, key))
	}
	a := add(t, dir, begin.Add(10*week), key)
	assert.Len(t, a.Repairs, 6)
	assert.Equal(t, string(whole), string(content(t, dir, LedgerName)[:len(whole)]))
	assert.Empty(t, verified(t, dir, key))
}

// What no killed writer leaves is not continued: whatever was done to it stays to be seen.
func TestAppend_RefusesWhatNoKillLeaves(t *testing.T) {
	key, other := keyOf("drill"), keyOf("other")
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		want  string
	}{
		"a last line that was changed": {
			func(t *testing.T, dir string) {
				t.Helper()
				put(t, dir, LedgerName, bytes.Replace(content(t, dir, LedgerName), []byte("}\n"), []byte(" }\n"), -1))
			}, "its last line cannot be continued",
		},
		"garbage at the end": {
			func(t *testing.T, dir string) {
				t.Helper()
				put(t, dir, LedgerName, append(content(t, dir, LedgerName), "garbage"...))
			}, "there is no envelope it could be of",
		},
		"a cut line of another entry": {
			func(t *testing.T, dir string) {
				t.Helper()
				killAt(t, dir, "line", key)
				put(t, dir, LedgerName, append(content(t, dir, LedgerName), `{"seq":4`...))
			}, "it is not that of 000003.dsse.json",
		},
		"an envelope of another key": {
			func(t *testing.T, dir string) { t.Helper(); killAt(t, dir, "line", other) }, "is signed by another key",
		},
		"an envelope that is not signed": {
			func(t *testing.T, dir string) { t.Helper(); killAt(t, dir, "line", nil) }, "it is not signed",
		},
		"an envelope from before": {
			func(t *testing.T, dir string) {
				t.Helper()
				put(t, dir, FileName(3), content(t, dir, FileName(2)))
			}, "it does not continue the last line",
		},
		"a ledger that is a link": {
			func(t *testing.T, dir string) {
				t.Helper()
				require.NoError(t, os.Rename(filepath.Join(dir, LedgerName), filepath.Join(dir, "elsewhere")))
				require.NoError(t, os.Symlink("elsewhere", filepath.Join(dir, LedgerName)))
			}, "too many levels of symbolic links",
		},
	} {
		dir := chain(t, 2, key)
		c.spoil(t, dir)
		before := content(t, dir, LedgerName)
		_, err := Append(dir, begin.Add(10*week), key, func(p Place) (Statement, error) { return drilled(p), nil })
		require.ErrorContains(t, err, c.want, name)
		assert.Contains(t, err.Error(), dir)
		assert.Equal(t, string(before), string(content(t, dir, LedgerName)), name)
		assert.NotEmpty(t, verified(t, dir, key), name)
	}
}

func TestAppend_ManyAtOnce(t *testing.T) {
	key := keyOf("drill")
	dir := chain(t, 1, key)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := Append(dir, begin.Add(week), key, func(p Place) (Statement, error) { return drilled(p), nil })
			assert.NoError(t, err)
			l, err := Read(dir) // beside writers: never broken
			assert.NoError(t, err)
			assert.Empty(t, l.Findings)
		})
	}
	all.Wait()
	l, err := Read(dir)
	require.NoError(t, err)
	assert.Len(t, l.Entries, 9)
	assert.Empty(t, l.Verify([]ed25519.PublicKey{publicOf(key)}))
}

func TestAppend_DoesNotWaitForeverForTheLock(t *testing.T) {
	defer func(before time.Duration) { lockWait = before }(lockWait)
	lockWait = 30 * time.Millisecond
	dir := chain(t, 1, nil)
	f, err := os.Open(filepath.Join(dir, LedgerName))
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	_, err = Append(dir, begin.Add(week), nil, func(p Place) (Statement, error) { return drilled(p), nil })
	require.ErrorContains(t, err, "another one that writes")
	_, err = Read(dir)
	require.ErrorContains(t, err, "another one that writes")
}

func TestAppend_ToADirectoryThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gone")
	_, err := Append(dir, begin, nil, func(p Place) (Statement, error) { return drilled(p), nil })
	require.ErrorContains(t, err, dir)
	assert.NoDirExists(t, dir)
}

func TestAppend_ToALedgerThatIsAPipe(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, LedgerName), 0o600))
	_, err := Append(dir, begin, nil, func(p Place) (Statement, error) { return drilled(p), nil })
	require.ErrorContains(t, err, "is not a file")
	_, err = Read(dir)
	require.ErrorContains(t, err, "is not a file")
}
