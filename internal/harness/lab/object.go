package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// ChangeObject puts another object in the place of one of the formation's repository, with the keys that write. undo
// puts back what was there. pgBackRest has no command for it from 2.60 on.
func (l *Lab) ChangeObject(
	ctx context.Context, name string, change func([]byte) []byte,
) (undo func(context.Context) error, err error) {
	access, err := l.places.access(formationFleet)
	if err != nil {
		return nil, err
	}
	client, err := l.storeClient(access)
	if err != nil {
		return nil, err
	}
	key := formationFleet.name + "/" + name
	object, err := client.GetObject(ctx, access.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = object.Close() }() // only read
	before, err := io.ReadAll(object)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	put := func(ctx context.Context, content []byte) error {
		_, failed := client.PutObject(ctx, access.Bucket, key, bytes.NewReader(content), int64(len(content)),
			minio.PutObjectOptions{})
		return failed
	}
	return func(ctx context.Context) error { return put(ctx, before) }, put(ctx, change(bytes.Clone(before)))
}

// access are a fleet's secrets.
func (p places) access(f fleet) (a fleetAccess, err error) {
	content, err := os.ReadFile(p.copyOf(f.file()))
	if err == nil {
		err = json.Unmarshal(content, &a)
	}
	if err != nil {
		return a, fmt.Errorf("%s: %w", p.copyOf(f.file()), err)
	}
	return a, nil
}

// storeClient asks the object store by its name, at its node's address.
func (l *Lab) storeClient(a fleetAccess) (*minio.Client, error) {
	ca, err := os.ReadFile(l.places.copyOf(caFile))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	store := node{name: storeNode}
	return minio.New(net.JoinHostPort(store.fqdn(), strconv.Itoa(storePort)), &minio.Options{
		Creds: credentials.NewStaticV4(a.Key, a.Secret, ""), Secure: true, Region: a.Region,
		BucketLookup: minio.BucketLookupPath,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
			DialContext:     storeDial(store.address()),
		},
	})
}
