package acceptance

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// The control is green where the drill finds what is put before it, and red where it does not. A repository that is
// broken anyway says nothing of the drill.
func TestControl(t *testing.T) { controlFaults.run(t) }

var controlFaults = registerControl("TestControl", []controlFault{
	{name: "Posix", exit: 0, why: reason.None, words: "is hidden | is flipped | is cut to | answered with 403"},
	{name: "S3", store: true, exit: 0, why: reason.None, words: "is hidden | is flipped | is cut to"},
	{
		name: "OfAnOlderSet", args: "-set {full} -deep all -target lsn:{half.lsn} -keep", exit: 0, why: reason.None,
		words: "{full}",
	},
	{ // it looks at an old list: a drill that does not see the hole
		name: "BlindToAHole", inject: instead("repo-ls archive/", `[ -s {dir}/out/list ] || `+
			`/usr/bin/pgbackrest "$@" >{dir}/out/list; cat {dir}/out/list; exit`),
		exit: 1, why: reason.WALMissing, through: "hidden_segment", words: "passed step preflight all the same",
	},
	{ // a drill that knows something is wrong, and does not know what
		name: "MistakesADenial", inject: instead("info ", `/usr/bin/pgbackrest "$@" | `+
			`sed "s/AccessDenied/NoSuchBucket/g; s/403 (Forbidden)/404 (Not Found)/g"; exit`),
		exit: 1, why: reason.RepoDenied, through: "denied",
		words: "the drill does not say so | without the fault it passes",
	},
	{
		name: "RepositoryHasAHole", inject: without(archived("{middle}")),
		exit: 2, why: reason.NoTests, unknown: "hidden_segment flipped_segment cut_backup_file denied",
		words: "a drill is red without any fault of the control's | {middle}",
	},
	{ // which no preflight sees: the finding names another file than the fault's, or nothing of it
		name: "BackupIsCut", inject: onLargest(cut),
		exit: 2, why: reason.NoTests, unknown: "flipped_segment cut_backup_file", words: "repo_corrupt",
	},
})

// controlFault is one line: what is wrong with the repository, or with the drill, and what the control says.
type controlFault struct {
	name    string
	inject  func(*repoCopy)
	store   bool   // the repository is put into an object store
	args    string // of the control
	exit    int
	why     reason.Reason
	through string // faults that are let through, by spaces
	unknown string // faults of which nothing is known
	words   string
}

func (c controlFault) rowName() string { return c.name }

func (c controlFault) expects() (int, reason.Reason) { return c.exit, c.why }

func registerControl(test string, list []controlFault) *table {
	rows := make([]row, len(list))
	for i, c := range list {
		rows[i] = c
	}
	return register(test, plain, rows)
}

// run plays the control on a copy of a seed.
func (c controlFault) run(t *testing.T, from func() (liveSeed, error)) {
	t.Helper()
	l, err := from()
	require.NoError(t, err)
	cores <- struct{}{}
	defer func() { <-cores }()
	rc := newCopy(t, l.seed)
	if c.inject != nil {
		c.inject(rc)
	}
	if c.store {
		rc.upload(rc.toStore())
	}
	before := rc.source()
	bin, err := programs()
	require.NoError(t, err)
	args := []string{"-conf", rc.conf()}
	for _, arg := range strings.Fields(c.args) {
		args = append(args, rc.fill(arg))
	}
	var env []string
	if _, err = os.Stat(rc.file("path")); err == nil {
		env = append(env, "PATH="+rc.file("path"))
	}
	o := drilltest.Start(t, drilltest.Plan{
		Programs: bin, Dir: rc.dir, Tmp: rc.tmp(), Out: rc.out(""), Name: "control", Env: env, Args: args,
		Suite: suite.Control.Name,
	}).End()
	logVerdict(t, c, o)
	defer func() { recordVerdict(t, o) }()
	c.judge(rc, o)
	assert.Equal(t, before, rc.source(), "a control changes nothing where the backups are")
	if t.Failed() {
		t.Log(o.Said)
	}
	rc.leavesNothing()
}

func (c controlFault) judge(rc *repoCopy, o outcome) {
	t := rc.t
	t.Helper()
	assert.Equal(t, c.exit, o.Status, "exit status")
	assert.Equal(t, c.why, o.Report.Reason, "reason: %s", o.Report.Detail)
	said := o.Report.Detail
	if c.exit == reason.ExitPass {
		said = strings.Join(o.Report.Notes, "\n")
	}
	for _, words := range strings.Split(c.words, " | ") {
		assert.Contains(t, said, rc.fill(words))
	}
	for _, step := range suite.Control.StepNames() {
		line := fmt.Sprintf("veza_backup_control_fault_found{fault=%q,stanza=%q}", step, stanza)
		switch {
		case strings.Contains(c.unknown, step):
			assert.NotContains(t, o.Prom, line)
		case strings.Contains(c.through, step):
			assert.Contains(t, o.Prom, line+" 0\n")
		default:
			assert.Contains(t, o.Prom, line+" 1\n")
		}
	}
	if c.exit == reason.ExitEnvironment {
		assert.NotContains(t, o.Prom, "veza_backup_control_last_success{", "no verdict, no value")
		return
	}
	assert.Contains(t, o.Prom, fmt.Sprintf("veza_backup_control_last_success{reason=%q,stanza=%q} %d\n", c.why, stanza,
		1-c.exit))
	assert.Contains(t, o.Prom, "veza_backup_control_last_run_timestamp_seconds{")
	assert.NotContains(t, o.Prom, "veza_backup_drill_", "a control is no drill")
}

// instead has a drill's pgBackRest do something else where a command begins with some words: lines of sh.
func instead(words, does string) func(*repoCopy) {
	return func(rc *repoCopy) {
		path("x")(rc)
		script := fmt.Sprintf("#!/bin/sh\ncase \" $* \" in *\" %s\"*) %s;; esac\nexec /usr/bin/pgbackrest \"$@\"\n",
			words, rc.fill(does))
		require.NoError(rc.t, os.WriteFile(rc.file("path/pgbackrest"), []byte(script), 0o755))
	}
}
