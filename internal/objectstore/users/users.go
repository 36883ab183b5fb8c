// Package users makes the users of a MinIO server. It is a room of its own because of what the
// client of its administration brings: whoever only reads a bucket need not compile it.
package users

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/minio/madmin-go/v3"
	"github.com/minio/minio-go/v7"
	keys "github.com/minio/minio-go/v7/pkg/credentials"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/wait"
)

// repositoryPath is where in the bucket a repository lies.
const repositoryPath = "pgbackrest"

// admitTime bounds the start of a server and the making of its users.
const admitTime = 3 * time.Minute

// Access is what the users of one repository have: one pair backs up, the other only lists
// and reads (facts A6).
type Access struct{ Key, Secret, ReadKey, ReadSecret string }

// NewAccess makes up the keys of the users of a repository.
func NewAccess() (a Access) {
	a.Key, a.Secret = objectstore.Credentials()
	a.ReadKey, a.ReadSecret = objectstore.Credentials()
	return a
}

// Admit gives the server's Store keys for its repository alone, as Grant makes them. The
// server's own keys are known to nobody after that.
func Admit(ctx context.Context, m *objectstore.MinIO, dial objectstore.Dial) error {
	access, err := Grant(ctx, m, dial, repositoryPath)
	if err != nil {
		return err
	}
	m.Key, m.Secret, m.ReadKey, m.ReadSecret = access.Key, access.Secret, access.ReadKey, access.ReadSecret
	return nil
}

// Grant waits until the server answers, makes its bucket, and makes the two users of a
// repository at a path in it, such as "pgbackrest". dial leads to the server by its name.
func Grant(ctx context.Context, m *objectstore.MinIO, dial objectstore.Dial, path string) (Access, error) {
	ctx, cancel := context.WithTimeout(ctx, admitTime)
	defer cancel()
	transport := trusting(m.CA, dial)
	defer transport.CloseIdleConnections()
	address := net.JoinHostPort(m.Endpoint, strconv.Itoa(m.Port))
	root := keys.NewStaticV4(m.Key, m.Secret, "")
	buckets, err := minio.New(
		address,
		&minio.Options{
			Creds:        root,
			Secure:       true,
			Transport:    transport,
			Region:       m.Region,
			BucketLookup: minio.BucketLookupPath,
		},
	)
	if err != nil {
		return Access{}, err
	}
	if err = wait.For(ctx, "the object store to take a bucket", 100*time.Millisecond, func(ctx context.Context) error {
		failure := buckets.MakeBucket(ctx, m.Bucket, minio.MakeBucketOptions{Region: m.Region})
		if minio.ToErrorResponse(failure).Code == minio.BucketAlreadyOwnedByYou {
			return nil
		}
		return failure
	}); err != nil {
		return Access{}, err
	}
	admin, err := administration(m, transport)
	if err != nil {
		return Access{}, err
	}
	// A server that has just begun reads its users from disk, and forgets those that were made
	// meanwhile. Its list of users waits for the end of that (IAMSys.ListUsers).
	if err = wait.For(ctx, "the object store to know its users", 100*time.Millisecond, func(ctx context.Context) error {
		_, failure := admin.ListUsers(ctx)
		return failure
	}); err != nil {
		return Access{}, err
	}
	a := NewAccess()
	if err = admit(ctx, admin, path+"-writer", a.Key, a.Secret, m.Bucket, path, writes); err == nil {
		err = admit(ctx, admin, path+"-reader", a.ReadKey, a.ReadSecret, m.Bucket, path, reads)
	}
	if err != nil {
		return Access{}, fmt.Errorf("users of the object store: %w", err)
	}
	return a, nil
}

// Revoke removes users by their keys, with the server's own keys in m.
func Revoke(ctx context.Context, m *objectstore.MinIO, dial objectstore.Dial, remove ...string) error {
	ctx, cancel := context.WithTimeout(ctx, admitTime)
	defer cancel()
	transport := trusting(m.CA, dial)
	defer transport.CloseIdleConnections()
	admin, err := administration(m, transport)
	if err != nil {
		return err
	}
	for _, key := range remove {
		if err = admin.RemoveUser(ctx, key); err != nil {
			return fmt.Errorf("remove a user of the object store: %w", err)
		}
	}
	return nil
}

// trusting leads to a server with a certificate of that authority.
func trusting(ca []byte, dial objectstore.Dial) *http.Transport {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &http.Transport{
		DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
}

// administration is that of a server, by its own keys.
func administration(m *objectstore.MinIO, transport *http.Transport) (*madmin.AdminClient, error) {
	return madmin.NewWithOptions(net.JoinHostPort(m.Endpoint, strconv.Itoa(m.Port)), &madmin.Options{
		Creds: keys.NewStaticV4(m.Key, m.Secret, ""), Secure: true, Transport: transport,
	})
}

// admit makes one user, who may act in one way on what is below a path of the bucket.
func admit(
	ctx context.Context,
	admin *madmin.AdminClient,
	name, key, secret, bucket, path string,
	actions []string,
) error {
	policy, err := policyOf(bucket, path, actions)
	if err != nil {
		return err
	}
	if err = admin.AddCannedPolicy(ctx, name, policy); err != nil {
		return err
	}
	if err = admin.AddUser(ctx, key, secret); err != nil {
		return err
	}
	_, err = admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{name}, User: key})
	return err
}

// What the two users may do with objects of the repository. The reader's is the least a
// restore needs (facts A6, proven there), and what one of the repository as it was needs.
var (
	reads  = []string{"s3:GetObject", "s3:GetObjectVersion"}
	writes = []string{
		"s3:GetObject",
		"s3:GetObjectVersion",
		"s3:PutObject",
		"s3:DeleteObject",
		"s3:AbortMultipartUpload",
		"s3:ListMultipartUploadParts",
	}
)

// policyOf lets its user list the repository's path and no other, and act on its objects.
func policyOf(bucket, path string, actions []string) ([]byte, error) {
	type statement struct {
		Effect    string
		Action    []string
		Resource  []string
		Condition map[string]map[string][]string `json:",omitempty"`
	}
	resource := "arn:aws:s3:::" + bucket
	return json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []statement{
		{
			"Allow",
			[]string{"s3:ListBucket", "s3:ListBucketVersions"},
			[]string{resource},
			map[string]map[string][]string{"StringLike": {"s3:prefix": {path + "/*"}}},
		},
		{"Allow", actions, []string{resource + "/" + path + "/*"}, nil},
	}})
}
