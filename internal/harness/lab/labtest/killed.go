package labtest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// killedAtAnyStep kills testprom and drill together, which leaves nobody to clean up;
// the next run does, says so, and passes.
func killedAtAnyStep(t *testing.T, s *labSuite) {
	for _, step := range suite.Drill.Steps {
		t.Run(step.Name, func(t *testing.T) {
			b := s.place(t)
			f := b.start("first")
			f.Reach(step.Name)
			kill(t, f, b.dir)
			f.Wait()
			assert.NoFileExists(t, filepath.Join(b.out(), "first.prom"), "no file is better than half a one")
			b.clean()
		})
	}
}

// kill ends testprom and everything it started that is a process of this machine, at once.
func kill(t *testing.T, f *drilltest.Flight, dir string) {
	t.Helper()
	f.Signal(syscall.SIGKILL)
	for _, pid := range drills(dir) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have gone meanwhile
	}
	drilltest.Eventually(t, "the killed drill to be gone", func() string {
		if len(drills(dir)) > 0 {
			return "not yet"
		}
		return ""
	})
}

// drills are the processes that run a drill's programs out of a place.
func drills(dir string) []int {
	var pids []int
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range all {
		cmdline, _ := os.ReadFile(proc + "/cmdline")
		cwd, _ := os.Readlink(proc + "/cwd")
		environ, _ := os.ReadFile(proc + "/environ")
		if len(cmdline) == 0 || !strings.HasPrefix(cwd, dir) && !strings.Contains(string(environ), dir) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(proc)); err == nil && pid != os.Getpid() && inThisMachine(proc) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// inThisMachine leaves out what runs in a container.
func inThisMachine(proc string) bool {
	theirs, err := os.Readlink(proc + "/ns/pid")
	ours, _ := os.Readlink("/proc/self/ns/pid")
	return err == nil && theirs == ours
}

// locked: the second of two says who holds the stanza, and disturbs nothing.
func locked(t *testing.T, s *labSuite) {
	b := s.place(t)
	first := b.start("first")
	first.Reach("launch")
	second := b.start("second").End()
	b.verdict(second, reason.ExitEnvironment, reason.Locked)
	assert.Contains(t, second.Report.Detail, "drill.test")
	b.verdict(first.End(), reason.ExitPass, reason.None)
	b.nothingLeft()
	require.False(t, t.Failed())
}
