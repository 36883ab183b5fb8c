package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/versions"
)

// fault is one line of a table: what is wrong, and the verdict that is true.
type fault struct {
	name   string
	inject func(*repoCopy) // breaks the copy; nil: nothing is wrong with it
	args   string          // of the drill, with names of the seed: "-target lsn:{half.lsn}"
	exit   int
	why    reason.Reason
	words  string // stand in the detail, in a pass in the notes; parts between " | "
	never  string // stands in no note
	users  string // a pass: the mark whose number of users came back; "" is "end", of "any" nobody knows
	env    string // VARIABLE=value of the drill
	waits  bool   // takes time, no core
	moves  bool   // what it injects changes the source while the drill runs
	step   string // the step whose failure is the verdict; "": none is, or it is not asked
	where  environments
	test   string // of a lone fault
	since  string // the first pgBackRest that has what the row is about; "" is any
	older  older  // what an earlier one comes to
	past   bool   // of the repository as it was: the textfile speaks of now, and stays as it is
	left   bool   // of a cluster that was left: the same
}

// older is the verdict where the installed pgBackRest has not what a row is about. It is as true
// as the other, and no skip.
type older struct {
	exit  int
	why   reason.Reason
	words string
	users string // as in fault, of a pass
	step  string
}

// asInstalled is the row as it is with the pgBackRest of this machine.
func (f fault) asInstalled() fault {
	if f.since != "" && versions.Older(installedPgBackRest(), f.since) {
		f.exit, f.why, f.words, f.users = f.older.exit, f.older.why, f.older.words, f.older.users
		f.step = f.older.step
	}
	return f
}

// installedPgBackRest is the version of this machine's, "" where there is none.
var installedPgBackRest = sync.OnceValue(func() string {
	said, _ := exec.Command("pgbackrest", "version").Output()
	return strings.TrimPrefix(strings.TrimSpace(string(said)), "pgBackRest ")
})

// environments is where a row makes sense: by default in processes alone, because it is about
// them, or because containers would add nothing to it but time.
type environments int

const (
	everywhere environments = iota + 1
	containers
)

// here says whether a row is for the environment.
func (f fault) here() bool {
	if *environment == "" {
		return f.where != containers
	}
	return f.where != 0
}

// Bounds on a machine with nothing else to do; see unhurried. A verdict of preflight needs some calls of
// pgBackRest, each well under a second; pgBackRest itself tries a damaged file again after 15 s.
const (
	preflightBound = 20 * time.Second
	slowBound      = time.Minute
	drillBound     = 45 * time.Second
)

func (f fault) rowName() string { return f.name }

func (f fault) expects() (int, reason.Reason) {
	f = f.asInstalled()
	return f.exit, f.why
}

// run runs one fault on a copy of a seed of its own.
func (f fault) run(t *testing.T, from func() (liveSeed, error)) {
	t.Helper()
	l, err := from()
	require.NoError(t, err)
	if !f.waits {
		cores <- struct{}{}
		defer func() { <-cores }()
	}
	f.runOn(newCopy(t, l.seed))
}

// runOn breaks one copy, drills it, and looks at everything a drill may be judged by.
func (f fault) runOn(rc *repoCopy) {
	t := rc.t
	t.Helper()
	f = f.asInstalled()
	if f.inject != nil {
		f.inject(rc)
	}
	before := rc.source()
	var env []string
	if f.env != "" {
		env = append(env, rc.fill(f.env))
	}
	o := rc.drill(env, rc.drillArgs(strings.Fields(f.args)...)...)
	logVerdict(t, f, o)
	defer func() { recordVerdict(t, o) }()
	f.judge(rc, o)
	if !f.moves {
		assert.Equal(t, before, rc.source(), "the drill changes nothing where the backups are")
	}
	if t.Failed() {
		t.Log(o.Said)
	}
	rc.leavesNothing()
}

// judge compares the verdict in every place it is written to.
func (f fault) judge(rc *repoCopy, o outcome) {
	t := rc.t
	t.Helper()
	assert.Equal(t, f.exit, o.Status, "exit status")
	assert.Equal(t, f.why, o.Report.Reason, "reason: %s", o.Report.Detail)
	if f.step != "" {
		assert.Equal(t, f.step, o.Report.Step, "step")
	}
	found := o.Report.Detail
	if f.exit == reason.ExitPass {
		found = strings.Join(o.Report.Notes, "\n")
	}
	for _, words := range strings.Split(f.words, " | ") {
		assert.Contains(t, found, rc.fill(words))
	}
	if f.never != "" {
		assert.NotContains(t, strings.Join(o.Report.Notes, "\n"), f.never)
	}
	switch {
	case f.past:
		assert.Empty(t, o.Prom, "the textfile speaks of the backups of now")
		if f.why != reason.ConfigInvalid { // which may end it before there is a moment
			assert.NotEmpty(t, o.Report.Labels["repo_target_time"])
		}
		if f.exit == reason.ExitPass {
			assert.Contains(t, o.Report.Sentence, "nothing is said of the backups of now")
			f.cameBack(rc, o)
		}
	case f.left:
		assert.Empty(t, o.Prom, "the textfile speaks of the backups of now")
		assert.NotEmpty(t, o.Report.Labels["cluster_left"])
		f.cameBack(rc, o)
	case f.exit == reason.ExitPass:
		assert.Contains(t, o.Prom, `veza_backup_drill_last_success{reason="none",stanza="demo"} 1`)
		assert.Regexp(t, `veza_backup_drill_environment_error\{reason="none",stanza="demo"\} 0`, o.Prom)
		f.cameBack(rc, o)
	case f.exit == reason.ExitFailed:
		assert.Regexp(t, fmt.Sprintf(`veza_backup_drill_last_success\{reason="%s",stanza="[a-z]+"\} 0`, f.why), o.Prom)
		assert.Regexp(t, `veza_backup_drill_environment_error\{reason="none",stanza="[a-z]+"\} 0`, o.Prom)
	case f.exit == reason.ExitEnvironment && f.step == "teardown": // the verdict on the backups stands
		assert.Contains(t, o.Prom, `veza_backup_drill_last_success{reason="none",stanza="demo"} 1`)
		assert.Contains(t, o.Prom, fmt.Sprintf(`environment_error{reason="%s",stanza="demo"} 1`, f.why))
		f.cameBack(rc, o)
	case f.exit == reason.ExitEnvironment:
		assert.Regexp(t, fmt.Sprintf(`veza_backup_drill_environment_error\{reason="%s",stanza="[a-z]+"\} 1`, f.why),
			o.Prom)
		assert.NotContains(t, o.Prom, "veza_backup_drill_last_success{", "no verdict, no value")
	}
	bound := drillBound
	if f.why != reason.None && o.Report.Step == "preflight" {
		bound = preflightBound
	}
	if f.waits {
		bound = slowBound
	}
	if *environment != "" { // machines are made, and some
		bound *= 3
	}
	assert.Less(t, o.Took, unhurried(bound))
}

// unhurried is a bound on a machine that others use as well: each that wants a core makes everything take
// longer. What is bounded is a wait that should not be, such as one of minutes that pgBackRest has by default.
func unhurried(bound time.Duration) time.Duration {
	content, _ := os.ReadFile("/proc/loadavg") // without it nobody else is known
	var load float64
	_, _ = fmt.Sscan(string(content), &load)
	return time.Duration(float64(bound) * (1 + 4*load/float64(runtime.NumCPU())))
}

// cameBack compares the users with what the source had: not one less, not one more.
func (f fault) cameBack(rc *repoCopy, o outcome) {
	rc.t.Helper()
	if strings.Contains(f.args, "-checks") {
		return
	}
	name := "end"
	if f.users != "" {
		name = f.users
	}
	rows, ok := o.Value("rows", "users")
	assert.True(rc.t, ok, "rows are measured")
	if name == "any" { // somewhere in the window
		assert.LessOrEqual(rc.t, rows, float64(rc.seed.marks["end"].users))
		return
	}
	assert.InDelta(rc.t, rc.seed.marks[name].users, rows, 0)
}
