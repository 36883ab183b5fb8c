package realtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/reason"
)

// spaces is a source with tablespaces: one that stays, one that is dropped after the backup, and two made after it.
var spaces = sync.OnceValues(func() (*source, error) {
	for _, name := range []string{"", "kept", "gone", "late", "later"} {
		if err := os.Mkdir(space(name), 0o700); err != nil {
			return nil, err
		}
		if err := give(space(name)); err != nil {
			return nil, err
		}
	}
	s := newSource("spaces")
	return s, s.live(`
	CREATE TABLE users AS SELECT i AS id, 'x'::text AS name FROM pg_catalog.generate_series(1, 1000) i;
	CREATE TABLESPACE kept LOCATION '`+space("kept")+`';
	CREATE TABLESPACE gone LOCATION '`+space("gone")+`';
	CREATE TABLE in_kept TABLESPACE kept AS SELECT * FROM users;
	CREATE TABLE in_gone TABLESPACE gone AS SELECT * FROM users`, []step{
		statement("CREATE TABLESPACE late LOCATION '" + space("late") + "'"),
		statement("CREATE TABLESPACE later LOCATION '" + space("later") + "'"),
		statement("CREATE TABLE in_late TABLESPACE late AS SELECT * FROM users"),
		statement("CREATE TABLE in_later TABLESPACE later AS SELECT * FROM users"), moment("made"),
		statement("DROP TABLE in_gone"), statement("DROP TABLESPACE gone"), more, more,
	})
})

func space(name string) string { return filepath.Join(base, "space", name) }

// statement is a step of one statement.
func statement(text string) step {
	return func(ctx context.Context, s *source) error {
		_, err := s.sql(ctx, text)
		return err
	}
}

// begun is what the segments of a new timeline say of tablespaces.
func (n *machine) begun() (said string) {
	n.t.Helper()
	found, err := filepath.Glob(filepath.Join(n.data, "pg_wal", "00000002????????????????"))
	require.NoError(n.t, err)
	require.NotEmpty(n.t, found)
	for _, segment := range found {
		records, ended := command(n.ctx(), n.bin+"/pg_waldump", "-r", "Tablespace", segment)
		said += records + fmt.Sprint(ended) // with an error, where it is not full
	}
	return said
}

// Tablespaces come back where they were, also those that were made after the backup. A directory that is not empty is
// not written to, and the restore says which.
func TestRestore_Tablespaces(t *testing.T) {
	takesLong(t)
	n := lost(t, spaces)
	// The room is asked for where a file will lie: a mapped tablespace is none of the data directory's. One that cannot
	// be made is said before anybody is asked.
	conf, err := os.ReadFile(confOf(n.dir))
	require.NoError(t, err)
	places := map[string]int{"/proc/kept": 2}
	if other := elsewhere(t); other != "" {
		places[filepath.Join(other, "kept")] = 0
	}
	for to, exit := range places {
		n.write("etc/pgbackrest.conf", string(conf)+"tablespace-map=kept="+to+"\n")
		o := n.restore("-plan")
		assert.Equal(t, exit, o.Exit, o.Said)
		if exit == 0 {
			assert.Contains(t, o.Said, "and      "+to+": needs 0.")
		} else {
			assert.Contains(t, o.Report.Detail, "make it (install -d -m 700 -o postgres /proc/kept)")
		}
	}
	n.write("etc/pgbackrest.conf", string(conf))

	for _, name := range []string{"kept", "late", "later"} {
		require.NoError(t, os.Rename(space(name), space(name)+".lost"))
	}
	for _, name := range []string{"kept", "later"} {
		require.NoError(t, os.Rename(space(name)+".lost", space(name)))
		inside, failed := filepath.Glob(space(name) + "/*")
		require.NoError(t, failed)
		there := trees(t, inside...)
		o := n.restore()
		assert.Equal(t, 2, o.Exit, o.Said)
		assert.Equal(t, reason.ConfigInvalid, o.Report.Reason, o.Said)
		assert.Contains(t, o.Report.Detail, space(name))
		assert.Empty(t, changed(there, trees(t, inside...)))
		n.moveAway()
		require.NoError(t, os.Rename(space(name), space(name)+".lost"))
		for _, made := range []string{"kept", "gone", "late"} { // by this restore
			require.NoError(t, os.RemoveAll(space(made)))
		}
	}

	// Recovery ends in the segment that makes the tablespaces: the new timeline begins with what was written then.
	o := n.restore("-target", n.mark["name"])
	require.Equal(t, 0, o.Exit, o.Said)
	said := n.begun()
	for _, name := range []string{"late", "later"} {
		assert.Contains(t, said, ` "`+space(name)+`"`)
	}
	n.moveAway()
	for _, name := range []string{"kept", "gone", "late", "later"} {
		require.NoError(t, os.RemoveAll(space(name)))
	}

	// What was replayed into tablespaces that were found empty keeps nobody from taking it up.
	n.stopped(stop{at: "segment", signal: syscall.SIGKILL, left: node.Recovering})
	inside, err := filepath.Glob(space("late*") + "/PG_*")
	require.NoError(t, err)
	require.Len(t, inside, 2)
	o = n.restore("-resume")
	require.Equal(t, 0, o.Exit, o.Said)
	n.handedOver(o)
	n.start()
	dump, err := dumpAll(n.ctx(), n.bin, n.dir)
	require.NoError(t, err)
	assert.Equal(t, n.dump, dump)
	links, err := filepath.Glob(filepath.Join(n.data, "pg_tblspc", "*"))
	require.NoError(t, err)
	var lead []string
	for _, link := range links {
		to, err := os.Readlink(link)
		require.NoError(t, err)
		lead = append(lead, to)
	}
	assert.ElementsMatch(t, []string{space("kept"), space("late"), space("later")}, lead)
	n.sql("CREATE TABLE more TABLESPACE later AS SELECT * FROM in_later")
	n.archives()
}

// elsewhere is a directory on another file system than all that is made here, which anybody may write to; "" where
// there is one file system alone.
func elsewhere(t *testing.T) string {
	t.Helper()
	var here, there unix.Stat_t
	require.NoError(t, unix.Stat(base, &here))
	for _, place := range []string{"/var/tmp", "/dev/shm"} {
		if unix.Stat(place, &there) == nil && there.Dev != here.Dev {
			return place
		}
	}
	return ""
}
