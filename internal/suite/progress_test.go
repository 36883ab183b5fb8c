package suite

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgress_IsReadAsItWasWritten(t *testing.T) {
	for text, p := range map[string]Progress{
		"restored: 4096 of 8192 bytes":              {"restored", 4096, 8192, Bytes},
		"replayed: 3 segments":                      {"replayed", 3, 0, "segments"},
		"amcheck: 0 of 555 indexes and tables":      {"amcheck", 0, 555, "indexes and tables"},
		"full backup: 999999999999999999 WAL files": {"full backup", 999999999999999999, 0, "WAL files"},
	} {
		assert.Equal(t, text, p.String())
		read, ok := ParseProgress(text)
		assert.True(t, ok)
		assert.Equal(t, p, read)
	}
}

// More is done than anybody knew of: production archives on while the drill replays.
func TestProgress_IsNeverThreeOfTwo(t *testing.T) {
	assert.Equal(t, "replayed: 3 segments", Progress{"replayed", 3, 2, "segments"}.String())
	_, ok := ParseProgress("replayed: 3 of 2 segments")
	assert.False(t, ok)
}

func TestProgress_IsPublishedAsAnAttribute(t *testing.T) {
	said := &record{}
	NewOut(said).Progress(Progress{"restored", 1, 2, Bytes})
	assert.Equal(t, []string{"progress=restored: 1 of 2 bytes"}, said.attrs)
}

// Whatever a step calls its work, the line is one, printable, and read back.
func FuzzProgress(f *testing.F) {
	f.Add("restored", int64(1), int64(2), "bytes")
	f.Add("a: 1 of 2 b\n\x1b[31m", int64(-5), int64(-2), "of 3 tables")
	f.Fuzz(func(t *testing.T, what string, done, total int64, unit string) {
		text := Progress{what, done, total, unit}.String()
		assert.NotContains(t, text, "\n")
		assert.Equal(t, -1, strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", text)
		if p, ok := ParseProgress(text); ok {
			require.Equal(t, p, must(ParseProgress(p.String())))
			assert.GreaterOrEqual(t, p.Done, int64(0))
			assert.True(t, p.Total == 0 || p.Done <= p.Total)
		}
	})
}

func must(p Progress, _ bool) Progress { return p }
