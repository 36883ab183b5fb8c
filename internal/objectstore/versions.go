package objectstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/minio/minio-go/v7"
)

// Version is one of those a versioned bucket keeps of an object.
type Version struct {
	ID      string
	At      time.Time // when it was written, or the object deleted
	Deleted bool      // a mark that the object is gone
}

// Kept says whether the bucket made it while it kept versions: without, there is one, called "null".
func (v Version) Kept() bool { return v.ID != "null" && v.ID != "" }

// Versioned is a repository whose store may keep the versions of an object.
type Versioned interface {
	// Versions lists what is kept of an object, the newest first; a bucket without versions
	// has one, an object that never was none.
	Versions(ctx context.Context, name string) ([]Version, error)
}

var _ Versioned = (*Bucket)(nil)

// Versions lists what is kept of an object, the newest first.
func (b *Bucket) Versions(ctx context.Context, name string) (list []Version, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the library's goroutine ends with it
	object := b.key(name)
	for version := range b.client.ListObjects(ctx, b.at.Bucket,
		minio.ListObjectsOptions{Prefix: object, Recursive: true, WithVersions: true}) {
		if version.Err != nil {
			return nil, fmt.Errorf("list the versions of %s in bucket %s: %w", object, b.at.Bucket, coded(version.Err))
		}
		if version.Key == object { // not backup.info.copy
			list = append(list, Version{version.VersionID, version.LastModified, version.IsDeleteMarker})
		}
	}
	slices.SortStableFunc(list, func(a, c Version) int { return c.At.Compare(a.At) })
	return list, ctx.Err()
}
