package policy

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
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
