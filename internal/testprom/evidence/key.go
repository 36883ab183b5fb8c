package evidence

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// Modes of the files of a key.
const (
	privateMode = 0o600
	publicMode  = 0o644
)

// MakeKey writes a new ed25519 key: the private one to path (PKCS #8, PEM, mode 0600), the public one to path.pub
// (PKIX, PEM). It overwrites neither.
func MakeKey(path string) (ed25519.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	open, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	if _, err = os.Lstat(path + ".pub"); err == nil {
		return nil, fmt.Errorf("%s.pub is there already: name another file", path)
	}
	if err = create(path, privateMode, "PRIVATE KEY", secret); err != nil {
		return nil, err
	}
	return public, create(path+".pub", publicMode, "PUBLIC KEY", open)
}

func create(path string, mode os.FileMode, kind string, der []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: name another file", path)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err = f.Chmod(mode); err != nil { // whatever the umask
		return err
	}
	if _, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})); err != nil {
		return err
	}
	return f.Sync()
}

// PrivateKey reads an ed25519 key as MakeKey or `openssl genpkey -algorithm ed25519` writes it.
func PrivateKey(path string) (ed25519.PrivateKey, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%s holds no private key in PEM (PKCS #8): `evidence key FILE` makes one", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a key of another kind than ed25519: `evidence key FILE` makes one", path)
	}
	return private, nil
}

// PublicKeys reads one or several ed25519 keys in PEM: where a key was replaced, the old and the new one.
func PublicKeys(path string) (keys []ed25519.PublicKey, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("%s holds a %s: name the public key, FILE.pub of `evidence key FILE`", path,
				block.Type)
		}
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		public, ok := key.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("%s holds a key of another kind than ed25519", path)
		}
		keys = append(keys, public)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no public key in PEM", path)
	}
	return keys, nil
}

// KeyID is a key's fingerprint as ssh-keygen -l shows it: what go-securesystemslib, and so cosign, computes of a key.
func KeyID(key ed25519.PublicKey) string {
	var wire []byte
	for _, part := range [][]byte{[]byte("ssh-ed25519"), key} {
		wire = binary.BigEndian.AppendUint32(wire, uint32(len(part)))
		wire = append(wire, part...)
	}
	sum := sha256.Sum256(wire)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
