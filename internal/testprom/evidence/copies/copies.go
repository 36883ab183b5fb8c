// Package copies keeps evidence in a bucket with object lock, where nobody who drills can take it away again. It
// compares on the way: what is here must be what was copied, and hold all of it.
package copies

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/minio/minio-go/v7"

	"veza.fr/recovery/internal/testprom/evidence"
)

// Metadata of the objects, as S3 spells it.
const (
	digestOf = "Sha256" // of an envelope
	headOf   = "Head"   // of a ledger: the hash of its last line
)

// Bucket is where copies go.
type Bucket struct {
	Client *minio.Client
	Name   string
	Prefix string        // of the objects; "" is none
	Retain time.Duration // how long a copy is locked; 0 leaves it to the bucket's default
}

// ErrUnlocked is a bucket that would let a copy be deleted.
var ErrUnlocked = errors.New("it locks no object")

// Push copies the envelopes that the bucket has not, and the ledger as another version of its object. found is what the
// copy has and this ledger has not, or has otherwise: then nothing is copied. The chain must be whole.
func (b Bucket) Push(ctx context.Context, l evidence.Ledger) (pushed int, found []evidence.Finding, err error) {
	if err = b.locks(ctx); err != nil {
		return 0, nil, err
	}
	head, err := b.stat(ctx, evidence.LedgerName, headOf)
	if err != nil {
		return 0, nil, err
	}
	if head != "" && !l.Holds(head) {
		found = append(found, evidence.Finding{Text: "the copy goes on to the line with the hash " + head +
			", which is not here: entries were cut off or exchanged"})
	}
	missing, differing, err := b.compare(ctx, l)
	if found = append(found, differing...); err != nil || len(found) > 0 {
		return 0, found, err
	}
	for _, e := range missing {
		if err = b.put(ctx, l.Dir, e.File, map[string]string{digestOf: e.Line.Envelope}, e.Line.Envelope); err != nil {
			return pushed, nil, err
		}
		pushed++
	}
	if head == l.Head() {
		return pushed, nil, nil
	}
	return pushed, nil, b.put(ctx, l.Dir, evidence.LedgerName, map[string]string{headOf: l.Head()}, "")
}

// compare are the entries that the bucket has not, and what it has otherwise.
func (b Bucket) compare(ctx context.Context, l evidence.Ledger) (
	missing []evidence.Entry, found []evidence.Finding, err error,
) {
	for _, e := range l.Entries {
		copied, failed := b.stat(ctx, e.File, digestOf)
		switch {
		case failed != nil:
			return nil, nil, failed
		case copied == "":
			missing = append(missing, e)
		case copied != e.Line.Envelope:
			found = append(found, evidence.Finding{Seq: e.Seq, Text: fmt.Sprintf(
				"entry %d: the copy of %s is another envelope: one of the two was exchanged", e.Seq, e.File)})
		}
	}
	next := evidence.FileName(len(l.Entries) + 1) // of a copy that ended before its ledger was written
	copied, failed := b.stat(ctx, next, digestOf)
	if copied != "" {
		found = append(found, evidence.Finding{Text: fmt.Sprintf(
			"the copy has %s, which is not here: entries were cut off", next)})
	}
	return missing, found, failed
}

// locks finds out whether a copy would stay.
func (b Bucket) locks(ctx context.Context) error {
	const none = "ObjectLockConfigurationNotFoundError"
	enabled, mode, _, _, err := b.Client.GetObjectLockConfig(ctx, b.Name)
	switch {
	case minio.ToErrorResponse(err).Code == none || err == nil && enabled != "Enabled":
		return fmt.Errorf("bucket %s: %w: make one with object lock", b.Name, ErrUnlocked)
	case err != nil:
		return fmt.Errorf("bucket %s: %w", b.Name, err)
	case mode == nil && b.Retain == 0:
		return fmt.Errorf("bucket %s: %w by default: say for how long, with -retain", b.Name, ErrUnlocked)
	}
	return nil
}

func (b Bucket) key(name string) string { return path.Join(b.Prefix, name) }

// stat is a word of an object's metadata; "" is no object.
func (b Bucket) stat(ctx context.Context, name, word string) (string, error) {
	object, err := b.Client.StatObject(ctx, b.Name, b.key(name), minio.StatObjectOptions{})
	switch {
	case minio.ToErrorResponse(err).Code == minio.NoSuchKey:
		return "", nil
	case err != nil:
		return "", fmt.Errorf("object %s: %w", b.key(name), err)
	case object.UserMetadata[word] == "":
		return "", fmt.Errorf("object %s is none of evidence: give the copies a prefix of their own", b.key(name))
	}
	return object.UserMetadata[word], nil
}

// put copies a file. An envelope must still be the one that was read; "" is not known.
func (b Bucket) put(ctx context.Context, dir, name string, words map[string]string, digest string) error {
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if digest != "" && evidence.Digest(content) != digest {
		return fmt.Errorf("%s was changed while it was copied", name)
	}
	options := minio.PutObjectOptions{UserMetadata: words, ContentType: "application/json", SendContentMd5: true}
	if b.Retain > 0 {
		options.Mode, options.RetainUntilDate = minio.Compliance, time.Now().Add(b.Retain).UTC()
	}
	_, err = b.Client.PutObject(ctx, b.Name, b.key(name), bytes.NewReader(content), int64(len(content)), options)
	if err != nil {
		return fmt.Errorf("object %s: %w", b.key(name), err)
	}
	return nil
}
