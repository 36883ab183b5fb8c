package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/verify"
)

// suggestBudget is how long the rows of tables may be counted for a suggestion; what does not fit is
// taken from the statistics.
const suggestBudget = time.Minute

// suggest makes a checks file of the largest tables. It is printed where nothing says what must be there; with
// -suggest it is written, and its checks are tried. fault is what is wrong with the data, or with the server that
// was asked; unsaid is what was given, with what to do about it, or that the file could not be written.
func (r recovered) suggest(ctx context.Context, out suite.Out, unsaid error) (fault, still error) {
	server := r.cluster.server
	made, err := verify.Suggest(ctx, server.Connect, server.ConnectReader, checkBudget(ctx, suggestBudget))
	for _, note := range made.Notes {
		out.Note("%s", note)
	}
	if err != nil {
		if _, known := reason.Of(err); !known {
			err = r.brokenSession(ctx, out, err)
		}
		return err, unsaid
	}
	path := r.Settings.Suggest
	switch {
	case made.YAML == "":
		made.Why = cmp.Or(made.Why, "no checks can be suggested")
		out.Note("%s", made.Why)
		return nil, advised(unsaid, made.Why)
	case path == "":
		out.Show("a checks file to start from, which -suggest FILE writes:\n%s", strings.TrimSpace(made.YAML))
		return nil, advised(unsaid, "a checks file to start from was printed, -suggest FILE writes it: read it, "+
			"then give it as -checks")
	}
	if err = writeNew(path, []byte(made.YAML)); err != nil {
		return nil, cmp.Or(unsaid, reason.Errorf(reason.ConfigInvalid, "-suggest: %w", err))
	}
	out.Note("%d checks are suggested in %s: read them, then give the file as -checks", len(made.Checks), path)
	return r.tryOut(ctx, out, made.Checks), advised(unsaid, "checks are suggested in "+path+
		", and were tried: read them, then give the file as -checks")
}

// tryOut asks the suggested checks, within the same budget. They have no say in the verdict, unless they find
// damage: nobody has promised what the statistics say, which is all that is known of a table that was not counted.
func (r recovered) tryOut(ctx context.Context, out suite.Out, checks []verify.Check) error {
	bound, cancel := context.WithTimeoutCause(ctx, checkBudget(ctx, suggestBudget), errUntried)
	defer cancel()
	outcomes, err := verify.Run(bound, r.cluster.server.ConnectReader, checks, r.foundEnd())
	for _, o := range outcomes {
		mark := "ok"
		if o.Status == verify.Failed {
			mark = "FAILED"
		}
		out.Say("suggested check %s: %s: %s", o.Check, mark, o.Sentence)
	}
	var failed error
	if failure := verify.Failure(broken(outcomes)); failure != nil {
		failed = reason.Errorf(failure.Reason, "suggested check %s", failure.Sentence)
	}
	if errors.Is(err, errUntried) {
		out.Note("%v: %d of %d suggested checks were tried", errUntried, len(outcomes), len(checks))
		return failed
	}
	return r.orBroken(ctx, out, failed, err)
}

// errUntried is the cause of a context that ended before all suggested checks were tried.
var errUntried = errors.New("there was no time to try them all")

// broken are outcomes without those that only counted too little.
func broken(outcomes []verify.Outcome) []verify.Outcome {
	return slices.DeleteFunc(slices.Clone(outcomes), func(o verify.Outcome) bool {
		return o.Reason == reason.TooFewRows
	})
}

// advised adds what to do to an error; nil stays nil.
func advised(err error, advice string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w; %s", err, advice)
}

// suggestionMode lets whoever runs the next drill read the file: it holds names, and no secrets.
const suggestionMode = 0o644

// writeNew writes a file whole, or not at all, where there is none yet.
func writeNew(path string, content []byte) (err error) {
	pending, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(pending.Name()) //nolint:errcheck // under its other name it stays
	if _, err = pending.Write(content); err == nil {
		err = pending.Chmod(suggestionMode)
	}
	if err == nil {
		err = pending.Sync()
	}
	if closed := pending.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if err = os.Link(pending.Name(), path); err != nil { // unlike a rename it takes nothing's place
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	return nil
}
