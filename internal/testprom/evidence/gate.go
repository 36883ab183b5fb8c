package evidence

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// Names of what a Wanted.Checks asks for beside the deeper checks, which go by their own.
const (
	CheckDeep     = "deep"     // every deeper check passed
	CheckCompare  = "compare"  // all of the data was compared, and is the same
	CheckReadonly = "readonly" // the object store refuses the drill's key a write
)

// Wanted is what a pass must be to open the gate.
type Wanted struct {
	Keys   []ed25519.PublicKey
	MaxAge time.Duration
	Stanza string // "" is the only one that is drilled
	Checks []string
}

// skew is how far the clocks of two hosts may be apart.
const skew = time.Hour

// Gate finds the newest drill of a stanza, and why it does not open the gate; "" is that it does.
func (l Ledger) Gate(w Wanted, now time.Time) (newest Entry, closed string) {
	if found := l.Verify(w.Keys); len(found) > 0 {
		return newest, fmt.Sprintf("the evidence cannot be trusted: %s%s", found[0], more(len(found)-1))
	}
	if known := l.Stanzas(); w.Stanza == "" && len(known) > 1 {
		return newest, fmt.Sprintf("there are drills of the stanzas %s: say which one with -stanza",
			suite.Line(strings.Join(known, ", ")))
	}
	drills := l.Drills()
	if w.Stanza != "" { // a run that could not name its stanza may have been of this one
		drills = l.Drills(w.Stanza, UnknownStanza)
	}
	if len(drills) == 0 || w.Stanza != "" && len(l.Drills(w.Stanza)) == 0 {
		return newest, strings.TrimSpace("there is no drill of the present repository " + ofStanza(w.Stanza))
	}
	newest = Newest(drills)
	run := newest.Run
	age := now.Sub(run.Ended)
	switch {
	case run.Schema != RunSchema:
		return newest, fmt.Sprintf("the newest drill is of schema %d, and this program knows %d: take one as new as "+
			"testprom", run.Schema, RunSchema)
	case !run.Passed():
		return newest, fmt.Sprintf("the newest drill did not pass: %s, %s (entry %d)", suite.Line(run.Verdict),
			suite.Line(run.Reason), newest.Seq)
	case w.Stanza != "" && run.Stanza != w.Stanza:
		return newest, fmt.Sprintf("the newest drill does not say which stanza it was of (entry %d)", newest.Seq)
	case age > w.MaxAge:
		return newest, fmt.Sprintf("the newest drill is %s old, and may be %s", days(age), days(w.MaxAge))
	case age < -skew:
		return newest, fmt.Sprintf("the newest drill is from the future, %s: look at the clocks",
			run.Ended.Format(time.RFC3339))
	}
	if later, early := l.before(newest); early {
		return newest, fmt.Sprintf("the newest drill ended at %s, and entry %d, which was written after it, is of %s: "+
			"look at the clocks", run.Ended.Format(time.RFC3339), later.Seq, later.Time.Format(time.RFC3339))
	}
	if failed, ok := FailedToTheEnd(drills); ok {
		had := "had -target " + run.Scope.Target
		if run.Scope.Target == "" {
			had = "was of set " + run.Scope.Set + ", and the newest was " + run.Scope.Newest
		}
		return newest, fmt.Sprintf("the newest drill to the end of the archive did not pass: entry %d, %s; the pass "+
			"after it %s", failed.Seq, suite.Line(failed.Run.Reason), suite.Line(had))
	}
	if missing := run.Checks.missing(w.Checks); len(missing) > 0 {
		return newest, "the newest drill did not prove " + strings.Join(missing, ", ")
	}
	return newest, ""
}

// Newest is the drill that counts: the last that was written. Where one that was written before ended after it, and did
// not pass, that is the one: a recording was judged late, or a clock was set back.
func Newest(drills []Entry) Entry {
	newest := drills[len(drills)-1]
	for _, d := range drills {
		if d.Run.Ended.After(newest.Run.Ended) && !d.Run.Passed() {
			newest = d
		}
	}
	return newest
}

// before finds an entry that was written after a run, and before it ended, by their own clocks.
func (l Ledger) before(run Entry) (later Entry, found bool) {
	for _, e := range l.Entries {
		if e.Seq >= run.Seq && run.Run.Ended.Sub(e.Time) > skew {
			return e, true
		}
	}
	return later, false
}

// FailedToTheEnd is the newest drill to the end of the archive that failed, and that no pass has mended since: one with
// -target stops before it, and one of a set that is not the newest may be older than what failed. Exit status 2 is no
// verdict, unless it is that of a red drill that could not write all it had to.
func FailedToTheEnd(drills []Entry) (failed Entry, ok bool) {
	atFault := suite.Drill.Words.AtFaultWord()
	var older []Scope // of the passes of older sets since
	for _, d := range slices.Backward(drills) {
		scope := d.Run.Scope
		switch {
		case scope.Target != "", d.Run.Exit == reason.ExitEnvironment && d.Run.Backups != atFault:
		case d.Run.Passed() && !scope.OlderSet():
			return failed, false
		case d.Run.Passed():
			older = append(older, scope)
		case !slices.ContainsFunc(older, func(pass Scope) bool { return pass.Mends(scope) }):
			return d, true
		}
	}
	return failed, false
}

func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and %d more: `evidence verify` lists them", n)
}

func ofStanza(name string) string {
	if name == "" {
		return ""
	}
	return "of stanza " + suite.Line(name)
}

// missing are the checks that did not pass, with what became of them.
func (c Checks) missing(wanted []string) (list []string) {
	for _, name := range wanted {
		switch {
		case name == CheckDeep:
			list = append(list, c.notDeep()...)
		case !slices.Contains(c.Passed, name):
			list = append(list, suite.Line(name)+" ("+c.outcome(name)+")")
		}
	}
	return list
}

// notDeep are the deeper checks that did not pass.
func (c Checks) notDeep() (list []string) {
	deeper := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return name == CheckCompare || name == CheckReadonly
		})
	}
	for _, name := range deeper(slices.Concat(c.Failed, c.LeftOut, c.NotAsked)) {
		list = append(list, suite.Line(name)+" ("+c.outcome(name)+")")
	}
	if len(list) == 0 && len(deeper(c.Passed)) == 0 {
		list = []string{CheckDeep + " (not asked)"}
	}
	return list
}

func (c Checks) outcome(name string) string {
	switch {
	case slices.Contains(c.Failed, name):
		return "failed"
	case slices.Contains(c.LeftOut, name):
		return "left out"
	}
	return "not asked"
}
