package realtest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// odd is a source whose configuration is in no backup, and whose only superuser may not log in.
var odd = sync.OnceValues(func() (*source, error) {
	s := newSource("odd")
	s.outside = true
	return s, s.live(`
	CREATE TABLE users AS SELECT i AS id, 'x'::text AS name FROM pg_catalog.generate_series(1, 1000) i`,
		[]step{more, lockOut})
})

// lockOut closes the door behind the last session.
func lockOut(ctx context.Context, s *source) error {
	s.locked = true
	if err := s.count(ctx, "end"); err != nil {
		return err
	}
	_, err := s.sql(ctx, "ALTER ROLE postgres NOLOGIN; SELECT pg_catalog.pg_switch_wal()")
	return err
}

// What a restore cannot leave as it was is said; what is missing is named, and once it is there the cluster starts, and
// archives all of its new timeline.
func TestRestore_OddCluster(t *testing.T) {
	takesLong(t)
	n := lost(t, odd)
	conf := n.data
	n.data = filepath.Join(n.dir, "elsewhere")
	o := n.restore()
	require.Equal(t, 0, o.Exit, o.Said)
	notes := strings.Join(o.Report.Notes, "\n")
	for _, words := range []string{
		"postgresql.conf is in no backup", "pg_hba.conf is in no backup",
		"role postgres is a superuser that may log in", "pg1-path of the conf is " + conf,
	} {
		assert.Contains(t, notes, words)
	}
	n.handedOver(o)
	for _, name := range configuration {
		content, err := os.ReadFile(filepath.Join(n.source.dir, "etc", name))
		require.NoError(t, err)
		text := strings.ReplaceAll(string(content), "data_directory = '"+n.source.data()+"'", "")
		n.write("elsewhere/"+name, text)
	}
	require.NoError(t, writeConf(n.dir, n.data))
	n.start()
	assert.Equal(t, n.rows["end"], n.users())
	n.archives()
}

// linked is a source whose pg_wal is a link.
var linked = sync.OnceValues(func() (*source, error) {
	s := newSource("linked")
	return s, s.live("CREATE TABLE users AS SELECT i AS id, 'x'::text AS name FROM pg_catalog.generate_series(1, 10) i",
		[]step{more, func(ctx context.Context, s *source) error {
			if _, err := command(ctx, s.bin+"/pg_ctl", "stop", "-w", "-m", "fast", "-D", s.data()); err != nil {
				return err
			}
			for _, argv := range [][]string{
				{"mv", s.data() + "/pg_wal", s.dir + "/wal"}, {"ln", "-s", s.dir + "/wal", s.data() + "/pg_wal"},
			} {
				if _, err := command(ctx, argv...); err != nil {
					return err
				}
			}
			if err := start(ctx, s.bin, s.dir, s.data()); err != nil {
				return err
			}
			_, err := s.pgbackrest(ctx, "--type=full", "backup")
			return err
		}, more})
})

// A link that does not come back is said before the question; one that the conf keeps is not.
func TestRestore_Linked(t *testing.T) {
	takesLong(t)
	n := lost(t, linked)
	words := "pg_wal was a link to " + n.source.dir + "/wal, and comes back without it"
	o := n.restore("-plan")
	assert.Equal(t, 0, o.Exit, o.Said)
	assert.Contains(t, o.Said, words)
	o = n.restore()
	require.Equal(t, 0, o.Exit, o.Said)
	assert.Contains(t, o.Said, "before it is started: "+words)
	n.handedOver(o)
	n.moveAway()
	require.NoError(t, appendTo(confOf(n.dir), "link-map=pg_wal="+n.dir+"/wal\n"))
	o = n.restore("-plan")
	assert.Equal(t, 0, o.Exit, o.Said)
	assert.NotContains(t, o.Said, "was a link")
}

// strange is a source whose configuration this machine cannot obey: nobody has had it read there yet.
var strange = sync.OnceValues(func() (*source, error) {
	s := newSource("strange")
	return s, s.live("CREATE TABLE users AS SELECT i AS id, 'x'::text AS name FROM pg_catalog.generate_series(1, 10) i",
		[]step{more, func(ctx context.Context, s *source) error {
			const lines = "lc_messages = 'xx_XX.UTF-8'\nsession_preload_libraries = 'plpgsql,no_such'\n"
			if err := appendTo(filepath.Join(s.data(), "postgresql.conf"), lines); err != nil {
				return err
			}
			_, err := s.pgbackrest(ctx, "--type=full", "backup")
			return err
		}, more})
})

// What keeps PostgreSQL from starting, and its clients from getting in, is said with the rest; where nothing does,
// nothing is.
func TestRestore_NextStart(t *testing.T) {
	takesLong(t)
	for _, c := range []struct {
		from  func() (*source, error)
		words []string
	}{
		{strange, []string{
			`before it is started: PostgreSQL does not start with its own configuration here: `,
			`"lc_messages": "xx_XX.UTF-8"`, "session_preload_libraries names no_such, which is not here",
		}},
		{plain, nil},
	} {
		n := lost(t, c.from)
		o := n.restore()
		require.Equal(t, 0, o.Exit, o.Said)
		for _, words := range c.words {
			assert.Contains(t, o.Said, words)
		}
		assert.NotContains(t, o.Said, "names plpgsql")
		for _, name := range []string{"postmaster.pid", "postmaster.opts"} { // it was only asked
			assert.NoFileExists(t, filepath.Join(n.data, name))
		}
		if c.words == nil {
			assert.NotContains(t, o.Said, "does not start with its own")
			n.start()
		}
	}
}
