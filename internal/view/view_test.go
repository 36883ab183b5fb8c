package view

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/source"
)

var dial = (&net.Dialer{}).DialContext

// load reads a conf.
func load(t *testing.T, from source.Repository) repository.Repository {
	t.Helper()
	conf, err := repository.Load(from)
	require.NoError(t, err)
	return repository.Repository{Conf: conf, Stanza: "veza", Key: 1}
}

// open opens a view of the repository that a conf names, and what it leads to.
func open(t *testing.T, conf string, files map[string][]byte) (*View, repository.Repository) {
	t.Helper()
	from := source.Repository{Conf: "/conf", Content: []byte(conf + "\n[veza]\npg1-path=/p\n"), Files: files}
	v, err := Open(t.Context(), load(t, from), from, dial, "/view/ca.crt")
	t.Cleanup(func() { assert.NoError(t, v.Close(context.Background())) })
	require.NoError(t, err)
	return v, load(t, v.Source)
}

// read lists what a repository has, and reads one file of it.
func read(t *testing.T, r repository.Repository) (names []string, content string) {
	t.Helper()
	objects, err := r.Objects(dial)
	require.NoError(t, err)
	list, err := objects.List(t.Context())
	require.NoError(t, err)
	for _, object := range list {
		names = append(names, object.Name)
	}
	reader, err := objects.Open(t.Context(), segment, 1000)
	require.NoError(t, err)
	defer reader.Close() //nolint:errcheck // only read
	read, err := io.ReadAll(reader)
	if err != nil {
		return names, err.Error()
	}
	return names, string(read)
}

// look looks at a view in all its states.
func look(t *testing.T, v *View, r repository.Repository) {
	t.Helper()
	names, content := read(t, r)
	assert.Equal(t, []string{segment, "archive/veza/archive.info"}, names)
	assert.Equal(t, "0123456789", content)
	v.Break(Fault{Kind: Hidden, Path: segment})
	names, content = read(t, r)
	assert.Equal(t, []string{"archive/veza/archive.info"}, names)
	assert.Contains(t, content, "no such object")
	v.Break(Fault{Kind: Cut, Path: segment, At: 3})
	_, content = read(t, r)
	assert.Equal(t, "012", content)
	v.Break(Fault{Kind: Flipped, Path: segment, At: 0})
	_, content = read(t, r)
	assert.Equal(t, "\xcf123456789", content)
	assert.Positive(t, v.Met())
	v.Mend()
	may, err := r.MayWrite(t.Context(), dial, "run")
	require.NoError(t, err)
	assert.Equal(t, repository.ReadOnly, may, "whatever the key may do")
	_, content = read(t, r)
	assert.Equal(t, "0123456789", content)
}

// A directory is seen like a store, with the same names, and is left as it is.
func TestOpen_Posix(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{segment: "0123456789", "archive/veza/archive.info": "info"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	v, r := open(t, "[global]\nrepo1-path="+dir+"\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=pass", nil)
	assert.True(t, r.Conf.Repo("veza", 1).Encrypted())
	look(t, v, r)
	content, err := os.ReadFile(filepath.Join(dir, segment))
	require.NoError(t, err)
	assert.Equal(t, "0123456789", string(content))
}

// The store is asked by the key of the conf, under its own name, and trusted as the conf says.
func TestOpen_S3(t *testing.T) {
	store, err := objectstore.Embedded(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.Background())) })
	lines := []string{
		"[global]", "repo1-type=s3", "repo1-path=/r", "repo1-s3-uri-style=path", "repo1-s3-bucket=" + store.Bucket,
		"repo1-s3-region=" + store.Region, "repo1-s3-endpoint=" + store.Endpoint,
		"repo1-storage-port=" + strconv.Itoa(store.Port), "repo1-storage-ca-file=/store.crt",
		"repo1-s3-key=" + store.Key, "repo1-s3-key-secret=" + store.Secret, // which may write
	}
	put(t, store, "r/archive/veza/archive.info", "info")
	put(t, store, "r/"+segment, "0123456789")
	v, r := open(t, strings.Join(lines, "\n"), map[string][]byte{"/store.crt": store.CA})
	look(t, v, r)
}

// A certificate that the conf does not trust is trusted by no view either.
func TestOpen_UntrustedStore(t *testing.T) {
	store, err := objectstore.Embedded(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, store.Close(context.Background())) })
	other, err := objectstore.Front(t.Context(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, other.Close(context.Background())) })
	_, r := open(t, "[global]\nrepo1-type=s3\nrepo1-path=/r\nrepo1-s3-uri-style=path\nrepo1-s3-bucket=backups\n"+
		"repo1-s3-region=us-east-1\nrepo1-s3-endpoint=localhost\nrepo1-storage-port="+strconv.Itoa(store.Port)+
		"\nrepo1-storage-ca-file=/store.crt\nrepo1-s3-key=k\nrepo1-s3-key-secret=s",
		map[string][]byte{"/store.crt": other.CA})
	objects, err := r.Objects(dial)
	require.NoError(t, err)
	_, err = objects.List(t.Context())
	assert.ErrorContains(t, err, "ServiceUnavailable")
}

// What no proxy can stand in front of is refused, and what can be seen is named.
func TestOpen_RefusesOtherKinds(t *testing.T) {
	for _, option := range []string{
		"repo1-host=backup", "repo1-type=azure", "repo1-type=gcs", "repo1-type=sftp\nrepo1-sftp-host=h",
	} {
		from := source.Repository{Conf: "/conf", Content: []byte("[global]\n" + option + "\n[veza]\npg1-path=/p\n")}
		v, err := Open(t.Context(), load(t, from), from, dial, "/view/ca.crt")
		why, _ := reason.Of(err)
		assert.Equal(t, reason.ConfigInvalid, why, option)
		assert.ErrorContains(t, err, "s3, posix and cifs", option)
		require.NoError(t, v.Close(t.Context()))
	}
}

// put puts an object into a store.
func put(t *testing.T, store *objectstore.Store, name, content string) {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(store.CA)
	client, err := minio.New(net.JoinHostPort(store.Endpoint, strconv.Itoa(store.Port)), &minio.Options{
		Creds: credentials.NewStaticV4(store.Key, store.Secret, ""), Secure: true, Region: store.Region,
		Transport:    &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		BucketLookup: minio.BucketLookupPath,
	})
	require.NoError(t, err)
	_, err = client.PutObject(t.Context(), store.Bucket, name, strings.NewReader(content), int64(len(content)),
		minio.PutObjectOptions{})
	require.NoError(t, err)
}
