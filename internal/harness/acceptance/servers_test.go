package acceptance

import (
	"bytes"
	"context"
	"fmt"
	"os"
	pathpkg "path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/s3servers"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
)

// realServer is an S3 server as others run it.
type realServer struct {
	program string
	start   func(context.Context, string) (*s3servers.Server, error)
}

// seed is a small cluster that backs up into the server. Its bucket keeps versions.
func (r realServer) seed() func() (liveSeed, error) {
	return sync.OnceValues(func() (liveSeed, error) {
		dir, err := os.MkdirTemp("/var/tmp", "vza-"+r.program+"-") // on a disk: one of them wants extended attributes
		if err != nil {
			return liveSeed{}, err
		}
		server, err := r.start(context.Background(), dir) // it has bounds of its own
		if server != nil {
			opened.Lock()
			opened.directories = append(opened.directories, dir)
			opened.Unlock()
		}
		if err != nil {
			return liveSeed{}, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), seedTime)
		defer cancel()
		c, err := newCluster(ctx, &source.Seeded{Rows: 2000, Store: server.Store}, "acceptance-"+r.program)
		if err != nil {
			return liveSeed{}, err
		}
		marks := map[string]mark{}
		s, err := c.settle(ctx, r.program, marks,
			func() error { return c.grow(ctx) },
			func() error { return c.grow(ctx) },
		)
		if err == nil {
			s.store = newStore(server.Store)
		}
		return liveSeed{c, s}, err
	})
}

// run runs the rows where the server can be started: in CI that is a must.
func (r realServer) run(t *testing.T, rows *table) {
	t.Helper()
	if !testing.Short() {
		needServer(t, r.program)
	}
	rows.run(t)
}

// needServer skips where a server was not built; in CI that is a must.
func needServer(t *testing.T, program string) {
	t.Helper()
	if _, err := s3servers.Program(program); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

var (
	minIO     = realServer{"minio", s3servers.MinIO}
	versityGW = realServer{"versitygw", s3servers.VersityGW}
)

// The drill on a MinIO server as it is used in production.
func TestStore_OnMinIO(t *testing.T) { minIO.run(t, onMinIOFaults) }

// To a key that may use another bucket, MinIO does not say that there is none of this name.
var onMinIOFaults = faults("TestStore_OnMinIO", minIO.seed(), onServer(
	fault{name: "BucketMissing", inject: option("repo1-s3-bucket", "nothing-here"), exit: 1, why: reason.RepoDenied},
	fault{
		name: "AsItWas", inject: inCopy(deleteAll), args: "-repo-target-time {moment}", since: readsThePast,
		older: noPast, past: true, exit: 0, why: reason.None, words: "archive whole over timeline 1",
	},
	fault{
		name: "AsItWasOverwritten", inject: inCopy(overwriteAll), args: "-repo-target-time {moment}",
		since: readsThePast, older: noPast, past: true, exit: 0, why: reason.None,
	},
))

// The same on the Versity S3 Gateway. It dates an old version by the moment it was replaced, and a mark of
// deletion by the file it stands for: the repository as it was cannot be read there.
func TestStore_OnVersityGW(t *testing.T) { versityGW.run(t, onVersityGWFaults) }

var onVersityGWFaults = faults("TestStore_OnVersityGW", versityGW.seed(), onServer(
	fault{name: "BucketMissing", inject: option("repo1-s3-bucket", "nothing-here"), exit: 1, why: reason.NoBackup},
	fault{
		name: "AsItWas", inject: inCopy(deleteAll), args: "-repo-target-time {moment}", since: readsThePast,
		older: noPast, past: true, exit: 1, why: reason.NoBackup, step: "preflight", words: "had been deleted",
	},
	fault{
		name: "AsItWasOverwritten", inject: inCopy(overwriteAll), args: "-repo-target-time {moment}",
		since: readsThePast, older: noPast, past: true, exit: 2, why: reason.ConfigInvalid,
		words: "lies before all that the bucket still has",
	},
))

// onServer are the rows for each of them, and those in which it differs from the others.
func onServer(own ...fault) []fault {
	return append(own, []fault{
		{name: "Clean", exit: 0, why: reason.None, words: "the drill's key (repo1-s3-key) may write"},
		{
			name: "KeyThatReads", inject: readKey, args: "-require-readonly",
			exit: 0, why: reason.None, words: "the drill's key cannot write",
		},
		{name: "WrongKey", inject: option("repo1-s3-key", "somebody"), exit: 1, why: reason.RepoDenied},
		{name: "WrongSecret", inject: option("repo1-s3-key-secret", "guessed"), exit: 1, why: reason.RepoDenied},
		{name: "PathDenied", inject: option("repo1-path", "/elsewhere"), exit: 1, why: reason.RepoDenied},
		{name: "PathMissing", inject: option("repo1-path", "/pgbackrest/nothing"), exit: 1, why: reason.NoBackup},
		{name: "SegmentMissing", inject: inCopy(attacker.removeSegment), exit: 1, why: reason.WALMissing},
		{
			name: "ObjectCut", inject: inCopy(attacker.cut), waits: true,
			exit: 1, why: reason.RepoCorrupt, step: "restore",
		},
		{name: "AllDeleted", inject: inCopy(deleteAll), exit: 1, why: reason.NoBackup},
	}...)
}

// inCopy spoils a copy of the repository in the same bucket. The moment before is the case's {moment}.
func inCopy(spoil func(attacker, context.Context) error) func(*repoCopy) {
	return func(rc *repoCopy) {
		ctx, cancel := context.WithTimeout(rc.t.Context(), seedTime)
		defer cancel()
		original := attackOn(rc.seed.store.Store)
		own := original
		original.below = s3servers.Repository + "/"
		own.below = pathpkg.Join(s3servers.Repository, "copies", filepath.Base(rc.dir)) + "/"
		require.NoError(rc.t, original.copyTo(ctx, own.below))
		moments := map[string]time.Time{}
		require.NoError(rc.t, over(ctx, moments, "moment"))
		rc.names = map[string]string{"moment": moments["moment"].UTC().Format(time.RFC3339)}
		require.NoError(rc.t, spoil(own, ctx))
		rc.set("repo1-path", "/"+strings.TrimSuffix(own.below, "/"))
	}
}

func deleteAll(a attacker, ctx context.Context) error { return a.all(ctx, a.remove) }

func overwriteAll(a attacker, ctx context.Context) error { return a.all(ctx, a.overwrite) }

// copyTo copies the repository to another place of the bucket.
func (a attacker) copyTo(ctx context.Context, place string) error {
	list, err := a.list(ctx)
	if err != nil {
		return err
	}
	for _, object := range list {
		name, of := strings.CutPrefix(object.Key, s3servers.Repository+"/")
		if !of || strings.HasPrefix(name, "copies/") {
			continue
		}
		content, err := a.content(ctx, object)
		if err == nil {
			err = a.put(ctx, place+name, content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cut takes the second half of the largest object of a backup.
func (a attacker) cut(ctx context.Context) error {
	list, err := a.list(ctx)
	if err != nil {
		return err
	}
	var largest minio.ObjectInfo
	for _, object := range list {
		if strings.Contains(object.Key, "/bundle/") && object.Size > largest.Size {
			largest = object
		}
	}
	content, err := a.content(ctx, largest)
	if err != nil {
		return fmt.Errorf("the largest object: %w", err)
	}
	return a.put(ctx, largest.Key, content[:len(content)/2])
}

func (a attacker) content(ctx context.Context, of minio.ObjectInfo) ([]byte, error) {
	object, err := a.client.GetObject(ctx, a.bucket, of.Key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer object.Close() //nolint:errcheck // only read
	var content bytes.Buffer
	_, err = content.ReadFrom(object)
	return content.Bytes(), err
}
