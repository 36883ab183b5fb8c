package realtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unlisted is a pgbackrest whose store answers no listing any more once recovery has ended.
const unlisted = `#!/bin/sh
case " $* " in
*" repo-ls "*) [ ! -e DATA/pg_wal/00000002.history ] || { echo 'ERROR: [049]: unable to connect' >&2; exit 49; } ;;
esac
exec PROGRAM "$@"
`

// A store that is gone for a while after recovery keeps nothing from being handed over that is back.
func TestRestore_StoreGoneAfterwards(t *testing.T) {
	takesLong(t)
	n := away(t, plain)
	own, err := exec.LookPath("pgbackrest")
	require.NoError(t, err)
	n.programs = filepath.Join(n.dir, "bin")
	require.NoError(t, os.Mkdir(n.programs, 0o755))
	script := strings.NewReplacer("DATA", n.data, "PROGRAM", own).Replace(unlisted)
	require.NoError(t, os.WriteFile(filepath.Join(n.programs, "pgbackrest"), []byte(script), 0o755))
	o := n.restore()
	require.Equal(t, 0, o.Exit, o.Said)
	assert.Contains(t, strings.Join(o.Report.Notes, "\n"), "the archive cannot be listed again")
	n.handedOver(o)
}

// alive is a pgbackrest that archives a segment of the lost cluster once recovery has ended: it lives, out of sight. A
// listing has whole seconds.
const alive = `#!/bin/sh
case " $* " in
*" repo-ls "*) [ ! -e DATA/pg_wal/00000002.history ] || { cp LAST NEXT; touch -d "2 seconds" NEXT; } ;;
esac
exec PROGRAM "$@"
`

// A cluster that archives when recovery has ended lives, wherever it is: nobody is told that it is gone.
func TestRestore_AnotherArchives(t *testing.T) {
	takesLong(t)
	n := lost(t, plain)
	own, err := exec.LookPath("pgbackrest")
	require.NoError(t, err)
	stored, err := filepath.Glob(filepath.Join(n.dir, "repo/archive", stanza, "*/0000000100000000/*"))
	require.NoError(t, err)
	last := stored[len(stored)-1]
	const next = "0000000100000000000000AA"
	n.programs = filepath.Join(n.dir, "bin")
	require.NoError(t, os.Mkdir(n.programs, 0o755))
	script := strings.NewReplacer("DATA", n.data, "PROGRAM", own, "LAST", last, "NEXT",
		filepath.Join(filepath.Dir(last), next+filepath.Base(last)[24:])).Replace(alive)
	require.NoError(t, os.WriteFile(filepath.Join(n.programs, "pgbackrest"), []byte(script), 0o755))
	o := n.restore()
	require.Equal(t, 0, o.Exit, o.Said)
	assert.Contains(t, o.Said, "before it is started: "+next+" came into the archive at ")
	assert.Contains(t, o.Said, "next: if it takes the place of a cluster that is lost: ")
	n.handedOver(o)
}
