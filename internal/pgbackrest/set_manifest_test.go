package pgbackrest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Manifests that pgBackRest 2.45 wrote of a throw-away cluster: bundles, compressed and encrypted, a file with a name
// that looks like the rest of its line, and a diff that takes most of its files from the full backup.
func TestParseManifest(t *testing.T) {
	full, err := ParseManifest(recorded(t, "manifest-full.txt"))
	require.NoError(t, err)
	assert.Equal(t, "20261130-050915F", full.Label)
	assert.Equal(t, []any{"zst", true, true}, []any{full.Type, full.Bundle, len(full.Pass) > 20})
	byName := map[string]ManifestFile{}
	for _, f := range full.Files {
		byName[f.Name] = f
		assert.Empty(t, f.Reference, f.Name)
	}
	assert.Len(t, byName, 27)
	assert.Equal(t, "0700", full.Mode)
	assert.Subset(t, full.Paths, []string{"pg_data", "pg_data/base/1", "pg_data/pg_wal/archive_status"})
	assert.Equal(t, ManifestFile{
		Name: "pg_data/base/1/112", Size: 8192, RepoSize: 80, Checksum: "9890dd22d170e0de4f4d9404aba2557a33b9909b",
		RepoChecksum: "e28946c6fbfa5a31f665af440f49d3ed4ce37f30", BundleID: 1, Offset: 12528,
	}, byName["pg_data/base/1/112"])
	assert.Contains(t, byName, `pg_data/base/1/a = "quoted"={\x`)
	assert.Equal(t, "bundle/1", full.Stored(byName["pg_data/base/1/112"]))
	assert.Equal(t, "pg_data/base/1/16384.zst", full.Stored(byName["pg_data/base/1/16384"]))

	diff, err := ParseManifest(recorded(t, "manifest-diff.txt"))
	require.NoError(t, err)
	own := 0
	for _, f := range diff.Files {
		if f.Reference == "" && f.Size > 0 {
			own++
			assert.Equal(t, "pg_data/base/1/16384", f.Name)
		}
	}
	assert.Equal(t, 1, own)
	assert.Equal(t, "x.pgbi", diff.Stored(ManifestFile{Name: "x", Blocks: true}))
	assert.Equal(t, "x", Manifest{Type: "none"}.Stored(ManifestFile{Name: "x"}))
}

// A byte that is not what it was is noticed, wherever it stands.
func TestParseManifest_Damaged(t *testing.T) {
	content := recorded(t, "manifest-full.txt")
	for i := 0; i < len(content); i += 97 {
		flipped := bytes.Clone(content)
		flipped[i] ^= 0x01
		if strings.Trim(string(content[i]), "\n") == "" {
			continue // a line that ends elsewhere is another text
		}
		_, err := ParseManifest(flipped)
		require.ErrorIs(t, err, ErrManifest, "byte %d", i)
	}
	for _, cut := range []int{0, 10, len(content) / 2, len(content) - 2} {
		_, err := ParseManifest(content[:cut])
		require.ErrorIs(t, err, ErrManifest, "%d bytes", cut)
	}
	_, err := ParseManifest(append(bytes.Clone(content), "more=1\n"...))
	require.ErrorIs(t, err, ErrManifest)
}

// The passphrase that an info file holds is read, and one that is damaged gives none.
func TestInfoPass(t *testing.T) {
	content := recorded(t, "manifest-full.txt")
	pass, err := InfoPass(content)
	require.NoError(t, err)
	assert.True(t, bytes.Contains(content, []byte(`cipher-pass="`+pass+`"`)))
	_, err = InfoPass(content[1:])
	require.Error(t, err)
	assert.NotContains(t, err.Error(), pass)
}

// Whatever stands in a manifest, what comes out of it lies in its set and has numbers that can be added.
func FuzzParseManifest(f *testing.F) {
	f.Add(recorded(f, "manifest-full.txt"))
	f.Add(recorded(f, "manifest-diff.txt"))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := ParseManifest(content)
		if err != nil {
			require.ErrorIs(t, err, ErrManifest)
			return
		}
		for _, file := range m.Files {
			require.NotContains(t, "/"+file.Name+"/", "/../")
			require.GreaterOrEqual(t, min(file.Size, file.RepoSize, file.Offset, file.BundleID), int64(0))
		}
	})
}

// A path that leads out of the set is refused, though its checksum is right.
func TestParseManifestFile_Refused(t *testing.T) {
	const sum = `"checksum":"9890dd22d170e0de4f4d9404aba2557a33b9909b"`
	for name, c := range map[string][2]string{
		"elsewhere":        {"../../x", `{` + sum + `,"size":1}`},
		"no size":          {"a", `{` + sum + `}`},
		"no checksum":      {"a", `{"size":1}`},
		"a negative size":  {"a", `{` + sum + `,"size":1,"repo-size":-1}`},
		"too large":        {"a", `{` + sum + `,"size":9223372036854775807}`},
		"not a set":        {"a", `{` + sum + `,"size":1,"reference":"../x"}`},
		"another checksum": {"a", `{` + sum + `,"size":1,"rck":"xyz"}`},
	} {
		_, err := parseManifestFile(c[0], c[1])
		assert.Error(t, err, name)
	}
	_, err := parseManifestFile("a", `{`+sum+`,"size":1}`)
	assert.NoError(t, err)
}
