package realtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/node"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// stop is how a restore that is under way ends before its time.
type stop struct {
	at     string // where pgbackrest is held, "segment" amid the archive; "" is at a check that takes its time
	signal syscall.Signal
	left   node.Step      // what the mark says by then, and afterwards
	then   func(*machine) // what becomes of it meanwhile; nil is nothing
	whole  bool           // the last file is there, without which PostgreSQL starts nothing
}

var stops = map[string]stop{
	"RestoreBeforeFiles": {at: "restore:base", signal: syscall.SIGKILL, left: node.Restoring},
	"RestoreInterrupted": {at: "restore:base/*/[0-9]*", signal: syscall.SIGINT, left: node.Restoring},
	"RestoreTerminated":  {at: "restore:base/*/[0-9]*", signal: syscall.SIGTERM, left: node.Restoring},
	"RestoreKilled":      {at: "restore:base/*/[0-9]*", signal: syscall.SIGKILL, left: node.Restoring},
	"RestoreAtItsEnd":    {at: "restore:global/pg_control", signal: syscall.SIGKILL, left: node.Restoring, whole: true},
	"ReplayInterrupted":  {at: "segment", signal: syscall.SIGINT, left: node.Recovering},
	"ReplayTerminated":   {at: "segment", signal: syscall.SIGTERM, left: node.Recovering},
	"ReplayKilled":       {at: "segment", signal: syscall.SIGKILL, left: node.Recovering},
	"ReplayByTheReleaseBefore": {
		at: "segment", signal: syscall.SIGKILL, left: node.Recovering, then: (*machine).forgets,
	},
	"ReplayCrashed": {at: "segment", signal: syscall.SIGKILL, left: node.Recovering, then: (*machine).crashes},
	"VerifyKilled":  {signal: syscall.SIGKILL, left: node.Recovered},
}

// A restore that was stopped says what is there, lets no other begin, and is taken up again by -resume: what comes back
// then is what would have come back at once.
func TestRestore_StoppedAndTakenUp(t *testing.T) {
	takesLong(t)
	for name, s := range stops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := lost(t, plain)
			o := n.stopped(s)
			assert.True(t, n.atStep(s.left), o.Said)
			if s.signal != syscall.SIGKILL {
				assert.Equal(t, 2, o.Exit, o.Said)
				assert.Equal(t, reason.Interrupted, o.Report.Reason, o.Said)
				assert.Contains(t, o.Said, "-resume")
				assert.NoFileExists(t, n.data+"/postmaster.pid")
			}
			o = n.restore()
			require.Equal(t, 2, o.Exit, o.Said)
			assert.Contains(t, o.Report.Detail, "go on with -resume")
			if s.left != node.Restoring || s.whole {
				n.doesNotStart()
			}

			if s.then != nil {
				s.then(n)
			}
			o = n.restore("-resume")
			require.Equal(t, 0, o.Exit, o.Said)
			n.handedOver(o)
			n.start()
			assert.Equal(t, n.rows["end"], n.users())
			n.hasItsLimits()
			n.archives()
		})
	}
}

// forgets makes the mark one of a release that knew only the data directory.
func (n *machine) forgets() {
	n.t.Helper()
	content, err := os.ReadFile(node.ClaimFile(n.data))
	require.NoError(n.t, err)
	var mark map[string]any
	require.NoError(n.t, json.Unmarshal(content, &mark))
	for _, name := range []string{"born", "apart", "started", "starter"} {
		require.Contains(n.t, mark, name)
		delete(mark, name)
	}
	content, err = json.Marshal(mark)
	require.NoError(n.t, err)
	require.NoError(n.t, os.WriteFile(node.ClaimFile(n.data), content, 0o600))
}

// crashes leaves what was not on the disk yet as a file system may leave it: empty, or full of zeros. The pid file was.
func (n *machine) crashes() {
	n.t.Helper()
	n.write("pg/postmaster.pid", "1\n"+n.data+"\n")
	require.NoError(n.t, os.Truncate(n.data+"/postmaster.opts", 0))
	for _, size := range []int64{0, 8192} {
		require.NoError(n.t, os.Truncate(n.data+"/global/pg_control", size))
	}
}

// Stopped while its data is looked at, it hands over what is restored by then, to be used by decision.
func TestRestore_StoppedInVerify(t *testing.T) {
	takesLong(t)
	n := lost(t, plain)
	o := n.stopped(stop{signal: syscall.SIGTERM, left: node.Recovered})
	assert.Equal(t, 2, o.Exit, o.Said)
	assert.Equal(t, reason.Interrupted, o.Report.Reason)
	assert.Contains(t, o.Said, "use it only by decision")
	n.handedOver(o)
	n.start()
	assert.Equal(t, n.rows["end"], n.users())
	n.hasItsLimits()
	n.archives()
}

// hasItsLimits looks at the connection limits that were lifted while the data was looked at.
func (n *machine) hasItsLimits() {
	n.t.Helper()
	assert.Equal(n.t, "closed 1, none 0", n.sql(`SELECT pg_catalog.string_agg(datname || ' ' || datconnlimit, ', '
		ORDER BY datname) FROM pg_catalog.pg_database WHERE datconnlimit >= 0`))
}

// marksLimits says whether the mark of a restore has the connection limits that are about to be lifted.
func (n *machine) marksLimits() bool {
	claim, err := node.ReadClaim(n.data)
	return err == nil && claim != nil && len(claim.Limits) == 2
}

// doesNotStart looks that nobody starts, unawares, a cluster that has not its own settings back.
func (n *machine) doesNotStart() {
	n.t.Helper()
	require.Error(n.t, start(n.ctx(), n.bin, n.dir, n.data))
	log, err := os.ReadFile(filepath.Join(n.dir, "server.log"))
	require.NoError(n.t, err)
	assert.Contains(n.t, string(log), "veza-restore has not ended here: go on with -resume")
}

// waitHeld waits until a restore is held.
func (n *machine) waitHeld(said fmt.Stringer) {
	n.t.Helper()
	require.NoError(n.t, wait.For(n.ctx(), "the point to stop at", 5*time.Millisecond, func(context.Context) error {
		if n.isHeld() {
			return nil
		}
		return errors.New("not yet: " + said.String())
	}))
}

// stopped runs a restore until it came far enough, and sends it a signal.
func (n *machine) stopped(s stop) outcome {
	n.t.Helper()
	args := quick
	if s.at == "segment" {
		s.at = n.ends[1]
	}
	if s.at != "" {
		n.slow(s.at)
	} else {
		n.write("etc/checks.yaml", "- {name: long, query: 'SELECT 1 FROM pg_sleep(600)', equals: '1'}\n")
		args = append([]string{"-checks", n.dir + "/etc/checks.yaml"}, quick...)
	}
	cmd := n.command(args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	require.NoError(n.t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the status says it
	}()
	require.NoError(n.t, wait.For(n.ctx(), "the point to stop at", 5*time.Millisecond, func(context.Context) error {
		if n.atStep(s.left) && (s.at == "" && n.marksLimits() || n.isHeld()) {
			return nil
		}
		select {
		case <-ended:
			return wait.Stop(errors.New(said.String()))
		default:
			return errors.New("not yet")
		}
	}))
	require.NoError(n.t, cmd.Process.Signal(s.signal))
	<-ended
	if s.at != "" {
		n.release()
	}
	return n.left(cmd, said.String())
}
