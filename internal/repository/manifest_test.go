package repository

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/wal"
)

// shelf is a machine whose pgbackrest gives files by their names.
type shelf struct {
	host.Host
	files map[string][]byte
}

func (s shelf) Run(_ context.Context, command host.Command) (host.Result, error) {
	for _, word := range command.Argv {
		if content, there := s.files[word[strings.LastIndex(word, "/")+1:]]; there {
			return host.Result{Stdout: content}, nil
		}
	}
	return host.Result{}, &host.ExitError{Code: 1}
}

// The copy of a manifest is as good as the manifest, for whoever looks which segments a set holds itself too. That of
// another set is none.
func TestManifest(t *testing.T) {
	const label = "20260101-000000F"
	sealed := func(label string) []byte {
		return pgbackrest.SealInfo([]byte("[backup]\nbackup-label=\"" + label + "\"\n\n[target:file]\n" +
			"pg_data/pg_wal/000000010000000000000002={\"checksum\":\"ad552e6dc057d1d825bf49df79d6b98eba846ebe\"," +
			"\"size\":16777216}\n"))
	}
	well, other := sealed(label), sealed("20260102-000000F")
	const first, second = "backup.manifest", "backup.manifest.copy"
	for name, c := range map[string]struct {
		files        map[string][]byte
		flawed, read bool
	}{
		"both":                       {map[string][]byte{first: well, second: well}, false, true},
		"the copy alone":             {map[string][]byte{second: well}, true, true},
		"the first is cut":           {map[string][]byte{first: well[:40], second: well}, true, true},
		"the first is another's":     {map[string][]byte{first: other, second: well}, true, true},
		"the copy is cut":            {map[string][]byte{first: well, second: well[:40]}, false, true},
		"both are cut":               {map[string][]byte{first: well[:40], second: well[:40]}, false, false},
		"neither":                    {nil, false, false},
		"neither, but another set's": {map[string][]byte{first: other, second: other}, false, false},
	} {
		client := Client{
			Repository: Repository{Stanza: "veza", Key: 1, Conf: load(t, s3).Conf},
			Pgbackrest: &pgbackrest.Client{Host: shelf{files: c.files}, Stanza: "veza", Repo: 1},
		}
		m, flawed, err := client.Manifest(t.Context(), label)
		own, failed := client.OwnSegments(t.Context(), pgbackrest.Backup{Label: label}, wal.DefaultSegmentSize)
		if !c.read {
			require.ErrorIs(t, err, pgbackrest.ErrManifest, name)
			require.ErrorIs(t, failed, pgbackrest.ErrManifest, name)
			continue
		}
		require.NoError(t, err, name)
		assert.Equal(t, label, m.Label, name)
		assert.Equal(t, c.flawed, flawed != nil, name)
		assert.Len(t, own, 1, name)
	}
}
