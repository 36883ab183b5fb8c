package objectstore

import (
	"slices"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// newestFirst lists the versions of an object as S3 does: the newest first. The backend has them
// in the order they were written, and whoever looks for the newest of a time takes the oldest.
type newestFirst struct{ *s3mem.Backend }

// ListBucketVersions is that of the backend, each object's versions turned round.
func (n newestFirst) ListBucketVersions(
	bucket string, prefix *gofakes3.Prefix, page *gofakes3.ListBucketVersionsPage,
) (*gofakes3.ListBucketVersionsResult, error) {
	result, err := n.Backend.ListBucketVersions(bucket, prefix, page)
	if err != nil {
		return result, err
	}
	for list := result.Versions; len(list) > 0; {
		n := 1
		for n < len(list) && keyOf(list[n]) == keyOf(list[0]) {
			n++
		}
		slices.Reverse(list[:n])
		list = list[n:]
	}
	return result, nil
}

func keyOf(version gofakes3.VersionItem) string {
	switch v := version.(type) {
	case *gofakes3.Version:
		return v.Key
	case *gofakes3.DeleteMarker:
		return v.Key
	}
	return ""
}
