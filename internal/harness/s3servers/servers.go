// Package s3servers runs the S3 servers that this project is tested against, as processes of this machine:
// their buckets keep versions, and each has a pair of keys that writes and one that reads. What differs
// between them stands in drill/README.md.
package s3servers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/minio/minio-go/v7"
	keys "github.com/minio/minio-go/v7/pkg/credentials"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/objectstore/users"
	"veza.fr/recovery/internal/wait"
)

// Repository is the path in the bucket that the keys may use.
const Repository = "pgbackrest"

// readyTime bounds the start of a server.
const readyTime = time.Minute

// Program is where `make minio versitygw` puts a server's program.
func Program(name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	program := filepath.Join(cache, "veza-drill", "bin", name)
	if _, err = os.Stat(program); err != nil {
		return "", fmt.Errorf("no %s here: make %[1]s builds it: %w", name, err)
	}
	return program, nil
}

// Server is a running one. Its Store has the keys of the repository's users; root's are Root's.
type Server struct {
	*objectstore.Store
	Root Root
}

// Root is whoever may do everything with a server.
type Root struct {
	Key, Secret string
	Client      *minio.Client
}

// MinIO starts MinIO in a directory of its own.
func MinIO(ctx context.Context, dir string) (*Server, error) {
	m, err := prepare(ctx, dir)
	if err != nil {
		return nil, err
	}
	s, err := rooted(m)
	if err != nil {
		return nil, err
	}
	if err = os.WriteFile(filepath.Join(dir, "env"), m.Environment(), 0o600); err != nil {
		return nil, err
	}
	program, err := Program("minio")
	if err != nil {
		return nil, err
	}
	command := exec.Command(program, m.Argv(program, dir, filepath.Join(dir, "data"))[1:]...)
	command.Env = append(os.Environ(), "MINIO_CONFIG_ENV_FILE="+filepath.Join(dir, "env"))
	if err = s.run(command); err != nil {
		return nil, err
	}
	if err = users.Admit(ctx, m, (&net.Dialer{}).DialContext); err != nil {
		return s, err
	}
	return s, s.Root.Client.EnableVersioning(ctx, s.Bucket)
}

// VersityGW starts the Versity S3 Gateway over a directory of its own, which must be on a file system with
// extended attributes.
func VersityGW(ctx context.Context, dir string) (*Server, error) {
	m, err := prepare(ctx, dir)
	if err != nil {
		return nil, err
	}
	s, err := rooted(m)
	if err != nil {
		return nil, err
	}
	program, err := Program("versitygw")
	if err != nil {
		return nil, err
	}
	access := users.NewAccess()
	if err = writeUsers(filepath.Join(dir, "iam"), access); err != nil {
		return nil, err
	}
	if err = errors.Join(os.Mkdir(filepath.Join(dir, "data"), 0o700), os.Mkdir(filepath.Join(dir, "versions"),
		0o700)); err != nil {
		return nil, err
	}
	command := exec.Command(program, "--quiet", "--port", fmt.Sprintf("localhost:%d", s.Port),
		"--cert", filepath.Join(dir, "public.crt"), "--key", filepath.Join(dir, "private.key"),
		"--region", s.Region, "--iam-dir", filepath.Join(dir, "iam"), "--health", "/health",
		"posix", "--versioning-dir", filepath.Join(dir, "versions"), filepath.Join(dir, "data"))
	command.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.Root.Key, "ROOT_SECRET_KEY="+s.Root.Secret)
	if err = s.run(command); err != nil {
		return nil, err
	}
	if err = s.makeBucket(ctx); err != nil {
		return s, err
	}
	policy, err := s.policy(access)
	if err == nil {
		err = s.Root.Client.SetBucketPolicy(ctx, s.Bucket, policy)
	}
	s.Key, s.Secret, s.ReadKey, s.ReadSecret = access.Key, access.Secret, access.ReadKey, access.ReadSecret
	return s, err
}

// prepare makes keys and certificates of a server at a free port, and puts the latter into a directory.
func prepare(ctx context.Context, dir string) (*objectstore.MinIO, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err = listener.Close(); err != nil {
		return nil, err
	}
	m, err := objectstore.NewMinIO("localhost", port, 24*time.Hour)
	if err != nil {
		return nil, err
	}
	return m, errors.Join(os.WriteFile(filepath.Join(dir, "public.crt"), m.Certificate, 0o600),
		os.WriteFile(filepath.Join(dir, "private.key"), m.PrivateKey, 0o600))
}

// rooted is the server with its root's keys remembered.
func rooted(m *objectstore.MinIO) (*Server, error) {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(m.CA)
	client, err := minio.New(net.JoinHostPort(m.Endpoint, strconv.Itoa(m.Port)), &minio.Options{
		Creds: keys.NewStaticV4(m.Key, m.Secret, ""), Secure: true, Region: m.Region,
		BucketLookup: minio.BucketLookupPath,
		Transport:    &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}},
	})
	return &Server{Store: m.Store, Root: Root{m.Key, m.Secret, client}}, err
}

// run starts the program; it ends when the Store is closed.
func (s *Server) run(command *exec.Cmd) error {
	if err := command.Start(); err != nil {
		return err
	}
	s.OnClose(func(context.Context) error {
		_ = command.Process.Kill() // it may have ended
		_ = command.Wait()         // killed, it says
		return nil
	})
	return nil
}

// makeBucket waits until the server answers, and makes a bucket that keeps versions.
func (s *Server) makeBucket(ctx context.Context) error {
	bound, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	err := wait.For(bound, "the object store to take a bucket", 50*time.Millisecond, func(ctx context.Context) error {
		failure := s.Root.Client.MakeBucket(ctx, s.Bucket, minio.MakeBucketOptions{Region: s.Region})
		if minio.ToErrorResponse(failure).Code == minio.BucketAlreadyOwnedByYou {
			return nil
		}
		return failure
	})
	if err != nil {
		return err
	}
	return s.Root.Client.EnableVersioning(ctx, s.Bucket)
}

// writeUsers writes the gateway's file of users (auth/iam_internal.go).
func writeUsers(dir string, access users.Access) error {
	type account struct {
		Access string `json:"access"`
		Secret string `json:"secret"`
		Role   string `json:"role"`
	}
	content, err := json.Marshal(map[string]any{"accessAccounts": map[string]account{
		access.Key:     {access.Key, access.Secret, "user"},
		access.ReadKey: {access.ReadKey, access.ReadSecret, "user"},
	}})
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "users.json"), content, 0o600)
}

// policy is the bucket's: who may do what with the repository.
func (s *Server) policy(access users.Access) (string, error) {
	type statement struct {
		Effect    string
		Principal map[string][]string
		Action    []string
		Resource  string
		Condition map[string]map[string]string `json:",omitempty"`
	}
	bucket := "arn:aws:s3:::" + s.Bucket
	objects := bucket + "/" + Repository + "/*"
	both := map[string][]string{"AWS": {access.Key, access.ReadKey}}
	writer := map[string][]string{"AWS": {access.Key}}
	content, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []statement{
		{
			"Allow", both,
			[]string{"s3:ListBucket", "s3:ListBucketVersions"},
			bucket,
			map[string]map[string]string{"StringLike": {"s3:prefix": Repository + "/*"}},
		},
		{"Allow", both, []string{"s3:GetObject", "s3:GetObjectVersion"}, objects, nil},
		{
			"Allow", writer,
			[]string{"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
			objects,
			nil,
		},
	}})
	return string(content), err
}
