package realtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/wait"
	"veza.fr/recovery/internal/wal"
)

// What comes back is what there was, to the last right and setting, after every check there is; it starts as production
// would, and archives the history and every segment of its new timeline.
func TestRestore(t *testing.T) {
	takesLong(t)
	n := lost(t, plain)
	before := trees(t, filepath.Join(n.dir, "repo"))
	o := n.end(n.command("-yes"))
	require.Equal(t, 0, o.Exit, o.Said)
	assert.Equal(t, "pass", o.Report.Verdict)
	assert.Empty(t, changed(before, trees(t, filepath.Join(n.dir, "repo"))), "the repository is only read")
	n.handedOver(o)
	extra := slices.DeleteFunc(names(t, n.data), func(name string) bool {
		return slices.Contains(append(names(t, n.source.data()), "backup_label.old"), name)
	})
	assert.Empty(t, extra, "only what a cluster has")

	n.start()
	dump, err := dumpAll(n.ctx(), n.bin, n.dir)
	require.NoError(t, err)
	assert.Equal(t, n.dump, dump, "roles, rights, limits, triggers, wrappers, rows")
	const untimed = "SELECT count(*) FROM users WHERE pg_catalog.pg_xact_commit_timestamp(xmin) IS NULL"
	assert.Equal(t, "0", n.sql(untimed))
	assert.Equal(t, "5MB", n.sql("SHOW work_mem"))
	n.archives()
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return list
}

// handedOver looks at what a restore left: a cluster that was stopped cleanly, and nothing of the procedure.
func (n *machine) handedOver(o outcome) {
	n.t.Helper()
	for _, name := range []string{
		"postmaster.pid", "postmaster.opts", "recovery.signal", "standby.signal", "backup_label", "backup.manifest",
	} {
		assert.NoFileExists(n.t, filepath.Join(n.data, name))
	}
	assert.NoFileExists(n.t, node.ClaimFile(n.data))
	assert.Contains(n.t, n.run(n.bin+"/pg_controldata", n.data), "shut down\n")
	was, err := os.ReadFile(filepath.Join(n.source.data(), "postgresql.auto.conf"))
	require.NoError(n.t, err)
	is, err := os.ReadFile(filepath.Join(n.data, "postgresql.auto.conf"))
	require.NoError(n.t, err)
	assert.Equal(n.t, string(was), string(is))
	for _, name := range []string{"", "pg_tblspc", "postgresql.auto.conf"} {
		before, gone := os.Stat(filepath.Join(n.source.data(), name))
		require.NoError(n.t, gone)
		after, gone := os.Stat(filepath.Join(n.data, name))
		require.NoError(n.t, gone)
		assert.Equal(n.t, before.Mode(), after.Mode(), name)
	}
	left, err := filepath.Glob(filepath.Join(n.dir, "tmp", "*"))
	require.NoError(n.t, err)
	lock := n.file("veza-drill-" + stanza + "-restore.lock")
	assert.ElementsMatch(n.t, []string{n.file("report.json"), n.file("restore.log"), lock}, left, "no scratch")
	assert.Contains(n.t, o.Said, "next: ")
}

// archives has the cluster end a segment, and looks whether all of its timeline came into the archive.
func (n *machine) archives() {
	n.t.Helper()
	n.sql("INSERT INTO users VALUES (0, 'after')")
	last := n.sql("SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_switch_wal())")
	require.NoError(n.t, wait.For(n.ctx(), "the archiver", 20*time.Millisecond, func(context.Context) error {
		waiting, err := filepath.Glob(filepath.Join(n.data, "pg_wal/archive_status/*.ready"))
		if err == nil && len(waiting) > 0 {
			err = fmt.Errorf("waiting: %v", waiting)
		}
		return err
	}))
	history, err := segmentFile(n.dir, last[:8]+".history")
	require.NoError(n.t, err)
	content, err := os.ReadFile(history)
	require.NoError(n.t, err)
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	fork, err := wal.ParseLSN(strings.Fields(lines[len(lines)-1])[1])
	require.NoError(n.t, err)
	var size uint64
	_, err = fmt.Sscan(n.sql("SELECT setting FROM pg_settings WHERE name = 'wal_segment_size'"), &size)
	require.NoError(n.t, err)
	for number := uint64(fork) / size; ; number++ {
		perID := uint64(1) << 32 / size
		segment := fmt.Sprintf("%s%08X%08X", last[:8], number/perID, number%perID)
		_, err = segmentFile(n.dir, segment)
		require.NoError(n.t, err, "the timeline begins at %s", fork)
		if segment >= last {
			return
		}
	}
}
