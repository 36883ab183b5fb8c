package realtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// A directory of this machine that a restore needs and cannot make, and a file in its way, are nothing of the
// repository's: the path is named, and what is there stays.
func TestRestore_PlacesItCannotUse(t *testing.T) {
	takesLong(t)
	n := away(t, spaces)
	sealed, free := filepath.Join(n.dir, "sealed"), filepath.Join(n.dir, "free")
	require.NoError(t, os.Mkdir(sealed, 0o555)) // root's, where that is who tests
	require.NoError(t, os.Mkdir(free, 0o755))
	require.NoError(t, give(free))
	n.write("free/hba", "local all all trust\n")
	conf, err := os.ReadFile(confOf(n.dir))
	require.NoError(t, err)
	for option, path := range map[string]string{
		"tablespace-map=kept=" + sealed + "/kept\ntablespace-map=gone=" + free + "/gone": sealed + "/kept",
		"tablespace-map=kept=" + free + "/kept\ntablespace-map=gone=" + free + "/gone\n" +
			"link-map=pg_hba.conf=" + free + "/hba": free + "/hba",
		"tablespace-map=late=" + free + "/late": "tablespace-map=late=" + free + "/late: the set has no such table",
		"link-map=pg_xlog=" + free + "/wal":     "link-map=pg_xlog=" + free + "/wal: the set has no such file",
	} {
		n.write("etc/pgbackrest.conf", string(conf)+option+"\n")
		o := n.restore()
		assert.Equal(t, 2, o.Exit, o.Said)
		assert.Equal(t, reason.ConfigInvalid, o.Report.Reason, o.Said)
		assert.Contains(t, o.Report.Detail, path)
		assert.NotContains(t, o.Report.Detail, "--delta")
		hba, unread := os.ReadFile(free + "/hba")
		require.NoError(t, unread)
		assert.Equal(t, "local all all trust\n", string(hba))
		require.NoError(t, os.RemoveAll(n.data))
		require.NoError(t, os.RemoveAll(n.data+".veza-restore.json"))
		require.NoError(t, os.RemoveAll(free+"/gone"))
		require.NoError(t, os.RemoveAll(free+"/kept"))
	}
}
