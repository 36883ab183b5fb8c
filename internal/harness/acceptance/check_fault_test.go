package acceptance

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
)

// checkFault is one line of a table of backup checks: what is wrong, the claims that are red
// of it, and the verdict.
type checkFault struct {
	name   string
	inject func(*repoCopy)
	args   string // of the check, as a fault's
	env    string
	exit   int
	why    reason.Reason
	red    string // claims by spaces; "" with a failure: no claim was started
	words  string
	// unasked is a claim that could not be asked beside those that are red.
	unasked string
}

func (a checkFault) rowName() string { return a.name }

func (a checkFault) expects() (int, reason.Reason) { return a.exit, a.why }

// run runs one fault on a copy of a seed, in an object store of its own.
func (a checkFault) run(t *testing.T, from func() (liveSeed, error)) {
	t.Helper()
	l, err := from()
	require.NoError(t, err)
	cores <- struct{}{}
	defer func() { <-cores }()
	a.runOn(newCopy(t, l.seed))
}

// runOn breaks one copy, checks it, and looks at every claim.
func (a checkFault) runOn(rc *repoCopy) {
	t := rc.t
	t.Helper()
	store := rc.toStore()
	if a.inject != nil {
		a.inject(rc)
	}
	rc.upload(store)
	before := rc.source()
	var env []string
	if a.env != "" {
		env = append(env, rc.fill(a.env))
	}
	args := []string{"-conf", rc.conf()}
	for _, arg := range strings.Fields(a.args) {
		args = append(args, rc.fill(arg))
	}
	o := rc.check(env, args...)
	logVerdict(t, a, o)
	defer func() { recordVerdict(t, o) }()
	a.judge(rc, o)
	assert.Equal(t, before, rc.source(), "a check changes nothing where the backups are")
	if t.Failed() {
		t.Log(o.Said)
	}
	rc.leavesNothing()
}

func (a checkFault) judge(rc *repoCopy, o outcome) {
	t := rc.t
	t.Helper()
	assert.Equal(t, a.exit, o.Status, "exit status")
	assert.Equal(t, a.why, o.Report.Reason, "reason: %s", o.Report.Detail)
	found := o.Report.Detail
	if a.exit == reason.ExitPass {
		found = strings.Join(o.Report.Notes, "\n")
	}
	for _, words := range strings.Split(a.words, " | ") {
		assert.Contains(t, found, rc.fill(words))
	}
	red := strings.Fields(a.red)
	for _, claim := range o.Report.Steps {
		want := "passed"
		switch {
		case a.exit != 0 && len(red) == 0: // before it was known what is asked
			want = "missing"
		case claim.Name == "rpo" || claim.Name == "retention":
			want = "not asked"
		case slices.Contains(red, claim.Name), claim.Name == a.unasked:
			want = "failed"
		}
		assert.Equal(t, want, claim.Outcome, claim.Name)
		line := fmt.Sprintf("veza_backup_check_claim_success{claim=%q,stanza=%q}", claim.Name, stanza)
		switch {
		case want == "passed":
			assert.Contains(t, o.Prom, line+" 1\n")
		case want == "failed" && a.exit == reason.ExitFailed && claim.Name != a.unasked:
			assert.Contains(t, o.Prom, line+" 0\n")
		default: // nothing was learned about it
			assert.NotContains(t, o.Prom, line)
		}
	}
	assert.Less(t, o.Took, unhurried(slowBound))
}

// toStore makes the conf that of an object store which is still empty, with the keys
// that only read.
func (rc *repoCopy) toStore() *objectstore.Store {
	rc.t.Helper()
	store, err := objectstore.Embedded(rc.t.Context())
	require.NoError(rc.t, err)
	rc.t.Cleanup(func() { assert.NoError(rc.t, store.Close(context.Background())) })
	ca := rc.file("etc/store.crt")
	require.NoError(rc.t, os.WriteFile(ca, store.CA, 0o644))
	for option, value := range map[string]string{
		"repo1-type": "s3", "repo1-path": "/pgbackrest", "repo1-s3-uri-style": "path", "repo1-s3-key-type": "shared",
		"repo1-s3-bucket": store.Bucket, "repo1-s3-region": store.Region, "repo1-s3-endpoint": store.Endpoint,
		"repo1-storage-port": strconv.Itoa(store.Port), "repo1-storage-ca-file": ca,
		"repo1-s3-key": store.ReadKey, "repo1-s3-key-secret": store.ReadSecret,
	} {
		rc.set(option, value)
	}
	return store
}

// upload puts the copy of the repository, as it is by now, into the store, oldest first.
func (rc *repoCopy) upload(store *objectstore.Store) {
	rc.t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(store.CA)
	client, err := minio.New(net.JoinHostPort(store.Endpoint, strconv.Itoa(store.Port)), &minio.Options{
		Creds: credentials.NewStaticV4(store.Key, store.Secret, ""), Secure: true, Region: store.Region,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, BucketLookup: minio.BucketLookupPath,
	})
	require.NoError(rc.t, err)
	var files []string
	require.NoError(rc.t, filepath.WalkDir(rc.repo(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}))
	for _, file := range files {
		name, err := filepath.Rel(rc.repo(), file)
		require.NoError(rc.t, err)
		_, err = client.FPutObject(rc.t.Context(), store.Bucket, "pgbackrest/"+name, file, minio.PutObjectOptions{})
		require.NoError(rc.t, err)
	}
}

// readable opens the conf to every user of the machine.
func readable(rc *repoCopy) { require.NoError(rc.t, os.Chmod(rc.conf(), 0o644)) }

// policyFile writes a file for -policy.
func policyFile(content string) func(*repoCopy) {
	return func(rc *repoCopy) {
		require.NoError(rc.t, os.WriteFile(rc.file("policy.yml"), []byte(content+"\n"), 0o644))
	}
}

// plant puts a file into the repository that pgBackRest did not write.
func plant(name, content string) func(*repoCopy) {
	return func(rc *repoCopy) {
		require.NoError(rc.t, os.WriteFile(filepath.Join(rc.repo(), rc.fill(name)), []byte(content), 0o644))
	}
}

// aged makes info say that every backup was taken so long ago.
func aged(by time.Duration) func(*repoCopy) {
	return func(rc *repoCopy) {
		then := time.Now().Add(-by).Unix()
		path(fmt.Sprintf(`s/"start":[0-9]\{10\},"stop":[0-9]\{10\}/"start":%d,"stop":%d/g`, then-1, then))(rc)
	}
}
