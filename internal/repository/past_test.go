package repository

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
)

var tuesday = time.Date(2026, 8, 18, 3, 59, 30, 0, time.UTC)

// pastOf is the repository of a conf as it was on tuesday.
func pastOf(t *testing.T, options string) Repository {
	t.Helper()
	r := load(t, "[global]\n"+options+"[veza]\npg1-path=/p\n")
	r.At = tuesday
	return r
}

// A repository without versions has no past, and pgBackRest would read it as it is.
func TestCheck_OnlyAVersionedBucketHasAPast(t *testing.T) {
	const keys = "repo1-s3-key=a\nrepo1-s3-key-secret=b\n"
	require.NoError(t, pastOf(t, "repo1-type=s3\n"+keys).Check())
	for says, options := range map[string]string{
		"type posix":                       "repo1-path=/repo\n",
		"type sftp":                        "repo1-type=sftp\n",
		"on the repository host backup":    "repo1-host=backup\n",
		"repo-target-time=2026-01-01":      "repo1-type=s3\nrepo-target-time=2026-01-01 00:00:00+00\n" + keys,
		"repo1-s3-key-secret is a placeho": "repo1-type=s3\nrepo1-s3-key=a\n",
	} {
		err := pastOf(t, options).Check()
		require.ErrorContains(t, err, says)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ExitEnvironment, why.Exit(), says)
	}
}

// What pgBackRest cannot do yet is said with what to install, before it calls the repository damaged.
func TestCheckVersion(t *testing.T) {
	past, plain := pastOf(t, "repo1-type=s3\n"), load(t, "[global]\nrepo1-type=s3\n"+
		"repo1-s3-endpoint=http://minio\n[veza]\npg1-path=/p\n")
	for _, c := range []struct {
		repo    Repository
		version string
		says    string
	}{
		{past, "2.45", "-repo-target-time needs pgBackRest 2.54"},
		{past, "2.53.1", "2.53.1 is installed here"},
		{past, "2.54.0", ""},
		{past, "2.60.0", ""},
		{plain, "2.57.0", "repo1-s3-endpoint=http://minio asks for HTTP without TLS"},
		{plain, "2.58.0", ""},
		{load(t, s3), "2.45", ""},
		{Repository{}, "2.45", ""},
	} {
		err := c.repo.CheckVersion(c.version, "is installed here")
		if c.says == "" {
			require.NoError(t, err, c.version)
			continue
		}
		require.ErrorContains(t, err, c.says)
		why, _ := reason.Of(err)
		assert.Equal(t, reason.VersionMismatch, why)
	}
}

// version is one of backup.info, some time after tuesday.
func version(after time.Duration, deleted bool) objectstore.Version {
	return objectstore.Version{ID: "v", At: tuesday.Add(after), Deleted: deleted}
}

// A moment before everything that is kept is outside, one in the second of the oldest version is not.
func TestPast_Outside(t *testing.T) {
	require.NoError(t, Past{At: tuesday}.Outside(), "nothing is known")
	require.NoError(t, Past{
		At: tuesday, Versions: []objectstore.Version{version(900*time.Millisecond, false)},
	}.Outside())
	two := []objectstore.Version{version(time.Hour, false), version(time.Second, false)}
	err := Past{At: tuesday, Versions: two}.Outside()
	why, _ := reason.Of(err)
	assert.Equal(t, reason.ConfigInvalid, why)
	assert.ErrorContains(t, err, "the oldest version of backup.info is of 2026-08-18T03:59:31Z")
}

// A failure says what the bucket knows of backup.info around the moment, and keeps its reason.
func TestPast_Tell(t *testing.T) {
	failed := reason.Errorf(reason.NoBackup, "missing stanza data")
	for says, c := range map[string]struct {
		versions []objectstore.Version
		failed   error
	}{
		"as of 2026-08-18T03:59:30Z: missing stanza data": {nil, failed},
		"had been deleted at 2026-08-18T03:59:20Z; the version before it is of 2026-08-18T02:59:30Z": {
			[]objectstore.Version{
				version(time.Hour, false), version(-10*time.Second, true), version(-20*time.Second, true),
				version(-time.Hour, false),
			}, failed,
		},
		"was written at 2026-08-18T03:59:30Z, the one before at 2026-08-18T02:59:30Z": {
			[]objectstore.Version{version(999*time.Millisecond, false), version(-time.Hour, false)}, failed,
		},
		"had been deleted at 2026-08-18T02:59:30Z, and the bucket has no version before": {
			[]objectstore.Version{version(-time.Hour, true)}, failed,
		},
		"and the bucket has none before": {[]objectstore.Version{version(-time.Hour, false)}, failed},
		"s3:ListBucketVersions": {
			[]objectstore.Version{version(-time.Hour, false)}, reason.Errorf(reason.RepoDenied, "AccessDenied"),
		},
		"more than 1000 versions": {
			nil, reason.Errorf(reason.VersionMismatch, "unable to find child 'NextContinuationToken':0 in node"),
		},
	} {
		err := Past{At: tuesday, Versions: c.versions}.Tell(c.failed)
		require.ErrorContains(t, err, says)
		require.ErrorIs(t, err, c.failed)
	}
	require.NoError(t, Past{At: tuesday}.Tell(nil))
	assert.Equal(t, failed, Past{}.Tell(failed), "of now nothing is added")
}

// Of what cannot be asked without pgBackRest nothing is known; it has the last word.
func TestPast_Unknown(t *testing.T) {
	c := Client{Repository: pastOf(t, "repo1-type=azure\n"), Pgbackrest: &pgbackrest.Client{At: tuesday}}
	past, err := c.Past(t.Context(), (&net.Dialer{}).DialContext)
	require.NoError(t, err)
	require.ErrorContains(t, past.Unknown, "type azure")
	gone := errors.New("no way")
	c.Repository = pastOf(t, "repo1-type=s3\nrepo1-s3-endpoint=e\nrepo1-s3-bucket=backups\nrepo1-s3-uri-style=path\n")
	past, err = c.Past(t.Context(), func(context.Context, string, string) (net.Conn, error) { return nil, gone })
	require.NoError(t, err)
	require.ErrorContains(t, past.Unknown, "no way")
}

// The repository of now is asked by a client of its own: the other keeps its moment.
func TestClient_Now(t *testing.T) {
	then := Client{Repository: pastOf(t, "repo1-type=s3\n"), Pgbackrest: &pgbackrest.Client{At: tuesday, Repo: 1}}
	now := then.Now()
	assert.True(t, now.At.IsZero() && now.Pgbackrest.At.IsZero())
	assert.Equal(t, tuesday, then.At)
	assert.Equal(t, tuesday, then.Pgbackrest.At)
	assert.Equal(t, 1, now.Pgbackrest.Repo)
}
