package integrity

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
)

// sealed encrypts as openssl enc does, which is what pgBackRest reads and writes.
func sealed(t testing.TB, text []byte, pass string) []byte {
	t.Helper()
	salt := []byte("saltsalt")
	var material, round []byte
	for len(material) < 48 {
		sum := sha1.Sum(append(append(append([]byte{}, round...), pass...), salt...))
		round = sum[:]
		material = append(material, round...)
	}
	block, err := aes.NewCipher(material[:32])
	require.NoError(t, err)
	padding := aes.BlockSize - len(text)%aes.BlockSize
	text = append(bytes.Clone(text), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, material[32:48]).CryptBlocks(text, text)
	return append(append([]byte("Salted__"), salt...), text...)
}

// packed compresses.
func packed(t testing.TB, text []byte, compression string) []byte {
	t.Helper()
	var b bytes.Buffer
	var w interface {
		Write([]byte) (int, error)
		Close() error
	}
	switch compression {
	case "gz":
		w = gzip.NewWriter(&b)
	case "lz4":
		w = lz4.NewWriter(&b)
	case "zst":
		encoder, err := zstd.NewWriter(&b)
		require.NoError(t, err)
		w = encoder
	default:
		return text
	}
	_, err := w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.Bytes()
}

func sum(content []byte) string {
	s := sha1.Sum(content)
	return hex.EncodeToString(s[:])
}

// stored is a directory of objects.
func stored(t testing.TB, objects map[string][]byte) objectstore.Directory {
	t.Helper()
	root := t.TempDir()
	for name, content := range objects {
		at := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o700))
		require.NoError(t, os.WriteFile(at, content, 0o600))
	}
	return objectstore.Directory(root)
}
