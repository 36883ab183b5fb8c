package realtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/reason"
)

// A moment before a mistake, by each kind of target: what came before it is back, what came after it is not.
func TestRestore_Target(t *testing.T) {
	takesLong(t)
	for _, kind := range []string{"time", "lsn", "name"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			n := lost(t, plain)
			o := n.restore("-target", n.mark[kind])
			require.Equal(t, 0, o.Exit, o.Said)
			n.handedOver(o)
			n.start()
			assert.Equal(t, n.rows["mistake"], n.users())
			n.archives()
		})
	}
}

// -plan says what there is, and writes nothing at all.
func TestRestore_Plan(t *testing.T) {
	takesLong(t)
	n := away(t, plain)
	before := n.everything()
	o := n.restore("-plan")
	assert.Equal(t, 0, o.Exit, o.Said)
	assert.Empty(t, changed(before, n.everything()))
	into := "into     " + n.data + ": not there yet"
	for _, words := range []string{into, "whole over timeline 1", "lost ", "needs "} {
		assert.Contains(t, o.Said, words)
	}
	left, err := filepath.Glob(filepath.Join(n.dir, "tmp", "veza-drill-*-restore-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

// A cluster whose data does not pass is stopped cleanly, whole, and there to be used by decision.
func TestRestore_ChecksFail(t *testing.T) {
	takesLong(t)
	n := lost(t, plain)
	o := n.restore("-min-users", "1000000")
	assert.Equal(t, 1, o.Exit, o.Said)
	assert.Equal(t, reason.TooFewRows, o.Report.Reason)
	assert.Contains(t, o.Said, "use it only by decision")
	n.handedOver(o)
	n.start()
	assert.Equal(t, n.rows["end"], n.users())
	n.archives()
}

// One who is no superuser of the machine restores a cluster of their own.
func TestRestore_OrdinaryUser(t *testing.T) {
	takesLong(t)
	n := lost(t, plain)
	n.ordinary = true
	o := n.restore()
	require.Equal(t, 0, o.Exit, o.Said)
	n.handedOver(o)
	n.start()
	assert.Equal(t, n.rows["end"], n.users())
	n.stop()

	n.moveAway()
	require.NoError(t, os.Mkdir(n.data, 0o100))
	require.NoError(t, give(n.data))
	o = n.restore()
	assert.Equal(t, 2, o.Exit, o.Said)
	assert.Contains(t, o.Report.Detail, "permission denied")
}

// Only one restores into a directory at a time, also where the two know nothing of each other's scratch directory.
func TestRestore_TwoAtOnce(t *testing.T) {
	takesLong(t)
	n := lost(t, plain)
	n.slow("restore:base")
	first := n.command(quick...)
	said := &strings.Builder{}
	first.Stdout, first.Stderr = said, said
	require.NoError(t, first.Start())
	n.waitHeld(said)

	for _, tmp := range []string{"tmp", "spool"} {
		second := n.command("-yes", "-report", filepath.Join(n.dir, "log", "second.json"))
		second.Env = append(second.Env, "TMPDIR="+filepath.Join(n.dir, tmp))
		o := n.end(second)
		assert.Equal(t, 2, o.Exit, o.Said)
		assert.Contains(t, o.Said, "locked")
	}
	n.release()
	require.NoError(t, first.Wait(), said)
	assert.NoFileExists(t, node.ClaimFile(n.data))
	n.start()
	assert.Equal(t, n.rows["end"], n.users())
}

// A first target that was too early has gone into production. A later one lies on the timeline that recovery leaves
// there: it is refused before anything is written. The first one is not.
func TestRestore_SecondTarget(t *testing.T) {
	takesLong(t)
	n := lost(t, plain)
	o := n.restore("-target", n.mark["time"])
	require.Equal(t, 0, o.Exit, o.Said)
	n.start()
	n.archives()
	n.stop()
	n.moveAway()

	o = n.restore("-plan", "-target", n.mark["time"])
	assert.Equal(t, 0, o.Exit, o.Said)

	wanted := time.Now()
	stored, err := filepath.Glob(filepath.Join(n.dir, "repo/archive", stanza, "*", "0000000*", "0000000*"))
	require.NoError(t, err)
	for _, file := range stored {
		at := wanted.Add(time.Second) // timeline 1 was archived until just after
		switch name := filepath.Base(file); {
		case strings.HasPrefix(name, "00000002"):
			at = wanted.Add(10 * time.Minute)
		case name[:24] <= n.ends[1]: // the first target lies there
			at = wanted.Add(-5 * time.Minute)
		}
		require.NoError(t, os.Chtimes(file, at, at))
	}
	history, err := segmentFile(n.dir, "00000002.history")
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(history, wanted.Add(9*time.Minute), wanted.Add(9*time.Minute)))
	o = n.restore("-plan", "-target", "time:"+wanted.UTC().Format(time.RFC3339Nano))
	assert.Equal(t, 2, o.Exit, o.Said)
	assert.Equal(t, reason.ConfigInvalid, o.Report.Reason)
	assert.Contains(t, o.Said, "recovery leaves timeline 1 at ")
	assert.Contains(t, o.Said, "--target-timeline=1 ")
}
