package acceptance

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/reason"
)

// hungInRecovery is a copy whose drill hangs in recovery: the store takes requests for a
// segment and does not answer them. pgBackRest waits as long as it can be told to: one that gave up before the
// signal or the deadline comes is another fault (repo_unreachable).
func hungInRecovery(t *testing.T) *repoCopy {
	t.Helper()
	l, err := remote()
	require.NoError(t, err)
	rc := newCopy(t, l.seed)
	rc.set("io-timeout", "3600")
	viaProxy(localhost, func(w http.ResponseWriter, r *http.Request, store http.Handler) {
		if segment(r) {
			silent(w, r, store)
			return
		}
		store.ServeHTTP(w, r)
	})(rc)
	return rc
}

// intact is a copy nothing is wrong with, and its place among those that compute.
func intact(t *testing.T) *repoCopy {
	t.Helper()
	l, err := plain()
	require.NoError(t, err)
	cores <- struct{}{}
	t.Cleanup(func() { <-cores })
	return newCopy(t, l.seed)
}

// A run that is told to stop says so, whatever it was doing, and cleans up.
func TestStopped_InTheMiddle(t *testing.T) {
	long(t)
	for _, c := range stops {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rc := intact(t)
			if c.step == "recover" {
				rc = hungInRecovery(t)
			}
			f := rc.start("drill", nil, rc.drillArgs()...)
			f.Reach(c.step)
			f.Signal(c.signal)
			f.judge(c.fault)
		})
	}
}

// stop is when a drill is told to stop, and how.
type stop struct {
	fault
	step   string
	signal syscall.Signal
}

var stops = func() (list []stop) {
	for _, s := range []stop{
		{step: "preflight", signal: syscall.SIGTERM},
		{step: "restore", signal: syscall.SIGTERM},
		{step: "restore", signal: syscall.SIGINT},
		{step: "recover", signal: syscall.SIGTERM},
	} {
		name := s.step + "-" + unix.SignalName(s.signal)
		s.fault = singleFault("TestStopped_InTheMiddle/"+name, fault{exit: 2, why: reason.Interrupted})
		s.name = name
		list = append(list, s)
	}
	return list
}()

// judge ends a drill that was disturbed, and looks at verdict and leftovers.
func (f *flight) judge(want fault) {
	f.t.Helper()
	o := f.End()
	logVerdict(f.t, want, o)
	if want.test != "" {
		defer func() { recordVerdict(f.t, o) }()
	}
	want.judge(f.repoCopy, o)
	if f.t.Failed() {
		f.t.Log(o.Said)
	}
	f.leavesNothing()
}

// hungAtTheDeadline is a drill whose deadline strikes while it hangs in recovery. How long it takes to get there
// is for the machine to say: one that did not is begun again with twice the time, a fifth of which is for clean-up.
func hungAtTheDeadline(t *testing.T, args ...string) *flight {
	t.Helper()
	rc := hungInRecovery(t)
	for timeout := 30 * time.Second; ; timeout *= 2 {
		name := "within-" + timeout.String()
		f := rc.start(name, nil, rc.drillArgs(append(args, "-test.timeout", timeout.String())...)...)
		for _, step := range f.End().Report.Steps {
			if step.Name == "restore" && step.Outcome == "passed" {
				return f
			}
		}
		require.Less(t, timeout, 10*time.Minute, "recovery was never reached")
	}
}

// The deadline of the test is kept, clean-up included: `-timeout` alone would skip it.
func TestDeadline_LeavesNothing(t *testing.T) {
	long(t)
	hungAtTheDeadline(t).judge(deadline)
}

var deadline = singleFault("TestDeadline_LeavesNothing", fault{
	exit: 2, why: reason.Timeout, words: "deadline", waits: true,
})

// What was still going on when the deadline came is over budget when the budget was spent.
func TestDeadline_BehindTheBudget(t *testing.T) {
	long(t)
	hungAtTheDeadline(t, "-rto", "1ms").judge(lateDeadline)
}

var lateDeadline = singleFault("TestDeadline_BehindTheBudget", fault{
	exit: 1, why: reason.RTOExceeded, words: "still going on | 1ms", waits: true, step: "recover",
})

// One run holds the stanza; the second one says who.
func TestLocked(t *testing.T) {
	long(t)
	rc := hungInRecovery(t)
	first := rc.start("first", nil, rc.drillArgs()...)
	first.Reach("launch")
	o := rc.start("second", nil, rc.drillArgs()...).End()
	logVerdict(t, locked, o)
	locked.judge(rc, o)
	recordVerdict(t, o)
	holder, err := strconv.Atoi(regexp.MustCompile(`process (\d+)`).FindStringSubmatch(o.Report.Detail)[1])
	require.NoError(t, err)
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", holder))
	require.NoError(t, err, "the holder is named while it lives")
	assert.Equal(t, "drill.test", filepath.Base(program))
	first.Reach("recover") // the second run disturbed nothing
	first.Signal(syscall.SIGTERM)
	first.judge(fault{exit: 2, why: reason.Interrupted})
}

var locked = singleFault("TestLocked", fault{
	exit: 2, why: reason.Locked, words: "stanza \"demo\" is locked | held by drill.test, process ", step: "preflight",
})

// A run that is killed outright cannot clean up: whoever comes next does, and passes.
func TestKilled_TheNextRunPasses(t *testing.T) {
	long(t)
	for _, step := range []string{"restore", "recover"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			rc := intact(t)
			f := rc.start("first", nil, rc.drillArgs()...)
			f.Reach(step)
			require.NoError(t, syscall.Kill(-groupOf(t, rc), syscall.SIGKILL))
			o := f.End()
			assert.Equal(t, reason.ExitEnvironment, o.Status, "nothing was learned about the backups")
			assert.Regexp(t, `veza_backup_drill_environment_error\{reason="[a-z_]+",stanza="demo"\} 1`, o.Prom)
			assert.NotContains(t, o.Prom, "veza_backup_drill_last_success{")
			rc.start("second", nil, rc.drillArgs()...).judge(fault{exit: 0, why: reason.None})
		})
	}
}

// The same when testprom is killed with it, as by an end of memory.
func TestKilled_WithTestprom(t *testing.T) {
	long(t)
	rc := intact(t)
	f := rc.start("first", nil, rc.drillArgs()...)
	f.Reach("restore")
	group := groupOf(t, rc)
	f.Signal(syscall.SIGKILL)
	require.NoError(t, syscall.Kill(-group, syscall.SIGKILL))
	f.Wait() // it was killed
	assert.NoFileExists(t, rc.out("first.Prom"), "no file is better than half a one")
	left, err := filepath.Glob(filepath.Join(rc.tmp(), "veza-drill-demo-*"))
	require.NoError(t, err)
	require.NotEmpty(t, left, "the killed run had begun")
	rc.start("second", nil, rc.drillArgs()...).judge(afterAKill)
}

var afterAKill = singleFault("TestKilled_WithTestprom", fault{
	exit: 0, why: reason.None, words: "removed veza-drill-demo-",
})

// groupOf is the process group of the drill of a case.
func groupOf(t *testing.T, rc *repoCopy) int {
	t.Helper()
	for _, process := range processes(rc.dir) {
		pid, command, _ := strings.Cut(process, " ")
		if strings.HasSuffix(strings.Fields(command)[0], "/drill.test") {
			id, err := strconv.Atoi(pid)
			require.NoError(t, err)
			group, err := syscall.Getpgid(id)
			require.NoError(t, err)
			require.NotEqual(t, syscall.Getpgrp(), group)
			return group
		}
	}
	require.Fail(t, "no drill runs")
	return 0
}

// -keep leaves the cluster running, says how to enter it, and later runs leave it alone.
func TestKeep(t *testing.T) {
	long(t)
	rc := intact(t)
	o := rc.start("first", nil, rc.drillArgs("-keep")...).End()
	fault{exit: 0, why: reason.None, words: "enter it: psql -h "}.judge(rc, o)
	line := regexp.MustCompile(`enter it: (psql .*)`).FindStringSubmatch(strings.Join(o.Report.Notes, "\n"))
	require.NotEmpty(t, line)
	t.Cleanup(func() { rc.stopKept() })
	assert.Equal(t, strconv.Itoa(rc.seed.marks["end"].users), rc.asOwner(line[1]+" -XAtc 'SELECT count(*) FROM users'"))
	second := rc.drill(nil, rc.drillArgs()...)
	fault{exit: 0, why: reason.None}.judge(rc, second)
	assert.Equal(t, "1", rc.asOwner(line[1]+" -XAtc 'SELECT 1'"), "the kept one still answers")
	removal := regexp.MustCompile(`remove it: (?:\S+=\S+ )*testprom (-reap -kept (\S+))`).FindStringSubmatch(
		strings.Join(o.Report.Notes, "\n"))
	require.NotEmpty(t, removal)
	assert.Contains(t, rc.testprom(t, "-reap"), "kept "+removal[2]+", of stanza demo, until ")
	assert.Contains(t, rc.testprom(t, strings.Fields(removal[1])...), "removed "+removal[2])
	assert.NoDirExists(t, removal[2])
	assert.NotContains(t, rc.testprom(t, "-reap"), removal[2])
}

// testprom runs the testprom of the drills with flags of its own, in the directory of the sandboxes.
func (rc *repoCopy) testprom(t *testing.T, flags ...string) string {
	t.Helper()
	bin, err := programs()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "testprom"), flags...)
	cmd.Env = append(os.Environ(), "TMPDIR="+rc.tmp())
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%v: %s", flags, said)
	return string(said)
}

// asOwner runs a line of shell as whoever owns the repository, as an operator would.
func (rc *repoCopy) asOwner(line string) string {
	rc.t.Helper()
	said, err := rc.owners(line).CombinedOutput()
	assert.NoError(rc.t, err, "%s: %s", line, said)
	return strings.TrimSpace(string(said))
}

// owners is a line of shell as a command of whoever owns the repository.
func (rc *repoCopy) owners(line string) *exec.Cmd {
	argv := []string{"sh", "-c", line}
	if os.Geteuid() == 0 {
		argv = append([]string{"runuser", "-u", "postgres", "--"}, argv...)
	}
	cmd := exec.CommandContext(rc.t.Context(), argv[0], argv[1:]...)
	cmd.Dir = "/"
	return cmd
}

// stopKept ends the kept cluster.
func (rc *repoCopy) stopKept() {
	kept, _ := filepath.Glob(filepath.Join(rc.tmp(), "veza-drill-demo-*", "data", "postmaster.pid"))
	for _, file := range kept {
		content, err := os.ReadFile(file)
		assert.NoError(rc.t, err)
		pid, err := strconv.Atoi(strings.Fields(string(content))[0])
		assert.NoError(rc.t, err)
		assert.NoError(rc.t, syscall.Kill(pid, syscall.SIGQUIT)) // immediate
	}
	eventually(rc.t, "the kept cluster to end", func() string { return strings.Join(processes(rc.dir), "; ") })
}

// The user who owns the backups can drill them: nothing needs root.
func TestOrdinaryUser(t *testing.T) {
	long(t)
	rc := intact(t)
	f := rc.startAs([]string{"runuser", "-u", "postgres", "--"}, "drill", nil, rc.drillArgs()...)
	f.judge(fault{exit: 0, why: reason.None})
}
