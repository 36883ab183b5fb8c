package drill

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"veza.fr/recovery/internal/environment"
	"veza.fr/recovery/internal/host"
	"veza.fr/recovery/internal/pgbackrest"
	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/repository"
	"veza.fr/recovery/internal/sandbox"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/source"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
	"veza.fr/recovery/internal/wal"
)

// drill is what the steps hand on to each other.
type drill struct {
	t      *testing.T
	step_  *testing.T // the running step
	ctx    context.Context
	failed bool
	run    string
	env    environment.Environment

	settings settings.Settings
	checks   []verify.Check
	source   source.Source
	lock     *sandbox.Lock
	provider sandbox.Provider
	control  sandbox.Sandbox
	repo     *repository.Repository
	stanza   string
	version  string // of pgBackRest here
	key      chan keyAnswer

	info    pgbackrest.Stanza
	backups []pgbackrest.Backup
	set     pgbackrest.Backup
	age     time.Duration // of the set, in preflight
	archive repository.Archive
	size    uint64 // of a WAL segment
	chain   wal.Chain
	primary string // last segment the primary says it archived

	box         sandbox.Sandbox
	controlData postgres.Control // of the restored cluster
	client      *pgbackrest.Client
	server      *postgres.Server
	aimed       aimed
	rehearsal   bool    // what is measured now does not count
	replayed    wal.LSN // of the last recovery
	conn        *pgx.Conn

	restoreStart, answered time.Time
	restoreTime            time.Duration
	commit                 *time.Time // last replayed commit, from the first session
	log                    postgres.Log
	fork                   wal.Fork           // the timeline the sandbox began
	listed                 repository.Archive // as it was before that
}

// begin makes the run's context.
func begin(t *testing.T) *drill {
	t.Helper()
	d := &drill{t: t, step_: t, ctx: suite.Context(t), run: strings.ToLower(rand.Text()[:10]), env: bind()}
	d.repo = &repository.Repository{Say: d.say, Note: d.note}
	t.Cleanup(d.release) // behind teardown, for a run that never reaches it
	suite.Label(t, "environment", d.env.Name)
	return d
}

// step runs one step, unless an earlier one failed: then it fails without a reason.
func (d *drill) step(name string, run func(context.Context) error) {
	d.t.Run(name, func(t *testing.T) {
		if d.failed {
			t.Fatal("not run: an earlier step failed")
		}
		d.perform(t, run)
	})
}

// always runs a step whatever happened before, with a context of its own.
func (d *drill) always(name string, run func(context.Context) error) {
	d.t.Run(name, func(t *testing.T) {
		ctx, cancel := suite.Cleanup()
		defer cancel()
		saved := d.ctx
		d.ctx = ctx
		defer func() { d.ctx = saved }()
		d.perform(t, run)
	})
}

func (d *drill) perform(t *testing.T, run func(context.Context) error) {
	t.Helper()
	d.step_, d.failed = t, true // a panic counts as a failure for the steps behind
	err := run(d.ctx)
	if err == nil {
		d.failed = false
		return
	}
	suite.Fail(t, d.judge(err), fallback(t.Name()))
}

// fallback is the reason of a step whose error carries none.
func fallback(test string) reason.Reason {
	for _, step := range suite.Drill.Steps {
		if strings.HasSuffix(test, "/"+step.Name) {
			return step.Default
		}
	}
	return reason.SandboxFailed
}

// judge says what an error means for the verdict. When the run was stopped, that is
// the reason, whatever the killed child said; but a budget that was spent before the
// deadline cut the restore is the finding.
func (d *drill) judge(err error) error {
	if d.ctx.Err() != nil {
		cause := context.Cause(d.ctx)
		why, _ := reason.Of(cause)
		if spent := d.sinceRestore(); why == reason.Timeout && spent > d.settings.RTO && d.settings.RTO > 0 {
			return reason.Errorf(reason.RTOExceeded, "the restore was still going on after %s, the RTO budget is %s: %w",
				spent.Round(time.Second), d.settings.RTO, cause)
		}
		return fmt.Errorf("%w (%s)", cause, pgbackrest.Printable(err.Error()))
	}
	if errors.Is(err, host.ErrNotFound) {
		return reason.Wrap(reason.ToolMissing, err)
	}
	return err
}

// sinceRestore is how long restore and recovery have taken so far; 0 outside them.
func (d *drill) sinceRestore() time.Duration {
	if d.restoreStart.IsZero() || !d.answered.IsZero() {
		return 0
	}
	return time.Since(d.restoreStart)
}

// say prints one line of the running step.
func (d *drill) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.step_.Output(), format+"\n", args...) // a line nobody can read any more is no fault
}

// note prints a line and keeps it for the report.
func (d *drill) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	d.say("%s", text)
	suite.Note(d.step_, text)
}

// metric publishes a measurement of the running step.
func (d *drill) metric(name string, value float64, labels ...string) {
	if !d.rehearsal {
		suite.Metric(d.step_, name, value, labels...)
	}
}
