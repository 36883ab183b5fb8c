package drill

import (
	"context"
	"fmt"
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/view"
)

// fault is one thing that is broken, and what a drill that is right says of it.
type fault struct {
	view.Fault
	what  string        // in words
	shows string        // the step that finds it; the drill goes no further
	why   reason.Reason // the right one
	names string        // what the finding has to name; "" where the drill cannot know
}

// hiddenSegment: a segment in the middle of the archive is not there.
func hiddenSegment(ctx context.Context, out suite.Out, c *control) error {
	return c.finds(ctx, out, fault{
		Fault: c.chosen.hidden, what: "WAL segment " + c.chosen.segment + " is hidden",
		shows: "preflight", why: reason.WALMissing, names: c.chosen.segment,
	})
}

// flippedSegment: a byte of a segment is not what it was.
func flippedSegment(ctx context.Context, out suite.Out, c *control) error {
	return c.finds(ctx, out, fault{
		Fault: c.chosen.flipped,
		what:  fmt.Sprintf("byte %d of WAL segment %s is flipped", c.chosen.flipped.At, c.chosen.segment),
		shows: "recover", why: reason.WALCorrupt, names: c.chosen.segment,
	})
}

// cutBackupFile: a file of the backup set ends too soon. pgBackRest does not always name it, so that the set must
// have been restored before, without the fault.
func cutBackupFile(ctx context.Context, out suite.Out, c *control) error {
	if !c.restores {
		out.Say("a drill without a fault, up to restore")
		if e := c.drill(ctx, out, "restore"); e.err != nil {
			return notJudged(e.err)
		}
	}
	return c.finds(ctx, out, fault{
		Fault: c.chosen.cut, what: fmt.Sprintf("%s is cut to %d bytes", c.chosen.cut.Path, c.chosen.cut.At),
		shows: "restore", why: reason.RepoCorrupt,
	})
}

// denied: the store refuses every request.
func denied(ctx context.Context, out suite.Out, c *control) error {
	return c.finds(ctx, out, fault{
		Fault: view.Fault{Kind: view.Denied}, what: "every request is answered with 403",
		shows: "preflight", why: reason.RepoDenied,
	})
}

// ended is how a drill within the control ended. err carries a reason.
type ended struct {
	step string
	err  error
	left error // what could not be torn down
}

// drill plays the drill through the view up to a step, and tears it down.
func (c *control) drill(ctx context.Context, out suite.Out, last string) (e ended) {
	inner := apart(out)
	defer func() { e.left = c.leave(inner) }()
	e.step, e.err = c.play(ctx, inner, last)
	e.err = suite.Drill.Judge(ctx, e.step, e.err)
	if c.view.Current().Kind != view.Cut && (e.step == "recover" || e.step == "restore" && e.err == nil) {
		c.restores = true
	}
	return e
}

// play runs the steps of TestDrill in their order, and says with which one it ended.
func (c *control) play(ctx context.Context, out suite.Out, last string) (step string, err error) {
	source, err := preflight(ctx, out, c.request)
	if err != nil || last == "preflight" {
		return "preflight", err
	}
	machine, err := launch(ctx, out, source)
	if err != nil {
		return "launch", err
	}
	sandbox, err := provision(ctx, out, machine)
	if err != nil {
		return "provision", err
	}
	files, err := restore(ctx, out, sandbox)
	if err != nil || last == "restore" {
		return "restore", err
	}
	_, err = recoverCluster(ctx, out, files)
	return "recover", err
}

// finds drills with a fault, and judges whether it was found. A drill that is red for another reason is played once
// more without the fault: where it passes then, it was the fault that it did not understand; where it does not,
// nothing can be said.
func (c *control) finds(ctx context.Context, out suite.Out, f fault) error {
	out.Say("%s: a drill, up to %s", f.what, f.shows)
	c.view.Break(f.Fault)
	e := c.drill(ctx, out, f.shows)
	met := c.view.Met()
	c.view.Mend()
	switch why, _ := reason.Of(e.err); f.judge(e, met) {
	case faultFound:
		out.Note("found: %s: %s in step %s: %s", f.what, why, e.step, suite.Line(e.err.Error()))
		return e.left
	case faultPassed:
		return reason.Errorf(f.why, "%s, and the drill passed step %s all the same (%d answers held the fault)", f.what,
			f.shows, met)
	case faultUnjudged:
		return e.err
	}
	out.Say("step %s: %v; once more without the fault", e.step, e.err)
	if without := c.drill(ctx, out, f.shows); without.err != nil {
		return notJudged(without.err)
	}
	return reason.Errorf(f.why, "%s, and the drill does not say so, but, in step %s: %v; without the fault it passes "+
		"(%d answers held the fault)", f.what, e.step, e.err, met)
}

// finding is what a drill made of a fault.
type finding int

const (
	faultFound    finding = iota // it is red for this fault
	faultPassed                  // it is not red
	faultMistaken                // it is red for something else
	faultUnjudged                // it came to no verdict
)

// judge says what became of a fault that met answers held. A drill that ended as it should proves nothing when it
// cannot have seen the fault, or names another file: the repository may be broken there.
func (f fault) judge(e ended, met int) finding {
	why, _ := reason.Of(e.err)
	switch {
	case e.err == nil:
		return faultPassed
	case why.Exit() != reason.ExitFailed:
		return faultUnjudged
	case why == f.why && e.step == f.shows && strings.Contains(e.err.Error(), f.names) && met > 0:
		return faultFound
	}
	return faultMistaken
}
