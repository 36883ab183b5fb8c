package evidence

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
)

// byLibrary is a key as go-securesystemslib takes it.
type byLibrary struct {
	ed25519.PrivateKey
	id string
}

func (k byLibrary) KeyID() (string, error)   { return k.id, nil }
func (k byLibrary) Public() crypto.PublicKey { return k.PrivateKey.Public() }

func (k byLibrary) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.PrivateKey, data), nil
}

func (k byLibrary) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(publicOf(k.PrivateKey), data, sig) {
		return errors.New("the signature is not of this key")
	}
	return nil
}

// The library that others verify by takes our envelopes, by the name it gives the key itself as well; and we take its.
func TestEnvelope_IsThatOfTheLibrary(t *testing.T) {
	key := keyOf("drill")
	ours, err := seal(drilled(Place{Seq: 1, Time: begin, Previous: noLine}), key)
	require.NoError(t, err)
	var envelope dsse.Envelope
	require.NoError(t, json.Unmarshal(ours, &envelope))
	for name, verifier := range map[string]byLibrary{"": {key, ""}, "named": {key, KeyID(publicOf(key))}} {
		v, failed := dsse.NewEnvelopeVerifier(verifier)
		require.NoError(t, failed)
		accepted, failed := v.Verify(t.Context(), &envelope)
		require.NoError(t, failed, name)
		assert.Equal(t, KeyID(publicOf(key)), accepted[0].KeyID)
	}
	other, err := dsse.NewEnvelopeVerifier(byLibrary{keyOf("other"), ""})
	require.NoError(t, err)
	_, err = other.Verify(t.Context(), &envelope)
	require.Error(t, err)

	signer, err := dsse.NewEnvelopeSigner(byLibrary{key, ""})
	require.NoError(t, err)
	payload, err := envelope.DecodeB64Payload()
	require.NoError(t, err)
	theirs, err := signer.SignPayload(t.Context(), PayloadType, payload)
	require.NoError(t, err)
	text, err := json.Marshal(theirs)
	require.NoError(t, err)
	var read Envelope
	require.NoError(t, json.Unmarshal(text, &read))
	require.NoError(t, read.signedBy(payload, []ed25519.PublicKey{publicOf(key)}))
}

// in-toto's own types take our statements, both kinds.
func TestStatement_IsOneOfInToto(t *testing.T) {
	dir := chain(t, 4, nil)
	l, err := Read(dir)
	require.NoError(t, err)
	for _, e := range l.Entries {
		var s intoto.Statement
		require.NoError(t, protojson.Unmarshal(e.payload, &s))
		require.NoError(t, s.Validate())
		entry := s.GetPredicate().GetFields()["entry"].GetStructValue()
		assert.InDelta(t, e.Seq, entry.GetFields()["seq"].GetNumberValue(), 0)
	}
}

// openssl knows nothing of us: it verifies a signature by the public key that `evidence key` wrote, over what DSSE says
// is signed.
func TestEnvelope_IsVerifiedByOpenSSL(t *testing.T) {
	if testing.Short() {
		t.Skip("needs openssl")
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	_, err := MakeKey(file("key"))
	require.NoError(t, err)
	key, err := PrivateKey(file("key"))
	require.NoError(t, err)
	text, err := seal(drilled(Place{Seq: 1, Time: begin, Previous: noLine}), key)
	require.NoError(t, err)
	var envelope Envelope
	require.NoError(t, json.Unmarshal(text, &envelope))
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	require.NoError(t, err)
	sig, err := base64.StdEncoding.DecodeString(envelope.Signatures[0].Sig)
	require.NoError(t, err)
	message := fmt.Sprintf("DSSEv1 28 application/vnd.in-toto+json %d %s", len(payload), payload)
	require.NoError(t, os.WriteFile(file("message"), []byte(message), 0o600))
	require.NoError(t, os.WriteFile(file("sig"), sig, 0o600))
	openssl := func() error {
		return exec.CommandContext(t.Context(), "openssl", "pkeyutl", "-verify", "-rawin", "-pubin",
			"-inkey", file("key.pub"), "-in", file("message"), "-sigfile", file("sig")).Run()
	}
	require.NoError(t, openssl())
	require.NoError(t, os.WriteFile(file("message"), []byte(message+" "), 0o600))
	require.Error(t, openssl())
}

// A key of openssl's signs like one of ours.
func TestPrivateKey_OfOpenSSL(t *testing.T) {
	if testing.Short() {
		t.Skip("needs openssl")
	}
	path := filepath.Join(t.TempDir(), "key")
	for _, argv := range [][]string{
		{"genpkey", "-algorithm", "ed25519", "-out", path}, {"pkey", "-in", path, "-pubout", "-out", path + ".pub"},
	} {
		require.NoError(t, exec.CommandContext(t.Context(), "openssl", argv...).Run())
	}
	key, err := PrivateKey(path)
	require.NoError(t, err)
	public, err := PublicKeys(path + ".pub")
	require.NoError(t, err)
	assert.Equal(t, publicOf(key), public[0])
}
