package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/reason"
)

// bucket is a directory of objects, by name.
func bucket(t *testing.T, objects map[string]string) objectstore.Objects {
	t.Helper()
	root := t.TempDir()
	for name, content := range objects {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return objectstore.Directory(root)
}

// one and two are objects of the stanza veza.
const (
	one = "archive/veza/15-1/1"
	two = "backup/veza/2"
)

const encrypted = "Salted__12345678 and nothing anybody could read"

// What is encrypted passes; whatever can be read without the passphrase is named.
func TestReadWithoutPgbackrest(t *testing.T) {
	out, said := listen()
	well := bucket(t, map[string]string{one: encrypted, two: encrypted})
	require.NoError(t, readWithoutPgbackrest(t.Context(), out, well, "veza"))
	require.Len(t, said.attrs, 1)
	assert.Contains(t, said.attrs[0], "of 2 of 2 objects without pgBackRest")
	for name, c := range map[string]struct {
		content string
		why     reason.Reason
	}{
		"Frame":          {"\x28\xb5\x2f\xfd and what stands in it", reason.NotEncrypted},
		"Empty":          {"", reason.NotEncrypted},
		"RowOfUsers":     {encrypted + strings.Repeat("x", headSize) + "user1@example.org", reason.NotEncrypted},
		"PgbackrestInfo": {encrypted + " [backrest]", reason.NotEncrypted},
	} {
		objects := bucket(t, map[string]string{one: encrypted, two: c.content})
		err := readWithoutPgbackrest(t.Context(), out, objects, "veza")
		why, _ := reason.Of(err)
		assert.Equal(t, c.why, why, name)
		assert.ErrorContains(t, err, two+": ", name)
	}
	requireReason(t, reason.NoBackup, readWithoutPgbackrest(t.Context(), out, bucket(t, nil), "veza"))
	requireReason(t, reason.NoBackup, readWithoutPgbackrest(t.Context(), out, expired{}, "veza"))
}

// What lies beside the stanza is none of its backups: only what is its own counts, in either directory.
func TestReadWithoutPgbackrest_BesideTheStanza(t *testing.T) {
	out, said := listen()
	beside := map[string]string{
		one: encrypted, two: encrypted, "archive/veza2/15-1/3": "plain", "backup/other/backup.info": "[backrest]",
		"backup/latest.txt": "", "README.txt": "plain", "invoices/4": "plain",
	}
	require.NoError(t, readWithoutPgbackrest(t.Context(), out, bucket(t, beside), "veza"))
	assert.Contains(t, said.attrs[0], "of 2 of 2 objects")
	for _, plain := range []string{one, two, "archive/veza/archive.info", "backup/veza/backup.info"} {
		objects := maps.Clone(beside)
		objects[plain] = "[backrest]"
		err := readWithoutPgbackrest(t.Context(), out, bucket(t, objects), "veza")
		requireReason(t, reason.NotEncrypted, err)
		assert.ErrorContains(t, err, plain)
	}
	requireReason(t, reason.NoBackup, readWithoutPgbackrest(t.Context(), out, bucket(t, beside), "third"))
}

// What pgBackRest has not finished writing says nothing, empty or cut; another file of that size does.
func TestReadWithoutPgbackrest_Unfinished(t *testing.T) {
	const segment = "archive/veza/15-1/0000000100000000/000000010000000000000003-ab.zst"
	for _, content := range []string{"", "Salt"} {
		out, said := listen()
		objects := bucket(t, map[string]string{one: encrypted, segment + ".pgbackrest.tmp": content})
		require.NoError(t, readWithoutPgbackrest(t.Context(), out, objects, "veza"))
		assert.Contains(t, said.attrs[0], "of 1 of 1 objects")
		objects = bucket(t, map[string]string{one: encrypted, segment: content})
		requireReason(t, reason.NotEncrypted, readWithoutPgbackrest(t.Context(), out, objects, "veza"))
	}
}

// A backup that is being taken, or was cut off, has empty files; one that has its manifest, and whatever is no set's,
// has none.
func TestReadWithoutPgbackrest_BackupAtWork(t *testing.T) {
	out, _ := listen()
	const set, diff = "backup/veza/20261201-044202F", "backup/veza/20261201-044202F_20261201-050000D"
	for name, c := range map[string]struct {
		empty, manifest string
		why             reason.Reason
	}{
		"at work":           {set + "/bundle/1", set + "/backup.manifest.copy", ""},
		"a diff at work":    {diff + "/pg_data/base/5/1.zst", set + "/backup.manifest", ""},
		"complete":          {set + "/bundle/1", set + "/backup.manifest", reason.NotEncrypted},
		"a diff, complete":  {diff + "/bundle/1", diff + "/backup.manifest", reason.NotEncrypted},
		"beside the sets":   {"backup/veza/backup.info", set + "/backup.manifest", reason.NotEncrypted},
		"of the archive":    {"archive/veza/15-1/1", set + "/backup.manifest", reason.NotEncrypted},
		"of no set's label": {"backup/veza/20261201/1", set + "/backup.manifest", reason.NotEncrypted},
	} {
		objects := bucket(t, map[string]string{"archive/veza/0": encrypted, c.manifest: encrypted, c.empty: ""})
		why, _ := reason.Of(readWithoutPgbackrest(t.Context(), out, objects, "veza"))
		assert.Equal(t, c.why, why, name)
	}
	objects := bucket(t, map[string]string{one: encrypted, set + "/bundle/1": "plain"}) // empty alone is excused
	requireReason(t, reason.NotEncrypted, readWithoutPgbackrest(t.Context(), out, objects, "veza"))
}

// expired lists objects that are gone when they are opened, or whatever else that comes to.
type expired struct {
	objectstore.Directory // of "": nothing is there
	list, open            error
}

func (e expired) List(context.Context) ([]objectstore.Object, error) {
	return []objectstore.Object{{Name: "gone", Size: 8}, {Name: "folder/"}}, e.list
}

func (e expired) Below(string) objectstore.Objects { return e }

func (e expired) Open(ctx context.Context, name string, length int64) (io.ReadCloser, error) {
	if e.open != nil {
		return nil, e.open
	}
	return e.Directory.Open(ctx, name, length)
}

// A store that does not let us read says nothing about what is in it.
func TestReadWithoutPgbackrest_Unread(t *testing.T) {
	out, said := listen()
	for _, objects := range []expired{{list: errors.New("i/o timeout")}, {open: errors.New("i/o timeout")}} {
		requireReason(t, reason.RepoUnreachable, readWithoutPgbackrest(t.Context(), out, objects, "veza"))
	}
	untrusted := expired{list: errors.New("tls: failed to verify certificate: x509: signed by unknown authority")}
	requireReason(t, reason.RepoUnreachable, readWithoutPgbackrest(t.Context(), out, untrusted, "veza"))
	archived := expired{open: fmt.Errorf("object gone: InvalidObjectState: %w", objectstore.ErrRefused)}
	requireReason(t, reason.RepoDenied, readWithoutPgbackrest(t.Context(), out, archived, "veza"))
	skewed := expired{open: fmt.Errorf("object gone: RequestTimeTooSkewed: %w", objectstore.ErrRefused)}
	requireReason(t, reason.ClockSkew, readWithoutPgbackrest(t.Context(), out, skewed, "veza"))
	denied := expired{open: reason.Errorf(reason.RepoDenied, "403")}
	requireReason(t, reason.RepoDenied, readWithoutPgbackrest(t.Context(), out, denied, "veza"))
	assert.Empty(t, said.attrs)
}

// No more than most are looked at, spread over the whole list, other ones each day, and of a short list all are.
func TestSample(t *testing.T) {
	var list []objectstore.Object
	for i := range 10 {
		list = append(list, objectstore.Object{Name: fmt.Sprint(i)})
	}
	names := func(most, day int) (all string) {
		for _, object := range sample(list, most, day) {
			all += object.Name
		}
		return all
	}
	for day := range 3 {
		assert.Equal(t, "0123456789", names(10, day))
		assert.Equal(t, "0123456789", names(100, day))
		assert.Empty(t, sample(nil, 10, day))
	}
	assert.Equal(t, []string{"02468", "13579", "02468"}, []string{names(9, 0), names(9, 1), names(9, 20790)})
	assert.Equal(t, []string{"0369", "147", "258"}, []string{names(4, 0), names(4, 1), names(4, 2)})
	assert.Equal(t, "7", names(1, 17))
}

// The head of each object is read, and all of those whose rest fits into the budget; the mark
// of a folder is not, an empty file is.
func TestPlan(t *testing.T) {
	list := []objectstore.Object{
		{Name: "folder/"},
		{Name: "empty"},
		{Name: "small", Size: 10},
		{Name: "big", Size: 150},
		{Name: "large", Size: 120},
		{Name: "fits", Size: 110},
	}
	assert.Equal(t, []part{{"empty", 0}, {"small", 10}, {"big", 150}, {"large", 100}, {"fits", 110}},
		plan(list, 100, 65), "fits is read whole after large was too much")
	assert.Equal(t, []part{{"empty", 0}, {"small", 10}, {"big", 100}, {"large", 100}, {"fits", 100}},
		plan(list, 100, 0), "nothing but heads")
}

// Many findings are counted, and the first of them named.
func TestReadable(t *testing.T) {
	require.NoError(t, readable(nil, 10))
	findings := []string{"a", "b", "c", "d", "e", "f", "g"}
	err := readable(findings[:5], 10)
	requireReason(t, reason.NotEncrypted, err)
	require.ErrorContains(t, err, "in 10 objects that were looked at: a; b; c; d; e")
	assert.NotContains(t, err.Error(), "more")
	assert.ErrorContains(t, readable(findings, 10), "d; e; and 2 more")
}
