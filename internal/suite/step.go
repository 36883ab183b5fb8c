package suite

import (
	"context"
	"runtime/debug"
	"time"

	"veza.fr/recovery/internal/reason"
)

// Run is one run of a suite: the test whose subtests are its steps or claims.
type Run struct {
	t      T
	ctx    context.Context // the run's: see Context
	suite  Suite
	undo   *undoing
	failed bool
	asked  []string // claims
}

// Begin begins the run of a suite in its top-level test. source is the file that test stands
// in, "" in a program: go test never answers it from its cache. What is registered with Out.Undo is undone in
// the end, however the test ends, unless an Always step did so before.
func Begin[Test Tester[Test]](t Test, s Suite, source string) *Run {
	t.Helper()
	neverCached(t, source)
	if short() {
		t.Skipf("-short leaves the %s out; testprom reports that as no_tests", s.Words.Title)
	}
	run := &Run{t: adapter[Test]{t}, ctx: Context(t), suite: s, undo: &undoing{}}
	t.Cleanup(run.end)
	return run
}

// Step runs one step as a subtest, unless an earlier one failed or was left out: then it
// fails without a reason. What it returns goes into the steps after it; after a failure that
// is the zero value, which nobody looks at.
func Step[From, To any](r *Run, name string, do func(context.Context, Out, From) (To, error), in From) (made To) {
	ran := false
	r.t.Run(name, func(t T) {
		ran = true
		if r.failed {
			t.Fatal("not run: an earlier step failed")
		}
		r.failed = true // a panic counts as a failure for the steps after it
		defer r.survive(r.ctx, t)
		out, err := do(r.ctx, r.out(t), in)
		if err != nil {
			r.fail(r.ctx, t, err)
			return
		}
		made, r.failed = out, false
	})
	r.failed = r.failed || !ran // go test -run chose others
	return made
}

// Always runs a step whatever happened before it, with a context of its own.
func Always(r *Run, name string, do func(context.Context, Out) error) {
	r.t.Run(name, func(t T) {
		ctx, cancel := context.WithTimeout(context.Background(), r.finalTime())
		defer cancel()
		if r.suite.FinalTime == 0 { // who stops the run now waits no longer than for one that was stopped before
			defer context.AfterFunc(r.ctx, func() { time.AfterFunc(stepGrace, cancel) })()
		}
		defer r.survive(ctx, t)
		if err := do(ctx, r.out(t)); err != nil {
			r.fail(ctx, t, err)
		}
	})
}

// finalTime bounds the final step: shortly after a signal or the deadline, and longer where there is time.
func (r *Run) finalTime() time.Duration {
	deadline, limited := r.ctx.Deadline()
	switch {
	case r.suite.FinalTime != 0:
		return r.suite.FinalTime
	case r.ctx.Err() != nil:
		return stepGrace
	case limited && time.Until(deadline) < finalTime: // what is kept free for clean-up is not much more
		return stepGrace
	}
	return finalTime
}

// survive makes a panic the failure of its step, in a suite whose final step must run after that too.
func (r *Run) survive(ctx context.Context, t T) {
	if !r.suite.Survives {
		return
	}
	if value := recover(); value != nil {
		r.out(t).Say("%s", debug.Stack())
		r.fail(ctx, t, Finding(reason.Errorf(reason.Panic, "panic: %v", value)))
	}
}

// Open runs, outside of any claim, what all of them stand on. What keeps it from being there
// fails the suite's own test.
func Open[From, To any](r *Run, do func(context.Context, Out, From) (To, error), in From) To {
	r.t.Helper()
	made, err := do(r.ctx, r.out(r.t), in)
	if err != nil {
		r.fail(r.ctx, r.t, err)
		r.t.FailNow()
	}
	return made
}

// Choose publishes the claims that somebody chose, before Ask; nil where nobody did.
func (r *Run) Choose(claims []string) {
	if claims != nil {
		Chosen(r.t, claims)
	}
}

// Ask publishes which claims are asked, before the first of them begins; the others are not
// started.
func (r *Run) Ask(claims []string) {
	r.asked = claims
	Asked(r.t, claims)
}

// Claim runs one claim as a subtest, if it is asked. Each stands for itself: a failed one
// stops none of the others.
func Claim[From any](r *Run, name string, prove func(context.Context, Out, From) error, from From) {
	for _, asked := range r.asked {
		if asked != name {
			continue
		}
		r.t.Run(name, func(t T) {
			if err := prove(r.ctx, r.out(t), from); err != nil {
				r.fail(r.ctx, t, err)
			}
		})
	}
}

func (r *Run) out(t T) Out {
	t.Helper()
	return Out{handle: t, undo: r.undo}
}

// end undoes what is left to undo: all of it for a suite without a step of its own for that,
// and for a test that panicked on its way there.
func (r *Run) end() {
	ctx, cancel := Cleanup()
	defer cancel()
	err := r.out(r.t).Undone(ctx)
	switch {
	case err == nil:
	case r.suite.Final != "": // its own step publishes what became of the clean-up; this must not hide a panic
		r.t.Error(Printable(err.Error()))
	default:
		r.fail(ctx, r.t, reason.Wrap(reason.SandboxFailed, err))
	}
}

// fail fails a test with the reason its error carries, else that of the step.
func (r *Run) fail(ctx context.Context, t T, err error) {
	t.Helper()
	err = r.suite.Judge(ctx, t.Name(), err)
	why, _ := reason.Of(err)
	t.Attr(ReasonKey, string(why))
	t.Attr(DetailKey, Line(err.Error()))
	t.Error(Printable(err.Error()))
}
