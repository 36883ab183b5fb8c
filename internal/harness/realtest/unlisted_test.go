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
