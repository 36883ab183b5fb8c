package command

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/testprom/evidence"
)

// ended is a drill that ended some time before now, to be changed further.
func ended(before time.Duration, edit ...func(*evidence.Run)) func(*evidence.Run) {
	return func(r *evidence.Run) {
		r.Ended = now().Add(-before)
		for _, e := range edit {
			e(r)
		}
	}
}

func failed(r *evidence.Run) { r.Verdict, r.Exit, r.Reason = "fail", 1, "wal_missing" }

// of is a drill of a set, where set 3 is the newest.
func of(set int) func(*evidence.Run) {
	return func(r *evidence.Run) {
		r.Scope.Set, r.Scope.Newest = strconv.Itoa(set), "3"
		r.Scope.Stopped = new(now().Add(time.Duration(set) * time.Minute))
	}
}

func to(target string) func(*evidence.Run) {
	return func(r *evidence.Run) { r.Scope.Target = target }
}

// A pass opens the gate only where it is what was found out last: not one that ended before a failure and was judged
// after it, not one with -target after a failure to the end of the archive, not one of a clock that was ahead.
func TestGate_AfterAFailure(t *testing.T) {
	noVerdict := func(r *evidence.Run) { r.Verdict, r.Exit, r.Reason = "environment", 2, "timeout" }
	unwritten := func(r *evidence.Run) {
		r.Verdict, r.Exit, r.Reason, r.Backups = "environment", 2, "wal_missing", "at_fault"
	}
	other := func(r *evidence.Run) { r.Stanza = "other" }
	unknown := func(r *evidence.Run) { r.Stanza = evidence.UnknownStanza }
	backup := func(r *evidence.Run) { r.Suite = "backup" }
	for name, c := range map[string]struct {
		drills []func(*evidence.Run)
		want   string
	}{
		"a pass":            {[]func(*evidence.Run){ended(2*time.Hour, failed), ended(time.Hour)}, "OPEN  entry 9"},
		"two of one second": {[]func(*evidence.Run){ended(time.Hour, failed), ended(time.Hour)}, "OPEN  entry 9"},
		"a recording of before": {
			[]func(*evidence.Run){ended(time.Hour, failed), ended(day)},
			"CLOSED  the newest drill did not pass: fail, wal_missing (entry 8)",
		},
		"a recording of before a run without a verdict": {
			[]func(*evidence.Run){ended(time.Hour, noVerdict), ended(day)}, "did not pass: environment, timeout",
		},
		"a recording of before a run that named no stanza": {
			[]func(*evidence.Run){ended(time.Hour, noVerdict, unknown), ended(day)}, "did not pass: environment",
		},
		"a recording of before a pass": {[]func(*evidence.Run){ended(time.Hour), ended(day)}, "OPEN  entry 9"},
		"a failure of another stanza": {
			[]func(*evidence.Run){ended(time.Hour, failed, other), ended(day)}, "OPEN  entry 9",
		},
		"a pass with a target": {
			[]func(*evidence.Run){ended(2*time.Hour, failed), ended(time.Hour, to("random"))},
			"CLOSED  the newest drill to the end of the archive did not pass: entry 8, wal_missing; the pass after " +
				"it had -target random",
		},
		"a pass with a target, after no verdict": {
			[]func(*evidence.Run){ended(2*time.Hour, noVerdict), ended(time.Hour, to("random"))}, "OPEN  entry 9",
		},
		"a pass with a target, after a failure that was not written down": {
			[]func(*evidence.Run){ended(2*time.Hour, unwritten), ended(time.Hour, to("worst"))},
			"CLOSED  the newest drill to the end of the archive did not pass: entry 8, wal_missing",
		},
		"a pass to the end, after a failure that was not written down": {
			[]func(*evidence.Run){ended(2*time.Hour, unwritten), ended(time.Hour)}, "OPEN  entry 9",
		},
		"a pass to the end, after a target failed": {
			[]func(*evidence.Run){ended(2*time.Hour, failed, to("random")), ended(time.Hour)}, "OPEN  entry 9",
		},
		"a pass of an older set": {
			[]func(*evidence.Run){ended(2*time.Hour, failed, of(3)), ended(time.Hour, of(2))},
			"CLOSED  the newest drill to the end of the archive did not pass: entry 8, wal_missing; the pass after " +
				"it was of set 2, and the newest was 3",
		},
		"a pass of an older set, after a failure of an older one, and one of the newest": {
			[]func(*evidence.Run){
				ended(3*time.Hour, failed, of(3)), ended(2*time.Hour, failed, of(2)), ended(time.Hour, of(2)),
			},
			"did not pass: entry 8, wal_missing; the pass after it was of set 2",
		},
		"a pass of the newest set": {
			[]func(*evidence.Run){ended(2*time.Hour, failed, of(3)), ended(time.Hour, of(3))}, "OPEN  entry 9",
		},
		"a pass of an older set, after a failure of that": {
			[]func(*evidence.Run){ended(2*time.Hour, failed, of(2)), ended(time.Hour, of(2))}, "OPEN  entry 9",
		},
		"a pass of an older set, after a failure that came to none": {
			[]func(*evidence.Run){ended(2*time.Hour, failed), ended(time.Hour, of(2))}, "OPEN  entry 9",
		},
		"a failure of an older set": {
			[]func(*evidence.Run){ended(2*time.Hour, of(3)), ended(time.Hour, failed, of(2))}, "did not pass: fail",
		},
		"clocks that differ a little, and backup checks": {
			[]func(*evidence.Run){ended(-50 * time.Minute), ended(3*time.Hour, failed, backup)}, "OPEN  entry 8",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := make7(t)
			for _, d := range c.drills {
				m.drill(t, now(), d)
			}
			_, out := m.run("gate", m.dir, "-key", m.pub(), "-stanza", "demo")
			assert.Contains(t, out, c.want)
		})
	}
}

// The clock was ten days ahead when the drill ran. By now it would be young again, were it not for the entry behind it.
func TestGate_ByAClockThatWasAhead(t *testing.T) {
	m := make7(t)
	m.drill(t, now(), ended(day))
	m.drill(t, now().Add(-9*day), func(r *evidence.Run) { r.Suite, r.Ended = "backup", now().Add(-9*day) })
	exit, out := m.run("gate", m.dir, "-key", m.pub())
	assert.Equal(t, 1, exit)
	assert.Contains(t, out, "CLOSED  the newest drill ended at 2026-09-07T03:00:00Z, and entry 9, which was written "+
		"after it, is of 2026-08-30T03:00:00Z: look at the clocks")
}

func TestGate_OfAnotherSchema(t *testing.T) {
	m := make7(t)
	m.drill(t, now(), func(r *evidence.Run) { r.Schema = evidence.RunSchema + 1 })
	exit, out := m.run("gate", m.dir, "-key", m.pub())
	assert.Equal(t, 1, exit)
	assert.Contains(t, out, "CLOSED  the newest drill is of schema 2")
}

// A variable that a pipeline forgot to set would look at less than was asked.
func TestFlags_ThatAreEmptyAreRefused(t *testing.T) {
	m := make7(t)
	for _, args := range [][]string{
		{"verify", m.dir, "-key", ""},
		{"verify", m.dir, "-key", m.pub(), "-head="},
		{"gate", m.dir, "-key", m.pub(), "-require", ""},
		{"gate", "-stanza", " ", m.dir, "-key", m.pub()},
		{"page", m.dir, "-key", "", "-o", m.key + ".html"},
	} {
		exit, out := m.run(args...)
		assert.Equal(t, 2, exit, args)
		assert.Contains(t, out, "is empty: give it a value, or leave it out")
	}
}
