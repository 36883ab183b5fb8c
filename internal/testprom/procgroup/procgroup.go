// Package procgroup runs a command as the leader of a process group of its own,
// so that the command and all it started can be signalled, waited for and killed
// together.
package procgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"veza.fr/recovery/internal/wait"
)

// Group is a running process group.
type Group struct {
	id    int
	guard *guard
}

// Start starts cmd as the leader of a new group. Should this process die before
// Release, whatever way, the group is interrupted, and killed after grace.
func Start(cmd *exec.Cmd, grace time.Duration) (*Group, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := &Group{id: cmd.Process.Pid}
	var err error
	if g.guard, err = newGuard(g.id, grace); err != nil {
		g.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
		return nil, fmt.Errorf("start the guard of %s: %w", cmd.Path, err)
	}
	return g, nil
}

// Signal sends sig to every process of the group; to an empty one it does nothing.
func (g *Group) Signal(sig syscall.Signal) { _ = syscall.Kill(-g.id, sig) }

// Release lets go of the group: it may outlive this process from now on.
func (g *Group) Release() { g.guard.dismiss() }

// WaitEmpty waits until no process of the group lives.
func (g *Group) WaitEmpty(ctx context.Context) error {
	return wait.For(ctx, "the end of the process group", 20*time.Millisecond, func(context.Context) error {
		if g.alive() {
			return errors.New("it still runs")
		}
		return nil
	})
}

// alive looks into /proc rather than sending signal 0: a zombie whose parent
// does not reap it answers that signal for ever.
func (g *Group) alive() bool {
	if syscall.Kill(-g.id, 0) != nil {
		return false
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err == nil && groupOf(stat) == g.id {
			return true
		}
	}
	return false
}

// groupOf reads the process group out of /proc/PID/stat, 0 for a zombie. A process
// whose first thread has ended looks like one while its other threads still hold
// its files and locks: it is one when a single thread is left. The program's name
// stands in parentheses and may hold anything.
func groupOf(stat []byte) int {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 {
		return 0
	}
	const threads = 17 // num_threads, counted from the state (proc_pid_stat(5))
	ended := fields[0][0] == 'Z' || fields[0][0] == 'X'
	if ended && (len(fields) <= threads || string(fields[threads]) <= "1") {
		return 0
	}
	id, _ := strconv.Atoi(string(fields[2]))
	return id
}
