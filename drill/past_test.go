package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/wal"
)

// A drill of the past says so before anything else, one of now says nothing of it.
func TestTellPast(t *testing.T) {
	var said recorder
	tellPast(suite.NewOut(&said), time.Time{})
	assert.Empty(t, said.keys)
	tellPast(suite.NewOut(&said), noon)
	assert.Equal(t, "2026-08-23T12:00:00Z", said.values[suite.LabelPrefix+suite.PastLabel])
	assert.Contains(t, said.String(), "nothing is said of the backups of now")
}

// What the sandbox leaves is looked for in the archive of now: that of then never changes.
func TestListNow(t *testing.T) {
	full, _ := twoSets(t)
	box := &machine{answers: map[string]answer{"pgbackrest repo-ls": {
		stdout: `{"0000000100000000/000000010000000000000003-aa":{"type":"file","size":1,"time":1}}`,
	}}}
	r := recovered{restored: restored{provisioned: on(box, full)}}
	r.repo.Pgbackrest = &pgbackrest.Client{Host: box, At: noon}
	require.NoError(t, r.listNow(t.Context(), suite.NewOut(&recorder{})))
	assert.Nil(t, r.listed.Listing, "a drill of now has listed it already")
	r.Settings.RepoTargetTime = noon
	require.NoError(t, r.listNow(t.Context(), suite.NewOut(&recorder{})))
	assert.Len(t, r.listed.Listing, 1)
	assert.Equal(t, noon, r.repo.Pgbackrest.At, "the drill goes on in the past")
	r.listed.Listing = nil
	box.answers["pgbackrest repo-ls"] = answer{err: errGone}
	requireReason(t, reason.RepoUnreachable, r.listNow(t.Context(), suite.NewOut(&recorder{})), "")
	r.real = &nodeRestore{}
	require.NoError(t, r.listNow(t.Context(), suite.NewOut(&recorder{})), "for real it goes on without")
	assert.Contains(t, r.timelineTaken(), "is not known: name an empty repo path first")
	require.NoError(t, r.leftNothing(t.Context(), suite.NewOut(&recorder{})))
}

// A restore of the past may begin a timeline that the repository of now has; one of another number, and a restore of
// now, is in nobody's way.
func TestTimelineTaken(t *testing.T) {
	const segment = "a/000000030000000000000008-0123456789abcdef0123456789abcdef01234567.zst"
	for name, c := range map[string]struct {
		past  bool
		files []string
		want  string
	}{
		"its history":    {true, []string{"00000003.history"}, "timeline 3 is in the repository already: name an"},
		"a segment":      {true, []string{segment}, "timeline 3 is in the repository already"},
		"others":         {true, []string{"00000002.history", "00000004.history"}, ""},
		"nothing":        {true, nil, ""},
		"the one of now": {false, []string{"00000003.history"}, ""},
	} {
		var r recovered
		r.end.fork.Timeline = 3
		if c.past {
			r.Settings.RepoTargetTime = noon
		}
		var files []wal.File
		for _, file := range c.files {
			files = append(files, wal.File{Path: file})
		}
		r.listed.Archive = wal.NewArchive(files, 16<<20)
		said := r.timelineTaken()
		assert.Equal(t, c.want != "", said != "", name)
		assert.Contains(t, said, c.want, name)
		before := (&nodeRestore{taken: said, server: &postgres.Server{}}).elsewhere(origin{})
		assert.Len(t, before, map[bool]int{true: 1}[said != ""], name)
	}
}

// In a repository of the past, ages count from its moment.
func TestFoundEnd_OfThePast(t *testing.T) {
	r := recovered{}
	r.Settings.RepoTargetTime = noon
	r.end.log.RedoDone = noon.Add(time.Hour)
	assert.Equal(t, noon, r.foundEnd())
}
