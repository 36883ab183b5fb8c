package evidence

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMakeKey_WritesAPairThatOverwritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	public, err := MakeKey(path)
	require.NoError(t, err)
	for name, mode := range map[string]os.FileMode{path: 0o600, path + ".pub": 0o644} {
		info, failed := os.Stat(name)
		require.NoError(t, failed)
		assert.Equal(t, mode, info.Mode())
	}
	private, err := PrivateKey(path)
	require.NoError(t, err)
	read, err := PublicKeys(path + ".pub")
	require.NoError(t, err)
	assert.Equal(t, public, publicOf(private))
	assert.Equal(t, public, read[0])

	before := content(t, filepath.Dir(path), "key")
	_, err = MakeKey(path)
	require.ErrorContains(t, err, "is there already")
	require.NoError(t, os.Remove(path+".pub"))
	_, err = MakeKey(path)
	require.ErrorContains(t, err, "is there already")
	assert.Equal(t, before, content(t, filepath.Dir(path), "key"))
}

// What is no key, or another one, is refused with the sentence that helps; a secret is never in it.
func TestKeys_ThatAreNone(t *testing.T) {
	dir := t.TempDir()
	_, err := MakeKey(filepath.Join(dir, "key"))
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(curve)
	require.NoError(t, err)
	open, err := x509.MarshalPKIXPublicKey(curve.Public())
	require.NoError(t, err)
	put(t, dir, "curve", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	put(t, dir, "curve.pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open}))
	put(t, dir, "empty", nil)
	put(t, dir, "cut", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret[:20]}))
	for name, want := range map[string]string{
		"empty": "holds no private key", "key.pub": "holds no private key", "curve": "of another kind than ed25519",
		"cut": "cut", "gone": "no such file",
	} {
		_, err = PrivateKey(filepath.Join(dir, name))
		require.ErrorContains(t, err, want, name)
	}
	for name, want := range map[string]string{
		"empty": "holds no public key", "key": "name the public key", "curve.pub": "of another kind than ed25519",
		"gone": "no such file",
	} {
		_, err = PublicKeys(filepath.Join(dir, name))
		require.ErrorContains(t, err, want, name)
	}
}
