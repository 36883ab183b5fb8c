package s3servers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/evidence/command"
)

// pusher is evidence, and the bucket it is copied to.
type pusher struct {
	*Server
	root, dir string
}

func (p pusher) push(t *testing.T, bucket string, more ...string) (exit int, said string) {
	t.Helper()
	var out bytes.Buffer
	args := append([]string{
		"push", p.dir, "-to", fmt.Sprintf("https://%s:%d/%s/drills/demo", p.Endpoint, p.Port, bucket),
		"-credentials", filepath.Join(p.root, "credentials"), "-ca", filepath.Join(p.root, "ca"), "-region", p.Region,
	}, more...)
	exit = command.Main(args, command.World{Out: &out, Err: &out, Now: time.Now})
	return exit, out.String()
}

// add adds an entry.
func (p pusher) add(t *testing.T) {
	t.Helper()
	_, err := evidence.Append(p.dir, time.Now(), nil, func(at evidence.Place) (evidence.Statement, error) {
		predicate, failed := json.Marshal(evidence.Run{Entry: at, Suite: "drill", Stanza: "demo", Verdict: "pass"})
		about := []evidence.Subject{evidence.Of("report.json", evidence.Digest(predicate))}
		return evidence.Statement{
			Type: evidence.StatementType, Subject: about, PredicateType: evidence.RunType, Predicate: predicate,
		}, failed
	})
	require.NoError(t, err)
}

func (p pusher) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(p.root, name), []byte(text), 0o600))
}

// A copy in a bucket with object lock cannot be taken away, and tells what was cut off or exchanged here.
func TestEvidence_IsCopiedToABucketWithObjectLock(t *testing.T) {
	if testing.Short() {
		t.Skip("needs MinIO")
	}
	root := t.TempDir()
	server, err := MinIO(t.Context(), t.TempDir())
	if server != nil {
		t.Cleanup(func() { assert.NoError(t, server.Close(t.Context())) })
	}
	require.NoError(t, err)
	p := pusher{server, root, filepath.Join(root, "evidence")}
	require.NoError(t, os.Mkdir(p.dir, 0o755))
	p.write(t, "ca", string(server.CA))
	p.write(t, "credentials", "[default]\naws_access_key_id = "+server.Root.Key+"\naws_secret_access_key = "+
		server.Root.Secret+"\n")
	const locked = "evidence"
	require.NoError(t, server.Root.Client.MakeBucket(t.Context(), locked,
		minio.MakeBucketOptions{Region: server.Region, ObjectLocking: true}))
	p.add(t)
	p.add(t)

	exit, said := p.push(t, server.Bucket, "-retain", "1d")
	assert.Equal(t, 2, exit)
	assert.Contains(t, said, "it locks no object")
	exit, said = p.push(t, locked)
	assert.Equal(t, 2, exit)
	assert.Contains(t, said, "say for how long, with -retain")

	exit, said = p.push(t, locked, "-retain", "1d")
	require.Equal(t, 0, exit, said)
	assert.Contains(t, said, "COPIED  2 of 2 entries")
	p.add(t)
	exit, said = p.push(t, locked, "-retain", "1d")
	require.Equal(t, 0, exit, said)
	assert.Contains(t, said, "COPIED  1 of 3 entries")

	p.staysLocked(t, locked)
	p.tellsWhatAnInterruptedCopyHolds(t, locked)
	p.tellsWhatIsGone(t, locked)
}

// staysLocked finds every version of every object locked.
func (p pusher) staysLocked(t *testing.T, bucket string) {
	t.Helper()
	versions := 0
	for object := range p.Root.Client.ListObjects(t.Context(), bucket,
		minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		require.NoError(t, object.Err)
		err := p.Root.Client.RemoveObject(t.Context(), bucket, object.Key,
			minio.RemoveObjectOptions{VersionID: object.VersionID, GovernanceBypass: true})
		require.Error(t, err, object.Key)
		versions++
	}
	assert.Equal(t, 5, versions, "three envelopes, the ledger of two and that of three")
}

// tellsWhatAnInterruptedCopyHolds gives the copy an envelope that its ledger does not know yet, and which is gone here.
func (p pusher) tellsWhatAnInterruptedCopyHolds(t *testing.T, bucket string) {
	t.Helper()
	const name = "drills/demo/000004.dsse.json"
	_, err := p.Root.Client.PutObject(t.Context(), bucket, name, strings.NewReader("{}"), 2, minio.PutObjectOptions{
		UserMetadata: map[string]string{"Sha256": strings.Repeat("a", 64)}, SendContentMd5: true,
	})
	require.NoError(t, err)
	exit, said := p.push(t, bucket, "-retain", "1d")
	assert.Equal(t, 1, exit)
	assert.Contains(t, said, "the copy has 000004.dsse.json, which is not here: entries were cut off")
}

// tellsWhatIsGone cuts off the last entry here, which verify cannot see, and then lets another one take its place.
func (p pusher) tellsWhatIsGone(t *testing.T, bucket string) {
	t.Helper()
	path := filepath.Join(p.dir, evidence.LedgerName)
	ledger, err := os.ReadFile(path)
	require.NoError(t, err)
	end := bytes.LastIndexByte(ledger[:len(ledger)-1], '\n') + 1
	require.NoError(t, os.WriteFile(path, ledger[:end], 0o644))
	require.NoError(t, os.Remove(filepath.Join(p.dir, evidence.FileName(3))))
	exit, said := p.push(t, bucket, "-retain", "1d")
	assert.Equal(t, 1, exit)
	assert.Contains(t, said, "entries were cut off or exchanged")
	p.add(t)
	exit, said = p.push(t, bucket, "-retain", "1d")
	assert.Equal(t, 1, exit)
	assert.Contains(t, said, "the copy of 000003.dsse.json is another envelope")
}
