package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Envelope is a DSSE envelope.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // base64
	Signatures  []Signature `json:"signatures"`
}

// Signature is one of an envelope.
type Signature struct {
	KeyID string `json:"keyid"` // as ssh-keygen -l shows the key: a hint, and no proof
	Sig   string `json:"sig"`   // base64
}

// pae is what a signature of a DSSE envelope signs (its PAE).
func pae(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// seal puts a statement into an envelope; without a key it has no signature.
func seal(s Statement, key ed25519.PrivateKey) ([]byte, error) {
	payload, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	e := Envelope{PayloadType, base64.StdEncoding.EncodeToString(payload), []Signature{}}
	if key != nil {
		sig := ed25519.Sign(key, pae(e.PayloadType, payload))
		e.Signatures = append(e.Signatures, Signature{
			KeyID(key.Public().(ed25519.PublicKey)), base64.StdEncoding.EncodeToString(sig),
		})
	}
	return written(e)
}

// written is a value as it stands in a file, a line of its own.
func written(value any) ([]byte, error) {
	text, err := json.Marshal(value)
	return append(text, '\n'), err
}

// errForm is a file or a line that has another form than it was written in.
var errForm = errors.New("it is not in the form that testprom writes")

// exactly decodes what written wrote, and nothing else: no other spaces, fields, orders, or bytes behind it.
func exactly(content []byte, value any) error {
	if err := json.Unmarshal(content, value); err != nil {
		return fmt.Errorf("%w: %w", errForm, err)
	}
	if again, err := written(value); err != nil || !bytes.Equal(again, content) {
		return errForm
	}
	return nil
}

// open gives back the statement of an envelope, with its bytes.
func (e Envelope) open() (s Statement, payload []byte, err error) {
	if e.PayloadType != PayloadType {
		return s, nil, fmt.Errorf("its payload is of type %q, not %q", e.PayloadType, PayloadType)
	}
	payload, err = base64.StdEncoding.Strict().DecodeString(e.Payload)
	if err != nil {
		return s, nil, fmt.Errorf("its payload is not base64: %w", err)
	}
	if err = json.Unmarshal(payload, &s); err != nil {
		return s, nil, fmt.Errorf("its payload is no statement: %w", err)
	}
	if s.Type != StatementType {
		return s, nil, fmt.Errorf("its statement is of type %q, not %q", s.Type, StatementType)
	}
	return s, payload, nil
}

// signedBy says whether one of the keys signed the payload. testprom signs once: more signatures are somebody else's.
func (e Envelope) signedBy(payload []byte, keys []ed25519.PublicKey) error {
	switch len(e.Signatures) {
	case 0:
		return errors.New("is not signed")
	case 1:
	default:
		return fmt.Errorf("has %d signatures, and testprom writes one", len(e.Signatures))
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(e.Signatures[0].Sig)
	if err != nil {
		return fmt.Errorf("has a signature that is not base64: %w", err)
	}
	message := pae(e.PayloadType, payload)
	if slices.ContainsFunc(keys, func(key ed25519.PublicKey) bool { return ed25519.Verify(key, message, sig) }) {
		return nil
	}
	id := e.Signatures[0].KeyID
	if slices.ContainsFunc(keys, func(key ed25519.PublicKey) bool { return KeyID(key) == id }) {
		return errors.New("has a signature that does not fit what it says: it was changed after it was signed")
	}
	return fmt.Errorf("is signed by another key than the one given, if at all: it says %q", id)
}

// Digest is the SHA-256 of content in hex digits.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
