package objectstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/minio/minio-go/v7"
)

// Probed is a repository whose store can say what a key may do.
type Probed interface {
	// MayWrite asks whether the keys may write below the repository's root, and leaves
	// nothing behind. name is a new one that nobody else uses. An error says why the store
	// could not tell, or what was left behind.
	MayWrite(ctx context.Context, name string) (bool, error)
}

var _ Probed = (*Bucket)(nil)

// noUpload is what a store says of an upload it does not know.
const noUpload = "NoSuchUpload"

// MayWrite sends a part of an upload that was never begun: the store asks first whether the
// key may put the object (s3:PutObject), then for the upload. So nothing can be stored,
// whatever the answer, in a versioned or locked bucket neither.
func (b *Bucket) MayWrite(ctx context.Context, name string) (bool, error) {
	object := b.key(name)
	core := minio.Core{Client: b.client}
	_, err := core.PutObjectPart(ctx, b.at.Bucket, object, rand.Text(), 1, strings.NewReader(" "), 1,
		minio.PutObjectPartOptions{DisableContentSha256: true})
	if err == nil { // a store that knows no uploads took it for an object
		return true, b.takeBack(ctx, object)
	}
	switch answer := minio.ToErrorResponse(err); {
	case answer.Code == minio.AccessDenied:
		return false, nil
	case answer.Code == noUpload:
		return true, nil
	case answer.Code == "":
		return false, fmt.Errorf("object %s: %w", object, err)
	default:
		return false, fmt.Errorf("object %s: status %d, %w", object, answer.StatusCode, coded(err))
	}
}

// takeBack removes what should not have been stored.
func (b *Bucket) takeBack(ctx context.Context, object string) error {
	err := b.client.RemoveObject(ctx, b.at.Bucket, object, minio.RemoveObjectOptions{})
	if err == nil {
		return nil
	}
	return errors.Join(
		fmt.Errorf("the store took object %s of bucket %s, one byte, and it could not be removed: remove it by hand",
			object, b.at.Bucket),
		coded(err),
	)
}
