package compared

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"veza.fr/recovery/internal/harness/drilltest"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/sandbox"
)

// Options of a run.
type Options struct {
	Rounds   int
	Programs string // directory with testprom, drill.test and test2json
	Scratch  string // an empty directory, open to user postgres; TMPDIR of the source
	Out      string // where what the drills said is kept
	Provider sandbox.Provider
	Lines    io.Writer
}

// Tally is what a soak came to.
type Tally struct {
	Rounds, Compared int
	Differences      int // rounds that called something a difference
	Unusable         int // rounds without a comparison
	Reds             int // that failed for another reason
	Failovers        int
	Least            float64       // coverage of a comparison
	Rows             float64       // compared, in all rounds
	Pause            time.Duration // the longest
	Took             time.Duration
}

func (t Tally) String() string {
	return fmt.Sprintf("%d rounds, %d compared, %d failovers: %d with a difference, %d without a comparison, %d red "+
		"otherwise; %.0f rows, at least %.1f %% of all blocks, replay stood still for at most %s; %s", t.Rounds,
		t.Compared, t.Failovers, t.Differences, t.Unusable, t.Reds, t.Rows, 100*t.Least,
		t.Pause.Round(time.Millisecond), t.Took.Round(time.Second))
}

// Bad says whether the soak found something: the production is whole in every round.
func (t Tally) Bad() bool { return t.Differences+t.Reds > 0 || t.Compared == 0 }

// Every so many rounds a backup is taken, of a kind in turn, and production fails over: before a drill, or in the
// middle of one, which may then do without the standby.
const (
	backupEvery   = 4
	failoverEvery = 7
)

// Soak drills a production at work, round by round, and returns what that came to also when ctx ended before.
func Soak(ctx context.Context, o Options) (t Tally, err error) {
	begun := time.Now()
	defer func() { t.Took = time.Since(begun) }()
	t.Least = 1
	err = within(ctx, o, func(c *cluster) error { return c.soak(ctx, o, &t) })
	return t, err
}

func (c *cluster) soak(ctx context.Context, o Options, t *Tally) error {
	err := c.sql(ctx, "postgres", tables...)
	if err == nil {
		err = c.Follow(ctx)
	}
	if err != nil {
		return err
	}
	work := c.start(ctx)
	defer func() { work.stop() }()
	for round := 1; round <= o.Rounds && ctx.Err() == nil; round++ {
		if err = c.before(ctx, round, t); err != nil {
			return fmt.Errorf("before round %d: %w", round, err)
		}
		if err = c.round(ctx, o, round, t); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	for i := range loads {
		if work.rounds[i].Load() == 0 && ctx.Err() == nil {
			return fmt.Errorf("the load %q came to no end of a round: it is not what was soaked", loads[i].name)
		}
	}
	return context.Cause(ctx)
}

// before does what comes before a round.
func (c *cluster) before(ctx context.Context, round int, t *Tally) error {
	if round%failoverEvery == 0 && round%(2*failoverEvery) != 0 {
		t.Failovers++
		if err := c.failOver(ctx); err != nil {
			return err
		}
	}
	if round%backupEvery != 0 {
		return nil
	}
	kind := []string{"full", "incr", "diff"}[round/backupEvery%3]
	c.say("    a %s backup", kind)
	return c.Pgbackrest(ctx, "backup", "--type="+kind)
}

// round is one drill.
func (c *cluster) round(ctx context.Context, o Options, round int, t *Tally) error {
	tmp, out := filepath.Join(o.Scratch, fmt.Sprintf("t%d", round)), filepath.Join(o.Out, fmt.Sprint(round))
	f, err := drilltest.StartUnattended(o.Programs, tmp, out, "-conf", c.conf(), "-stanza", stanza, "-deep", "none",
		"-compare", "standby", "-standby", c.way())
	if err != nil {
		return err
	}
	amid := round%(2*failoverEvery) == 0
	if amid {
		t.Failovers++
		if err = f.Reach(ctx, "restore", commandTime); err == nil {
			err = c.failOver(ctx)
		}
	}
	left, ended := f.End(ctx, drillTime)
	result := outcome{left}
	if ctx.Err() != nil { // cut by whoever asked for the soak
		return context.Cause(ctx)
	}
	if err = errors.Join(err, ended, os.RemoveAll(tmp)); err != nil {
		return err
	}
	t.add(result, amid)
	what := ""
	if amid {
		what = ", a failover in the middle"
	}
	c.say("%3d  exit %d %s  %5.1f s  %5.1f %%  %s%s", round, result.Status, result.Report.Reason, result.Took.Seconds(),
		100*max(result.measured("compare_coverage_ratio"), 0), cmp.Or(result.Report.Detail,
			result.noted("not compared with"), result.noted("the same as")), what)
	return nil
}

// add counts a round. One without a comparison is none to be proud of, and no false alarm.
func (t *Tally) add(o outcome, amid bool) {
	t.Rounds++
	pause := time.Duration(max(o.measured("compare_pause_seconds"), 0) * float64(time.Second))
	t.Pause = max(t.Pause, pause)
	switch differ := o.measured("different_relations"); {
	case differ > 0:
		t.Differences++
	case o.Status == reason.ExitPass && differ == 0:
		t.Compared++
		t.Least = min(t.Least, o.measured("compare_coverage_ratio"))
		t.Rows += o.measured("compared_rows")
	case o.Report.Reason == reason.StandbyUnusable, amid && o.Status == reason.ExitEnvironment:
		t.Unusable++
	default:
		t.Reds++
	}
}
