// Package labtest drills the lab in Incus as the weekly timer will drill production,
// and does to it what must not turn a verdict: kills, full disks, dead daemons.
package labtest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/harness/lab"
	"veza.fr/recovery/internal/reason"
)

// project keeps these drills apart from those of other tests on the same daemon.
const project = "veza-drill-test"

// labSuite is what the tests share: the lab that runs, and the programs a user installs.
type labSuite struct {
	lab      *lab.Lab
	base     string // open to user postgres, short enough for the names of sockets
	programs string
}

// Run runs every claim against the lab that is up, one after the other: each drill
// keeps the machine busy.
func Run(t *testing.T) {
	t.Helper()
	s := open(t)
	require.NoError(t, s.lab.Archive(t.Context())) // what was beaten last is in the archive: the RPO is that of now
	s.ownProject(t)
	s.run(t)
}

// open finds the lab that is up, and builds the programs.
func open(t *testing.T) *labSuite {
	t.Helper()
	base, err := os.MkdirTemp("", "vzl-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(base)) })
	require.NoError(t, os.Chmod(base, 0o755))
	s := &labSuite{base: base, programs: filepath.Join(base, "bin")}
	s.lab, err = lab.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, drilltest.Build(s.programs, "drill"))
	return s
}

// run runs the claims.
func (s *labSuite) run(t *testing.T) {
	t.Helper()
	for _, claim := range []struct {
		name string
		test func(*testing.T, *labSuite)
	}{
		{"Passes", passes},
		{"Checks", checks},
		{"KeptSandboxIsIsolated", keptSandboxIsIsolated},
		{"KilledAtAnyStep_TheNextRunPasses", killedAtAnyStep},
		{"Locked", locked},
		{"Faults", faults},
		{"ContainerKilled", containerKilled},
		{"PostmasterKilled", postmasterKilled},
		{"Daemon", daemonFaults},
		{"Posix", posixRepository},
		{"Installs", installs},
		{"Secrets", secrets},
	} {
		t.Run(claim.name, func(t *testing.T) { claim.test(t, s) })
	}
}

// bench is a place of its own for the drills of one claim.
type bench struct {
	*labSuite
	t    *testing.T
	dir  string
	conf string
	env  []string // of every drill, beside PATH and TMPDIR
	args []string // likewise
	of   []string // likewise, of testprom
	cli  []string // environment of the incus command
}

// place makes one. The conf is that of the lab's host.
func (s *labSuite) place(t *testing.T) *bench {
	t.Helper()
	dir, err := os.MkdirTemp(s.base, "")
	require.NoError(t, err)
	b := &bench{
		labSuite: s, t: t, dir: dir, conf: s.lab.Conf,
		args: []string{"-incus-project", project}, cli: []string{"INCUS_PROJECT=" + project},
	}
	require.NoError(t, os.Chmod(dir, 0o755))
	for _, name := range []string{"tmp", "out"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	require.NoError(t, os.Chmod(b.tmp(), os.ModeSticky|0o777))
	return b
}

func (b *bench) tmp() string { return filepath.Join(b.dir, "tmp") }
func (b *bench) out() string { return filepath.Join(b.dir, "out") }

// start starts a drill of the lab.
func (b *bench) start(name string, args ...string) *drilltest.Flight {
	b.t.Helper()
	usual := append([]string{"-conf", b.conf, "-stanza", b.lab.Stanza}, b.args...)
	return drilltest.Start(b.t, drilltest.Plan{
		Programs: b.programs, Dir: b.dir, Tmp: b.tmp(), Out: b.out(), Name: name,
		Env: b.env, Args: append(slices.Clone(usual), args...), Flags: b.of,
	})
}

// verdict compares a drill that has ended with what must be said of it.
func (b *bench) verdict(o drilltest.Outcome, exit int, why reason.Reason) {
	b.t.Helper()
	b.t.Logf("| %s | %d %s | %d %s | %.1f s | %s: %s", b.t.Name(), exit, why, o.Status, o.Report.Reason,
		o.Took.Seconds(), o.Report.Step, o.Report.Detail)
	assert.Equal(b.t, exit, o.Status)
	assert.Equal(b.t, why, o.Report.Reason, o.Report.Detail)
	if exit == reason.ExitEnvironment {
		assert.NotContains(b.t, o.Prom, "veza_backup_drill_last_success{", "no verdict on the backups")
	}
	if b.t.Failed() {
		b.t.Log(o.Said)
	}
}

// clean runs one drill that must pass, and looks for what is left.
func (b *bench) clean() drilltest.Outcome {
	b.t.Helper()
	o := b.start("clean").End()
	b.verdict(o, reason.ExitPass, reason.None)
	b.nothingLeft()
	return o
}
