package acceptance

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	keys "github.com/minio/minio-go/v7/pkg/credentials"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/versions"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// attacked is a repository in a versioned bucket that somebody spoiled: first a segment was deleted, then
// every object overwritten with what nobody can read, then all of them deleted. Its names hold a moment
// after each: then.moment, end.moment, hole.moment, overwritten.moment, deleted.moment.
var attacked = sync.OnceValues(func() (liveSeed, error) {
	ctx, cancel := context.WithTimeout(context.Background(), seedTime)
	defer cancel()
	server, err := objectstore.Embedded(context.Background(), objectstore.Versions)
	if err != nil {
		return liveSeed{}, err
	}
	first := time.Now()
	c, err := newCluster(ctx, &source.Seeded{Rows: 2000, Store: server}, "acceptance-past")
	if err != nil {
		return liveSeed{}, err
	}
	marks, moments, attack := map[string]mark{}, map[string]time.Time{"first": first}, attackOn(server)
	if err = inOrder(
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "then") },
		func() error { return c.archive(ctx) },
		func() error { return over(ctx, moments, "then") },
		func() error { return c.grow(ctx) },
		func() error { return c.grow(ctx) },
		func() error { return c.note(ctx, marks, "end") },
		func() error { return c.Stop(ctx) },
		func() error { return over(ctx, moments, "end") },
	); err != nil {
		return liveSeed{}, err
	}
	s, err := c.freeze(ctx, "attacked", marks) // its info, as long as there is one
	if err != nil {
		return liveSeed{}, err
	}
	if err = inOrder(
		func() error { return attack.removeSegment(ctx) },
		func() error { return over(ctx, moments, "hole") },
		func() error { return attack.all(ctx, attack.overwrite) },
		func() error { return over(ctx, moments, "overwritten") },
		func() error { return attack.all(ctx, attack.remove) },
		func() error { return over(ctx, moments, "deleted") },
	); err != nil {
		return liveSeed{}, err
	}
	for name, at := range moments {
		s.names[name+".moment"] = at.UTC().Format(time.RFC3339)
	}
	s.names["before.moment"] = first.Add(-time.Hour).UTC().Format(time.RFC3339)
	s.store = newStore(server)
	return liveSeed{c, s}, nil
})

// over names the present second and waits until it is over: pgBackRest knows the past by seconds.
func over(ctx context.Context, moments map[string]time.Time, name string) error {
	moments[name] = time.Now().Truncate(time.Second)
	return wait.For(ctx, "the second to be over", 20*time.Millisecond, func(context.Context) error {
		if time.Since(moments[name]) < time.Second {
			return errors.New("not yet")
		}
		return nil
	})
}

// The repository of before an attack restores, though that of now is gone; what cannot be shown as it was
// is never judged as it is. A pgBackRest that cannot read the past is told so.
func TestPast(t *testing.T) { pastFaults.run(t) }

var readsThePast = versions.RepoTargetTime.Since()

var noPast = older{exit: 2, why: reason.VersionMismatch, words: "-repo-target-time needs pgBackRest 2.54"}

var pastFaults = faults("TestPast", attacked, []fault{
	{name: "Now", exit: 1, why: reason.NoBackup, step: "preflight"},
	{
		name: "BeforeTheAttack", args: "-repo-target-time {end.moment}", since: readsThePast, older: noPast, past: true,
		exit: 0, why: reason.None, words: "the repository as it was at {end.moment} | archive whole over timeline 1",
	},
	{
		name: "LongBefore", args: "-repo-target-time {then.moment}", since: readsThePast, older: noPast, past: true,
		exit: 0, why: reason.None, users: "then",
	},
	{
		name: "ByTheKeyThatReads", inject: readKey, args: "-repo-target-time {end.moment}", since: readsThePast,
		older: noPast, past: true, exit: 0, why: reason.None, words: "the drill's key cannot write",
	},
	{
		name: "WithATarget", args: "-repo-target-time {end.moment} -target lsn:{then.lsn}", since: readsThePast,
		older: noPast, past: true, exit: 0, why: reason.None, users: "then",
	},
	{
		name: "AfterTheFirstDeletion", args: "-repo-target-time {hole.moment}", since: readsThePast, older: noPast,
		past: true, exit: 1, why: reason.WALMissing, step: "preflight",
	},
	{
		name: "AfterTheOverwriting", args: "-repo-target-time {overwritten.moment}", since: readsThePast, older: noPast,
		past: true, exit: 1, why: reason.RepoCorrupt, step: "preflight",
		words: "as of {overwritten.moment} | somebody else overwrote them | take a moment between the two",
	},
	{
		name: "AfterAll", args: "-repo-target-time {deleted.moment}", since: readsThePast, older: noPast, past: true,
		exit: 1, why: reason.NoBackup, words: "backup.info had been deleted at | the version before it is of",
	},
	{
		name: "BeforeTheFirstBackup", args: "-repo-target-time {before.moment}", since: readsThePast, older: noPast,
		past: true, exit: 2, why: reason.ConfigInvalid, words: "lies before all that the bucket still has",
	},
	{
		name: "InTheFuture", args: "-repo-target-time 2999-01-01T00:00:00Z", past: true,
		exit: 2, why: reason.ConfigInvalid, words: "lies in the future",
	},
	{
		name: "WithoutAnOffset", args: "-repo-target-time 2026-01-01T00:00:00", past: true,
		exit: 2, why: reason.ConfigInvalid, words: "RFC 3339",
	},
	{
		name: "InTheConf", inject: option("repo-target-time", "2026-01-01 00:00:00+00"),
		exit: 2, why: reason.ConfigInvalid, words: "repo-target-time= | -repo-target-time",
	},
})

// A directory has no past: pgBackRest takes the option and reads it as it is.
func TestPast_OfADirectory(t *testing.T) { pastOfDirectoryFaults.run(t) }

var pastOfDirectoryFaults = faults("TestPast_OfADirectory", plain, []fault{
	{
		name: "Refused", args: "-repo-target-time 2026-01-01T00:00:00Z", past: true,
		exit: 2, why: reason.ConfigInvalid, words: "type posix, which keeps no versions",
	},
	{ // with what nobody can read: no passphrase opens it
		name: "Overwritten", inject: damaged(garbage, "backup/demo/backup.info*", "archive/demo/archive.info*"),
		exit: 1, why: reason.RepoCorrupt, words: "somebody else overwrote them",
	},
})

// Nor has a bucket that keeps no versions: what was overwritten since would look damaged.
func TestPast_OfABucketWithoutVersions(t *testing.T) { pastWithoutVersionsFaults.run(t) }

var pastWithoutVersionsFaults = faults("TestPast_OfABucketWithoutVersions", remote, []fault{{
	name: "Refused", args: "-repo-target-time 2026-01-01T00:00:00Z", since: readsThePast, older: noPast, past: true,
	exit: 2, why: reason.ConfigInvalid, words: "keeps no versions",
}})

// attacker is somebody who has the key that writes.
type attacker struct {
	client *minio.Client
	bucket string
	below  string // the part of the bucket he spoils; "" is all of it
}

func attackOn(s *objectstore.Store) attacker {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CA)
	client, err := minio.New(net.JoinHostPort(s.Endpoint, strconv.Itoa(s.Port)), &minio.Options{
		Creds: keys.NewStaticV4(s.Key, s.Secret, ""), Secure: true, Region: s.Region,
		BucketLookup: minio.BucketLookupPath,
		Transport:    &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
	})
	if err != nil {
		panic(err) // an address that was made a moment ago
	}
	return attacker{client: client, bucket: s.Bucket}
}

// all does something to every object.
func (a attacker) all(ctx context.Context, does func(context.Context, minio.ObjectInfo) error) error {
	list, err := a.list(ctx)
	for _, object := range list {
		if err == nil {
			err = does(ctx, object)
		}
	}
	return err
}

// removeSegment removes the archived segment before the last.
func (a attacker) removeSegment(ctx context.Context) error {
	list, err := a.list(ctx)
	list = slices.DeleteFunc(list, func(object minio.ObjectInfo) bool {
		name, _, _ := strings.Cut(filepath.Base(object.Key), "-")
		return !strings.Contains(object.Key, "/archive/") || !wal.IsSegment(name)
	})
	if err != nil || len(list) < 3 {
		return errors.Join(errors.New("the archive is too short to be spoiled"), err)
	}
	return a.remove(ctx, list[len(list)-2])
}

// list lists the objects, by name.
func (a attacker) list(ctx context.Context) (list []minio.ObjectInfo, err error) {
	all := minio.ListObjectsOptions{Prefix: a.below, Recursive: true}
	for object := range a.client.ListObjects(ctx, a.bucket, all) {
		list, err = append(list, object), errors.Join(err, object.Err)
	}
	return list, err
}

func (a attacker) remove(ctx context.Context, object minio.ObjectInfo) error {
	return a.client.RemoveObject(ctx, a.bucket, object.Key, minio.RemoveObjectOptions{})
}

func (a attacker) overwrite(ctx context.Context, object minio.ObjectInfo) error {
	content := bytes.Repeat([]byte("pay "), int(object.Size)/4+1)
	return a.put(ctx, object.Key, content)
}

func (a attacker) put(ctx context.Context, name string, content []byte) error {
	_, err := a.client.PutObject(ctx, a.bucket, name, bytes.NewReader(content), int64(len(content)),
		minio.PutObjectOptions{})
	return err
}
