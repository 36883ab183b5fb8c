package objectstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	keys "github.com/minio/minio-go/v7/pkg/credentials"
)

// Location is where a repository lies in a bucket, and how to get there.
type Location struct {
	Endpoint  string // the server's name, as requests carry it
	Host      string // where the connection goes, and the name its certificate must be for
	Port      string
	Bucket    string
	Region    string
	Root      string // path of the repository in the bucket, without slashes around; "" is all of it
	Key       string // access key id
	Secret    string // secret access key; never to be logged
	Token     string // session token; empty for lasting keys
	CA        []byte // PEM; nil for the system's authorities
	PathStyle bool   // endpoint/bucket instead of bucket.endpoint
	VerifyTLS bool
	Plain     bool // HTTP, without TLS
	Dial      Dial
	// Check judges the certificate in the place of Go; nil: Go does.
	Check func(tls.ConnectionState) error
}

// Bucket reads a repository through S3.
type Bucket struct {
	at     Location
	client *minio.Client
}

var _ Objects = (*Bucket)(nil)

// answerTime bounds the wait for the head of one answer.
const answerTime = 30 * time.Second

// NewBucket opens a bucket for reading, with the given keys: those of the environment,
// and its proxies, are not looked at.
func NewBucket(at Location) (*Bucket, error) {
	config := &tls.Config{
		ServerName:         at.Host,
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: !at.VerifyTLS,
	} //nolint:gosec // as the conf has it
	if at.Check != nil && at.VerifyTLS {
		config.InsecureSkipVerify, config.VerifyConnection = true, at.Check
	}
	if at.CA != nil {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(at.CA) {
			return nil, errors.New("the CA file holds no certificate")
		}
	}
	address := at.Host + ":" + at.Port
	if strings.Contains(at.Host, ":") {
		address = "[" + at.Host + "]:" + at.Port
	}
	transport := &http.Transport{
		TLSClientConfig: config, ResponseHeaderTimeout: answerTime, TLSHandshakeTimeout: answerTime,
		MaxIdleConnsPerHost: 4,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn,
			error,
		) {
			return at.Dial(ctx, network, address)
		},
	}
	lookup := minio.BucketLookupDNS
	if at.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(at.Endpoint+":"+at.Port, &minio.Options{
		Creds: keys.NewStaticV4(at.Key, at.Secret,
			at.Token), Secure: !at.Plain, Transport: transport, Region: at.Region, BucketLookup: lookup, MaxRetries: 3,
	})
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w", at.Endpoint, err)
	}
	return &Bucket{at, client}, nil
}

// Below is a directory of the repository.
func (b *Bucket) Below(directory string) Objects {
	below := &Bucket{at: b.at, client: b.client}
	below.at.Root = b.key(directory)
	return below
}

// key is what an object of the repository is called in the bucket. No key begins with a slash, where the repository is
// all of the bucket neither.
func (b *Bucket) key(name string) string { return strings.TrimPrefix(b.at.Root+"/"+name, "/") }

// List lists every object below the repository's root.
func (b *Bucket) List(ctx context.Context) (list []Object, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the library's goroutine ends with it
	root := b.key("")
	for object := range b.client.ListObjects(ctx, b.at.Bucket,
		minio.ListObjectsOptions{Prefix: root, Recursive: true}) {
		if object.Err != nil {
			return nil, fmt.Errorf("list %s/ of bucket %s: %w", b.at.Root, b.at.Bucket, coded(object.Err))
		}
		list = append(list, Object{strings.TrimPrefix(object.Key, root), object.Size})
	}
	return list, ctx.Err()
}

// Open reads the first bytes of an object. No range is asked of an empty one, which has none: S3 answers 416.
func (b *Bucket) Open(ctx context.Context, name string, length int64) (io.ReadCloser, error) {
	options := minio.GetObjectOptions{}
	if length <= 0 {
		if _, err := b.client.StatObject(ctx, b.at.Bucket, b.key(name), options); err != nil {
			return nil, unread(b.key(name), err)
		}
		return http.NoBody, nil
	}
	if err := options.SetRange(0, length-1); err != nil {
		return nil, err
	}
	object, err := b.client.GetObject(ctx, b.at.Bucket, b.key(name), options)
	if err != nil {
		return nil, err
	}
	return reader{object, b.key(name)}, nil
}

// reader names the object in what goes wrong; the library asks for it only when it is read.
type reader struct {
	io.ReadCloser
	name string
}

func (r reader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, unread(r.name, err)
}

// unread is why an object was not read.
func unread(name string, err error) error {
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		err = errors.Join(ErrNoObject, err)
	}
	return fmt.Errorf("object %s: %w", name, coded(err))
}

// coded adds the store's own word for what is wrong, such as AccessDenied. A refusal wraps ErrRefused, whatever its
// word: an object that was moved to an archive class is listed, and not given (InvalidObjectState).
func coded(err error) error {
	answer := minio.ToErrorResponse(err)
	if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
		err = refused{err}
	}
	if answer.Code != "" {
		return fmt.Errorf("%s: %w", answer.Code, err)
	}
	return err
}

// refused marks an error, and leaves its text alone.
type refused struct{ error }

func (r refused) Unwrap() []error { return []error{r.error, ErrRefused} }
