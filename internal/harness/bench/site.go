package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/sandbox"
)

// Site is a source that is being served, and the confs by which it is read.
type Site struct {
	Source
	store     *objectstore.Store
	machine   sandbox.Sandbox // has the confs, and the directories they name
	distances []*Distance
}

// serve serves a source until Close, on this machine.
func serve(ctx context.Context, provider sandbox.Provider, s Source) (*Site, error) {
	site := &Site{Source: s}
	objects, err := newShelf(s.bucket())
	if err != nil {
		return site, err
	}
	if site.store, err = objectstore.Serve(ctx, objects); err != nil {
		return site, err
	}
	site.machine, err = provider.Launch(ctx, sandbox.Spec{Stanza: stanza + "-site", Run: "bench"})
	return site, err
}

// Close ends all of it.
func (s *Site) Close(ctx context.Context) (err error) {
	for _, d := range s.distances {
		err = errors.Join(err, d.Close())
	}
	if s.machine != nil {
		err = errors.Join(err, s.machine.Destroy(ctx))
	}
	return errors.Join(err, s.store.Close(ctx))
}

// Conf is the path of a conf that reads the source from a distance. 0 is the way without a proxy.
func (s *Site) Conf(ctx context.Context, roundTrip time.Duration) (path string, err error) {
	etc := s.machine.Dir("etc")
	path = fmt.Sprintf("%s/%dms.conf", etc, roundTrip.Milliseconds())
	if _, err = s.machine.Read(ctx, path); err == nil {
		return path, nil
	}
	port := s.store.Port
	if roundTrip > 0 {
		d, far := NewDistance(ctx, port, roundTrip)
		if far != nil {
			return path, far
		}
		s.distances = append(s.distances, d)
		port = d.Port
	}
	if err = s.machine.Put(ctx, etc+"/ca.crt", s.store.CA, 0o644, ""); err != nil {
		return path, err
	}
	return path, s.machine.Put(ctx, path, []byte(s.conf(port)), 0o640, "")
}

// conf is what a node of production would have, with a key that only reads.
func (s *Site) conf(port int) string {
	etc := s.machine.Dir("etc")
	return strings.Join([]string{
		"[global]",
		"repo1-type=s3", "repo1-path=/" + root, "repo1-s3-uri-style=path", "repo1-s3-key-type=shared",
		"repo1-s3-bucket=" + s.store.Bucket, "repo1-s3-region=" + s.store.Region,
		"repo1-s3-endpoint=" + s.store.Endpoint, fmt.Sprintf("repo1-storage-port=%d", port),
		"repo1-storage-ca-file=" + etc + "/ca.crt",
		"repo1-s3-key=" + s.store.ReadKey, "repo1-s3-key-secret=" + s.store.ReadSecret,
		"repo1-cipher-type=aes-256-cbc", "repo1-cipher-pass=" + s.Passphrase,
		fmt.Sprintf("process-max=%d", cores()),
		"log-level-file=off", "log-level-console=warn", "log-level-stderr=error",
		"lock-path=" + s.machine.Dir("lock"), "spool-path=" + s.machine.Dir("spool"),
		"", "[" + stanza + "]", "pg1-path=" + s.machine.Dir("data") + "/pg", "",
	}, "\n")
}
