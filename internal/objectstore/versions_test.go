package objectstore

import (
	"net/http"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A bucket with versions keeps what was overwritten and deleted, one without has the last.
func TestBucket_Versions(t *testing.T) {
	for _, features := range [][]Feature{nil, {Versions}} {
		s, c := start(t, features...)
		for _, object := range []string{"a", "a", "a.copy"} {
			status, _ := s.do(t, c, s.Key, s.Secret, http.MethodPut, "/"+s.Bucket+"/repo/"+object, []byte("x"))
			require.Equal(t, http.StatusOK, status)
		}
		b, err := NewBucket(location(s))
		require.NoError(t, err)
		list, err := b.Versions(t.Context(), "a")
		require.NoError(t, err)
		if len(features) == 0 {
			require.Len(t, list, 1)
			assert.False(t, list[0].Kept())
			continue
		}
		require.Len(t, list, 2)
		assert.True(t, list[0].Kept())
		assert.False(t, list[0].At.Before(list[1].At), "the newest first")
		status, _ := s.do(t, c, s.Key, s.Secret, http.MethodDelete, "/"+s.Bucket+"/repo/a", nil)
		require.Equal(t, http.StatusNoContent, status)
		list, err = b.Versions(t.Context(), "a")
		require.NoError(t, err)
		require.Len(t, list, 3)
		assert.True(t, list[0].Deleted)
		list, err = b.Versions(t.Context(), "nothing")
		require.NoError(t, err)
		assert.Empty(t, list)
	}
}

// The embedded store lists the versions of an object as S3 does, in one list with those of others.
func TestNewestFirst(t *testing.T) {
	backend := newestFirst{s3mem.New()}
	require.NoError(t, backend.CreateBucket("b"))
	var on gofakes3.VersioningConfiguration
	on.SetEnabled(true)
	require.NoError(t, backend.SetVersioningConfiguration("b", on))
	for _, name := range []string{"a", "b", "a", "a"} {
		_, err := backend.PutObject("b", name, map[string]string{}, http.NoBody, 0, nil)
		require.NoError(t, err)
	}
	result, err := backend.ListBucketVersions("b", nil, nil)
	require.NoError(t, err)
	require.Len(t, result.Versions, 4)
	var latest []bool
	for _, version := range result.Versions {
		latest = append(latest, version.(*gofakes3.Version).IsLatest)
	}
	assert.Equal(t, []bool{true, false, false, true}, latest)
	_, err = backend.ListBucketVersions("nothing", nil, nil)
	require.Error(t, err)
}
