package policy

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noise is what an encrypted object looks like.
func noise(size int) []byte {
	content := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(content) // never fails
	return append([]byte("Salted__"), content...)
}

// What is encrypted has no trace; what anybody can read has one, which is named.
func TestInspect(t *testing.T) {
	late := noise(chunk)
	for _, c := range []struct {
		name    string
		content []byte
		says    string
	}{
		{"Encrypted", noise(100), ""},
		{"LargeAndEncrypted", noise(5 * chunk), ""},
		{"MagicInTheMiddle", append(noise(100), 0x28, 0xb5, 0x2f, 0xfd), ""},
		{"Zstd", append([]byte{0x28, 0xb5, 0x2f, 0xfd}, noise(9)...), "a zstd file"},
		{"Gzip", []byte{0x1f, 0x8b, 8, 0}, "a gzip file"},
		{"LZ4", []byte{4, 0x22, 0x4d, 0x18}, "a lz4 file"},
		{"Bzip2", []byte("BZh91AY"), "a bzip2 file"},
		{"Plain", []byte("hello"), "does not begin as an encrypted file"},
		{"Empty", nil, "it is empty"},
		{"InfoFile", append(noise(50), "[backrest]"...), `"[backrest]"`},
		{"Marker", append(noise(50), "user1@example.org"...), `"@example.org"`},
		{"MarkerAcrossChunks", append(late[:chunk-5:chunk-5], "x@example.org and more"...), `"@example.org"`},
		{"MarkerAtTheEnd", append(noise(3*chunk+11), "@example.org"...), `"@example.org"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			findings, n, err := Inspect("object", bytes.NewReader(c.content), []string{"@example.org"})
			require.NoError(t, err)
			assert.EqualValues(t, len(c.content), n)
			if c.says == "" {
				assert.Empty(t, findings)
				return
			}
			require.Len(t, findings, 1, "%q", findings)
			assert.True(t, strings.HasPrefix(findings[0], "object: "), findings[0])
			assert.Contains(t, findings[0], c.says)
		})
	}
}

// bundle is an object that pgBackRest may encrypt without its mark.
const bundle = "backup/veza/20261201-041025F_20261201-041038D/bundle/1"

// Bundles of a differential backup with repo1-block=y that pgBackRest 2.55.1 (zst) and 2.60 wrote, with a cipher and
// without one.
func TestInspect_Unmarked(t *testing.T) {
	for kind, says := range map[string]string{
		"zst": "a zstd file", "lz4": "a lz4 file", "bz2": "a bzip2 file", "gz": "a zlib file",
	} {
		for _, name := range []string{kind, kind + "-plain"} {
			content, err := os.ReadFile("testdata/block/" + name)
			require.NoError(t, err)
			findings, _, err := Inspect(bundle, bytes.NewReader(content), nil)
			require.NoError(t, err)
			if name == kind {
				assert.Empty(t, findings, name)
				continue
			}
			require.Len(t, findings, 1, name)
			assert.Contains(t, findings[0], says, name)
		}
	}
}

// Without the mark an object of a set is encrypted where it looks like it; anything else must have the mark.
func TestInspect_UnmarkedNames(t *testing.T) {
	random := func(size int) []byte { return noise(size)[len("Salted__"):] }
	page := append(make([]byte, 4096), random(4096)...) // of a file that is not packed
	const set = "backup/veza/20261201-041025F/"
	for _, c := range []struct {
		name    string
		content []byte
		says    string
	}{
		{bundle, random(24), ""},
		{bundle, random(64 << 10), ""},
		{bundle, random(16), "does not begin as an encrypted file"},
		{bundle, random(3001), ""}, // a full disk cut it
		{bundle, []byte("abcdefghijklmnopqrstuvwxyz 12345"), "does not begin as an encrypted file"},
		{set + "bundle/12", random(3000), ""},
		{set + "pg_data/base/5/16384.pgbi", random(3000), ""},
		{bundle, append([]byte{0x78, 0x9c}, random(64 << 10)[2:]...), ""}, // a salt, by chance
		{bundle, nil, "it is empty"},
		{bundle, []byte("15\n and what else stands in a small file"), "does not begin as an encrypted file"},
		{bundle, page, "does not begin as an encrypted file"},
		{set + "pg_data/base/5/16384.pgbi", page, "does not begin as an encrypted file"},
		{bundle, append(random(3000), "[backrest]"...), `"[backrest]"`},
		{set + "pg_data/base/5/16384.zst", random(3000), "does not begin as an encrypted file"},
		{set + "backup.manifest", random(3000), "does not begin as an encrypted file"},
		{"backup/veza/bundle/1", random(3000), "does not begin as an encrypted file"},
		{"archive/veza/15-1/0000000100000000/000000010000000000000001", random(3000), "does not begin as"},
	} {
		findings, _, err := Inspect(c.name, bytes.NewReader(c.content), nil)
		require.NoError(t, err)
		if c.says == "" {
			assert.Empty(t, findings, c.name)
			continue
		}
		require.Len(t, findings, 1, c.name)
		assert.Contains(t, findings[0], c.says, c.name)
	}
}

// Encrypted bytes never look uneven, however few of them there are.
func TestEven(t *testing.T) {
	random := rand.NewChaCha8([32]byte{2})
	for _, size := range []int{24, 56, 104, 1000, 64 << 10} {
		content := make([]byte, size)
		for range 200 {
			_, _ = random.Read(content) // never fails
			assert.True(t, even(content), "%d bytes", size)
		}
		assert.False(t, even(append(content, bytes.Repeat([]byte{0}, 16+size/80*8)...)), "%d bytes", size)
	}
}

// What cannot be read is an error, not an object without traces; slow readers change nothing.
func TestInspect_Readers(t *testing.T) {
	gone := errors.New("gone")
	_, _, err := Inspect("object", io.MultiReader(bytes.NewReader(noise(chunk)), iotest.ErrReader(gone)), nil)
	require.ErrorIs(t, err, gone)
	findings, _, err := Inspect("object", iotest.OneByteReader(bytes.NewReader(append(noise(20), "PG_VERSION"...))),
		nil)
	require.NoError(t, err)
	assert.Len(t, findings, 1)
}

// A marker is found wherever it stands.
func FuzzInspect(f *testing.F) {
	f.Add([]byte("before"), []byte("after"))
	f.Add(noise(chunk-3), []byte{})
	f.Fuzz(func(t *testing.T, before, after []byte) {
		content := append(append(append([]byte("Salted__"), before...), "the marker"...), after...)
		findings, n, err := Inspect("object", bytes.NewReader(content), []string{"the marker"})
		if err != nil || n != int64(len(content)) || len(findings) == 0 {
			t.Errorf("%q: %d bytes, %q, %v", content, n, findings, err)
		}
	})
}
