package drill

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
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
	require.NoError(t, r.listNow(t.Context()))
	assert.Nil(t, r.listed.Listing, "a drill of now has listed it already")
	r.Settings.RepoTargetTime = noon
	require.NoError(t, r.listNow(t.Context()))
	assert.Len(t, r.listed.Listing, 1)
	assert.Equal(t, noon, r.repo.Pgbackrest.At, "the drill goes on in the past")
	r.listed.Listing = nil
	box.answers["pgbackrest repo-ls"] = answer{err: errGone}
	requireReason(t, reason.RepoUnreachable, r.listNow(t.Context()), "")
}

// In a repository of the past, ages count from its moment.
func TestFoundEnd_OfThePast(t *testing.T) {
	r := recovered{}
	r.Settings.RepoTargetTime = noon
	r.end.log.RedoDone = noon.Add(time.Hour)
	assert.Equal(t, noon, r.foundEnd())
}
