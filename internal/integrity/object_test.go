package integrity

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/objectstore"
	"veza.fr/recovery/internal/pgbackrest"
)

const label = "20261122-020003F"

// A set's own files are its units; those of an earlier set and empty ones in a bundle are nowhere else.
func TestSetUnits(t *testing.T) {
	m := pgbackrest.Manifest{Label: label, Type: "zst", Pass: "p", Bundle: true, Files: []pgbackrest.ManifestFile{
		{Name: "pg_data/a", Size: 10, RepoSize: 5, Checksum: sum([]byte("a")), RepoChecksum: sum([]byte("A"))},
		{
			Name: "pg_data/b", Size: 9, RepoSize: 4, Checksum: sum([]byte("b")), RepoChecksum: sum([]byte("B")),
			BundleID: 1, Offset: 7,
		},
		{Name: "pg_data/c", Size: 9, RepoSize: 7, Checksum: sum([]byte("c")), BundleID: 1},
		{Name: "pg_data/empty"},
		{Name: "pg_data/old", Size: 9, RepoSize: 7, Reference: "20261115-020003F"},
		{Name: "pg_data/blocks", Size: 9, RepoSize: 3, RepoChecksum: sum(nil), Blocks: true},
	}}
	at := "backup/demo/" + label + "/"
	found := map[string]int64{at + "pg_data/a.zst": 5, at + "bundle/1": 11, at + "pg_data/blocks.pgbi": 3}
	units, wrong := SetUnits("demo", m, found)
	assert.Empty(t, wrong)
	assert.Equal(t, []Unit{{Key: label + "/0", Set: label, Bytes: 19, Objects: []Object{
		{Path: at + "bundle/1", Bytes: 11, Files: []File{
			{Name: "pg_data/c", Length: 7, Plain: sum([]byte("c")), PlainBytes: 9, Pass: "p", Compression: "zst"},
			{Name: "pg_data/b", Offset: 7, Length: 4, Stored: sum([]byte("B"))},
		}},
		{Path: at + "pg_data/a.zst", Bytes: 5, Files: []File{{Name: "pg_data/a", Length: 5, Stored: sum([]byte("A"))}}},
		{Path: at + "pg_data/blocks.pgbi", Bytes: 3, Files: []File{
			{Name: "pg_data/blocks", Length: 3, Stored: sum(nil)},
		}},
	}}}, units)

	delete(found, at+"pg_data/a.zst")
	found[at+"bundle/1"] = 10
	units, wrong = SetUnits("demo", m, found)
	assert.Equal(t, []string{at + "bundle/1 has 10 bytes, and had 11", at + "pg_data/a.zst is missing"}, wrong)
	assert.Equal(t, label+"/0", units[0].Key)
	assert.Len(t, units[0].Objects, 1)
}

// Before 2.50 a file that was emptied while the backup ran takes its place in a bundle, and may be the last one there.
func TestSetUnits_EmptiedWhileItRan(t *testing.T) {
	m := pgbackrest.Manifest{Label: label, Type: "zst", Bundle: true, Files: []pgbackrest.ManifestFile{
		{Name: "pg_data/a", Size: 10, RepoSize: 7, RepoChecksum: sum([]byte("A")), BundleID: 1},
		{Name: "pg_data/emptied", RepoSize: 9, RepoChecksum: sum([]byte("E")), BundleID: 1, Offset: 7},
		{Name: "pg_data/empty"},
	}}
	at := "backup/demo/" + label + "/bundle/1"
	units, wrong := SetUnits("demo", m, map[string]int64{at: 16})
	assert.Empty(t, wrong)
	require.Len(t, units[0].Objects, 1)
	assert.Len(t, units[0].Objects[0].Files, 2)
}

// Where nothing is packed and encrypted, what is stored is the file itself.
func TestSetUnits_Plain(t *testing.T) {
	m := pgbackrest.Manifest{Label: label, Type: "none", Files: []pgbackrest.ManifestFile{
		{Name: "pg_data/a", Size: 10, RepoSize: 10, Checksum: sum([]byte("a"))}, {Name: "pg_data/empty"},
	}}
	at := "backup/demo/" + label + "/pg_data/"
	units, wrong := SetUnits("demo", m, map[string]int64{at + "a": 10, at + "empty": 0})
	assert.Empty(t, wrong)
	assert.Equal(t, sum([]byte("a")), units[0].Objects[0].Files[0].Stored)
	assert.Equal(t, sum(nil), units[0].Objects[1].Files[0].Stored)
}

// A large set has several units, and their keys stay the same when an object is lost.
func TestSetUnits_KeysDoNotMove(t *testing.T) {
	m := pgbackrest.Manifest{Label: label, Type: "none"}
	found := map[string]int64{}
	for _, name := range []string{"a", "b", "c", "d"} {
		m.Files = append(m.Files, pgbackrest.ManifestFile{Name: name, Size: unitBytes / 2, RepoSize: unitBytes / 2})
		found["backup/demo/"+label+"/"+name] = unitBytes / 2
	}
	whole, _ := SetUnits("demo", m, found)
	assert.Len(t, whole, 2)
	delete(found, "backup/demo/"+label+"/a")
	less, wrong := SetUnits("demo", m, found)
	assert.Len(t, wrong, 1)
	assert.Equal(t, whole[1], less[1])
}

// Segments are units by directory; history files, partial ones and what nobody knows are none.
func TestWALUnits(t *testing.T) {
	const one, two = "15-1/0000000100000000/", "15-1/0000000200000001/"
	digest := sum([]byte("x"))
	segment := "0000000100000000000000"
	units := WALUnits("demo", []objectstore.Object{
		{Name: one + segment + "01-" + digest + ".zst", Size: 7},
		{Name: one + segment + "02-" + digest, Size: 9},
		{Name: two + "000000020000000100000003-" + digest + ".gz", Size: 5},
		{Name: "15-1/00000002.history", Size: 1},
		{Name: "archive.info", Size: 1},
		{Name: one + segment + "03.partial-" + digest + ".zst", Size: 1},
		{Name: one + "../x", Size: 1},
	}, "pass")
	assert.Equal(t, []string{"15-1/0000000100000000", "15-1/0000000200000001"}, []string{units[0].Key, units[1].Key})
	assert.Len(t, units, 2)
	assert.Equal(t, int64(16), units[0].Bytes)
	assert.Equal(t, Object{Path: "archive/demo/" + one + segment + "01-" + digest + ".zst", Bytes: 7, Files: []File{
		{Name: segment + "01", Length: 7, Plain: digest, Pass: "pass", Compression: "zst"},
	}}, units[0].Objects[0])
}
