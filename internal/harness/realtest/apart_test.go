package realtest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/reason"
)

// fast is a source with one tablespace, whose directory every restore of it wants.
var fast = sync.OnceValues(func() (*source, error) {
	for _, dir := range []string{fastAbove(), fastDir()} {
		if err := errors.Join(os.Mkdir(dir, 0o755), give(dir)); err != nil {
			return nil, err
		}
	}
	s := newSource("fast")
	return s, s.live(`
	CREATE TABLE users AS SELECT i AS id, 'x'::text AS name FROM pg_catalog.generate_series(1, 1000) i;
	CREATE TABLESPACE fast LOCATION '`+fastDir()+`';
	CREATE TABLE in_fast TABLESPACE fast AS SELECT * FROM users`, []step{more, more})
})

func fastAbove() string { return filepath.Join(base, "apart") }
func fastDir() string   { return filepath.Join(fastAbove(), "fast") }

// refused runs a restore that must write nothing, and say these words.
func (n *machine) refused(words string, args ...string) {
	n.t.Helper()
	before := trees(n.t, fastAbove())
	o := n.restore(args...)
	assert.Equal(n.t, 2, o.Exit, o.Said)
	assert.Equal(n.t, reason.ConfigInvalid, o.Report.Reason, o.Said)
	assert.Contains(n.t, o.Report.Detail, words)
	assert.Empty(n.t, changed(before, trees(n.t, fastAbove())))
}

// A tablespace's directory is one restore's alone: what another cluster, another restore or anybody else has there
// stays, and -plan says so as well. What is its own is taken up.
func TestRestore_TablespaceOfOthers(t *testing.T) {
	takesLong(t)
	n, other := lost(t, fast), lost(t, fast)
	other.ordinary = true
	n.refused("is not empty", "-plan")
	require.NoError(t, os.Rename(fastDir(), fastDir()+".lost"))
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(fastAbove(), 0, 0))
		n.refused("make it (install -d -m 700 -o postgres "+fastDir()+")", "-plan")
		require.NoError(t, give(fastAbove()))
	}

	// One is at work: another waits for nobody, and takes nothing.
	n.slow("restore:base/*/[0-9]*")
	cmd := n.command(quick...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(t, cmd.Start())
	n.waitHeld(&said)
	o := other.restore("-plan")
	assert.Equal(t, 2, o.Exit, o.Said)
	assert.Equal(t, reason.Locked, o.Report.Reason, o.Said)
	assert.Contains(t, o.Report.Detail, "another restore is at work in "+fastDir())
	require.NoError(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait() // the mark says how far it came
	require.True(t, n.atStep(node.Restoring))
	n.refused("go on with -resume") // and what it left running is ended, before it could write any further
	n.release()

	// Killed, it left a directory in which another was restored meanwhile.
	require.NoError(t, os.Rename(fastDir(), fastDir()+".first"))
	o = other.restore()
	require.Equal(t, 0, o.Exit, o.Said)
	n.refused("is another directory than the one that was being restored into", "-resume")
	other.start()
	n.refused("is not empty", "-plan", "-to", n.dir+"/third")
	n.served(other)
	other.stop()

	require.NoError(t, os.Rename(fastDir(), fastDir()+".other"))
	require.NoError(t, os.Rename(fastDir()+".first", fastDir()))
	n.write("pg/NOTES.txt", "do not touch")
	n.refused(`pgBackRest would remove it ("`+n.data+`/NOTES.txt")`, "-resume")
	require.NoError(t, os.Remove(n.data+"/NOTES.txt"))
	o = n.restore("-resume")
	require.Equal(t, 0, o.Exit, o.Said)
	n.handedOver(o)
	n.start()
	assert.Equal(t, n.rows["end"], n.users())
	assert.Equal(t, "1000", n.sql("SELECT count(*) FROM in_fast"))
}

// served has a server make a tablespace and no table in it, and then lose what PostgreSQL made there: the directory is
// empty, and in use all the same.
func (n *machine) served(other *machine) {
	n.t.Helper()
	mapped := filepath.Join(fastAbove(), "served")
	require.NoError(n.t, os.Mkdir(mapped, 0o700))
	require.NoError(n.t, give(mapped))
	other.sql("CREATE TABLESPACE served LOCATION '" + mapped + "'")
	other.run("find", mapped, "-mindepth", "1", "-delete")
	conf, err := os.ReadFile(confOf(n.dir))
	require.NoError(n.t, err)
	n.write("etc/pgbackrest.conf", string(conf)+"tablespace-map=fast="+mapped+"\n")
	n.refused("is used by a server, process ", "-plan", "-to", n.dir+"/third")
	n.write("etc/pgbackrest.conf", string(conf))
}
