package testreport

import (
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
)

// Outcome is how an expected step ended.
type Outcome string

// Outcomes. Only Passed proves anything.
const (
	Missing    Outcome = "missing"    // no sign of it
	Unfinished Outcome = "unfinished" // it started, and nothing says how it ended
	Passed     Outcome = "passed"
	Skipped    Outcome = "skipped"
	Failed     Outcome = "failed"
	NotRun     Outcome = "not run"   // failed without a reason after a failed step
	NotAsked   Outcome = "not asked" // the run said beforehand that it would not
	LeftOut    Outcome = "left out"  // others were chosen
)

// Step is what the stream says of one expected step.
type Step struct {
	Name    string
	Outcome Outcome
	Seconds float64       // wall clock; negative when the stream does not tell
	Reason  reason.Reason // the first known reason it published, else empty
	Detail  string        // the first detail it published, else empty
	Output  []string      // its last lines, framing left out
}

// testState follows one test of the suite through the stream.
type testState struct {
	name          string
	runs          int // run events
	ended         int // terminal events
	result        Outcome
	reason        reason.Reason
	detail        string
	unknownReason string // a reason that is not in the table
	failedBelow   string // the first deeper subtest that failed
	begin         time.Time
	end           time.Time
	elapsed       float64
	tail          ring
}

// start notes a run event.
func (t *testState) start(e *Event) {
	t.runs++
	if when, ok := e.When(); ok && t.begin.IsZero() {
		t.begin = when
	}
}

// finish notes a terminal event. The worst result counts, so that of two runs
// (-count=2) the failed one is never covered by the one that passed.
func (t *testState) finish(e *Event) {
	t.ended++
	outcome := map[Action]Outcome{ActionPass: Passed, ActionSkip: Skipped, ActionFail: Failed}[e.Action]
	if t.result == "" || outcome == Failed || outcome == Skipped && t.result == Passed {
		t.result = outcome
	}
	t.elapsed = e.Elapsed
	if when, ok := e.When(); ok && t.end.IsZero() {
		t.end = when
	}
}

// outcome is how the test ended. A terminal event without a run event is the
// rest of a stream that lost its beginning and proves nothing.
func (t *testState) outcome() Outcome {
	switch {
	case t.runs == 0 && t.ended == 0 && t.reason == "":
		return Missing
	case t.runs == 0 || t.ended == 0 || t.ended < t.runs && t.result != Failed:
		return Unfinished
	}
	return t.result
}

// hasReason says whether the test published a reason that counts: it failed, or
// never said how it ended.
func (t *testState) hasReason() bool {
	outcome := t.outcome()
	return t.reason != "" && (outcome == Failed || outcome == Unfinished)
}

// claimHolds says whether the claim is true, 1 or 0; known is false where the run did not find
// out: the environment kept it from an answer, or the run was ended from outside (whole
// is false) and the claim failed without saying why.
func (t *testState) claimHolds(whole bool) (value float64, known bool) {
	switch t.outcome() {
	case Passed:
		return 1, t.reason == "" && t.unknownReason == "" && t.failedBelow == ""
	case Failed:
		return 0, t.reason != "" && t.reason.Exit() == reason.ExitFailed || t.reason == "" && whole
	}
	return 0, false
}

// publishReason keeps the first known word.
func (t *testState) publishReason(word string) {
	r := reason.Reason(word)
	switch {
	case !r.Known():
		t.unknownReason = word
	case t.reason == "":
		t.reason = r
	}
}

// seconds is the wall clock of a step: to its terminal event or to the start of
// the next step, whichever came first. Elapsed is the fallback only: it has
// 10 ms resolution, leaves out parallel subtests, and is missing without -t
// (facts C1); and with a plain -v the terminal events of all steps come together
// at the very end.
func (t *testState) seconds(next time.Time) float64 {
	end := t.end
	if !next.IsZero() && next.Before(end) {
		end = next
	}
	switch {
	case t.runs == 0 || t.ended == 0:
		return -1
	case !t.begin.IsZero() && !end.Before(t.begin):
		return end.Sub(t.begin).Seconds()
	case t.elapsed > 0:
		return t.elapsed
	}
	return -1
}

// ring keeps the last lines that were added to it.
type ring struct {
	lines []string
	next  int
}

// ringSize lines are kept of each step and of all the rest; ringLine bytes of each.
const (
	ringSize = 25
	ringLine = 1000
)

func (r *ring) add(line string) {
	line = strings.TrimRight(line, "\r\n")
	if len(line) > ringLine {
		line = strings.ToValidUTF8(line[:ringLine], "") + "..."
	}
	if len(r.lines) < ringSize {
		r.lines = append(r.lines, line)
		return
	}
	r.lines[r.next] = line
	r.next = (r.next + 1) % ringSize
}

// all is what is kept, oldest first.
func (r *ring) all() []string {
	return append(append([]string{}, r.lines[r.next:]...), r.lines[:r.next]...)
}
