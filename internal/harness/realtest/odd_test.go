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
