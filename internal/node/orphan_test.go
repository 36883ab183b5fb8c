package node

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// A pgBackRest that goes on with a restore is seen by its command line; another command of its, or another directory,
// is nobody's concern.
func TestRestoreInto(t *testing.T) {
	dir := resolved(t)
	require.NoError(t, os.Symlink(dir, dir+".link"))
	for name, c := range map[string]struct {
		program, line string
		found         bool
	}{
		"restore":            {"pgbackrest", "pgbackrest\x00--x=y\x00--pg1-path=" + dir + "\x00restore\x00", true},
		"its own process":    {"pgbackrest", "pgbackrest\x00--pg1-path=" + dir + "\x00restore:local\x00", true},
		"by a link":          {"pgbackrest", "pgbackrest\x00--pg1-path=" + dir + ".link\x00restore\x00", true},
		"a script for it":    {"pgbackrest", "sh\x00/x/pgbackrest\x00restore\x00--pg1-path=" + dir + "/\x00", true},
		"a backup":           {"pgbackrest", "pgbackrest\x00--pg1-path=" + dir + "\x00backup\x00", false},
		"archive-get":        {"pgbackrest", "pgbackrest\x00--pg1-path=" + dir + "\x00archive-get\x00", false},
		"another directory":  {"pgbackrest", "pgbackrest\x00--pg1-path=" + dir + "2\x00restore\x00", false},
		"the conf's own":     {"pgbackrest", "pgbackrest\x00restore\x00", false},
		"somebody else's":    {"vi", "vi\x00--pg1-path=" + dir + "\x00restore\x00", false},
		"it has just ended":  {"", "", false},
		"a value called so":  {"pgbackrest", "pgbackrest\x00--x=restore\x00--pg1-path=" + dir + "\x00info\x00", false},
		"two options for it": {"pgbackrest", "pgbackrest\x00--pg2-path=" + dir + "\x00restore\x00", false},
	} {
		proc := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(proc, "4711"), 0o700))
		require.NoError(t, os.MkdirAll(filepath.Join(proc, "self"), 0o700))
		if c.program != "" {
			require.NoError(t, os.WriteFile(filepath.Join(proc, "4711/comm"), []byte(c.program+"\n"), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(proc, "4711/cmdline"), []byte(c.line), 0o600))
		}
		assert.Equal(t, c.found, restoreInto(proc, dir) == 4711, name)
	}
}

// No restore is taken up, nor begun, beside one that goes on.
func TestRefuse_Restore(t *testing.T) {
	for _, entries := range [][]string{nil, {"PG_VERSION"}} {
		for _, process := range []int{0, 4711} {
			p := Place{Dir: "/pg", Entries: entries, Restore: process}
			claim := &Claim{Step: Restoring}
			err := p.Refuse(Asked{Resume: true}, claim, "")
			if process == 0 {
				if err != nil {
					assert.NotContains(t, err.Error(), "pgbackrest")
				}
				continue
			}
			require.ErrorContains(t, err, "a pgbackrest restores into it, process "+strconv.Itoa(process))
			why, _ := reason.Of(err)
			assert.Equal(t, reason.ConfigInvalid, why)
		}
	}
}
