package acceptance

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/testprom/evidence"
)

// The evidence of a drill names the manifest of its set, as it lies in the repository, and what was asked. One that
// reaches no set names none.
func TestEvidence_OfADrill(t *testing.T) {
	long(t)
	rc := intact(t)
	bin, err := programs()
	require.NoError(t, err)
	fly := func(args ...string) evidence.Entry {
		o := drilltest.Start(t, drilltest.Plan{
			Programs: bin, Dir: rc.dir, Tmp: rc.tmp(), Out: rc.out(""), Name: "drill", Args: rc.drillArgs(args...),
			Flags: []string{"-evidence", rc.file("evidence")},
		}).End()
		l, failed := evidence.Read(rc.file("evidence"))
		require.NoError(t, failed)
		require.Empty(t, l.Verify(nil), o.Said)
		newest := l.Entries[len(l.Entries)-1]
		require.Equal(t, o.Status, newest.Run.Exit, o.Said)
		return newest
	}
	passed := fly()
	require.Equal(t, "pass", passed.Run.Verdict)
	require.Len(t, passed.Statement.Subject, 2)
	manifest := passed.Statement.Subject[1]
	assert.Equal(t, "backup/demo/"+passed.Run.Scope.Set+"/backup.manifest", manifest.Name)
	content, err := os.ReadFile(filepath.Join(rc.repo(), manifest.Name))
	require.NoError(t, err)
	assert.Equal(t, evidence.Digest(content), manifest.Digest["sha256"])
	assert.Subset(t, passed.Run.Checks.Passed, settings.DeepChecks)
	assert.Equal(t, []string{"compare"}, passed.Run.Checks.NotAsked)
	assert.InDelta(t, 24*60*60, *passed.Run.Objectives.RPO, 0)
	assert.Equal(t, "1", passed.Run.Scope.Repository)
	assert.Equal(t, passed.Run.Scope.Set, passed.Run.Scope.Newest)

	none := fly("-set", "20200101-000000F")
	assert.Equal(t, "config_invalid", none.Run.Reason)
	assert.Len(t, none.Statement.Subject, 1)
}
