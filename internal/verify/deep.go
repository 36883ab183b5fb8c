package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
)

// Status is how a deeper check ended; the value of label status.
type Status string

// Statuses of a deeper check.
const (
	DeepPassed  Status = "passed"
	DeepFailed  Status = "failed"
	DeepLeftOut Status = "left_out"  // not begun, or not ended: neither a pass nor a failure
	DeepNot     Status = "not_asked" // switched off by -deep
)

// DeepOutcome is what became of one deeper check.
type DeepOutcome struct {
	Check    string
	Status   Status
	Reason   reason.Reason // of a failure
	Sentence string        // what was found, or what was looked at, or why it was left out
	Notes    []string      // worth a line in the report, and no failure
	Took     time.Duration
}

// Deep are the deeper checks of one restored cluster.
type Deep struct {
	Connect Connect
	Workers int // sessions at a time
	// Pages checks every page with the server stopped; it runs last.
	Pages func(ctx context.Context) (Pages, error)
	// Say prints a line of progress.
	Say func(format string, args ...any)
}

// Pages is what a look at every page of every file found.
type Pages struct {
	Off    bool     // the cluster has no checksums
	Blocks int64    // that were read
	Bad    []string // files with a block that fails its checksum, as base/5/1259 and what is wrong
}

// errBudget is the cause of a context that ended with the budget.
var errBudget = errors.New("the budget is spent")

// Run makes the checks that are asked, in the order of settings.DeepChecks, until the
// budget is spent. A check the budget cuts is left out. An error means that the
// server could not be asked any more, or that ctx has ended; the outcomes before it stand.
func (d Deep) Run(ctx context.Context, asked []string, budget time.Duration) ([]DeepOutcome, error) {
	var outcomes []DeepOutcome
	bound, cancel := context.WithTimeoutCause(ctx, budget, errBudget)
	defer cancel()
	survey, err := d.look(bound, asked)
	if err != nil {
		return nil, err
	}
	notes := survey.notes // what no check looks at is said once
	for _, check := range settings.DeepChecks {
		o := DeepOutcome{Check: check.Name, Status: DeepNot}
		if slices.Contains(asked, check.Name) {
			start := time.Now()
			o, err = d.one(bound, check, survey)
			o.Took = time.Since(start)
			o.Notes, notes = append(notes, o.Notes...), nil
			if o.Status == DeepLeftOut && o.Sentence == "" {
				o.Sentence = fmt.Sprintf("the budget of %s is spent: raise -check-budget", budget.Round(time.Millisecond))
			}
		}
		if ctx.Err() != nil {
			return outcomes, fmt.Errorf("check %s: %w", check.Name, context.Cause(ctx))
		}
		if err != nil {
			return outcomes, fmt.Errorf("check %s: %w", check.Name, explained(err))
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// look surveys the cluster, when anything is asked of it. Where the budget left no time for
// that, every check says so.
func (d Deep) look(ctx context.Context, asked []string) (s survey, err error) {
	if len(asked) == 0 {
		return s, nil
	}
	s, err = d.survey(ctx)
	switch {
	case err == nil || errors.Is(context.Cause(ctx), errBudget):
		return s, nil
	case ctx.Err() != nil:
		return s, fmt.Errorf("deeper checks: %w", context.Cause(ctx))
	}
	return s, explained(err)
}

// finding is what a check has to say: the first of damage decides.
type finding struct {
	reason reason.Reason
	text   string
}

// tally is what a check brings together over all it looks at.
type tally struct {
	looked   string // what was looked at: "120 indexes in 3 databases"
	findings []finding
	notes    []string
	leftOut  string // why nothing can be said
}

func (d Deep) one(ctx context.Context, check settings.Deep, s survey) (DeepOutcome, error) {
	o := DeepOutcome{Check: check.Name, Status: DeepLeftOut}
	if ctx.Err() != nil {
		return o, nil //nolint:nilerr // what stopped the rest does not undo it
	}
	t, err := d.tally(ctx, check.Name, s)
	o.Notes = t.notes
	failed := gravest(t.findings, func(f finding) (reason.Reason, bool) { return f.reason, true })
	switch {
	case failed != nil: // found is found, also when the budget cut the rest
		o.Status, o.Reason, o.Sentence = DeepFailed, failed.reason, failed.text
		if more := len(t.findings) - 1; more > 0 {
			o.Sentence += fmt.Sprintf(" (and %d more)", more)
		}
		return o, nil
	case err != nil && errors.Is(context.Cause(ctx), errBudget):
		if t.looked != "" {
			o.Sentence = t.looked + " within the budget: raise -check-budget"
		}
		return o, nil
	case err != nil:
		return o.damaged(err)
	case t.leftOut != "":
		o.Sentence = t.leftOut
		return o, nil
	}
	o.Status, o.Sentence = DeepPassed, t.looked+": "+check.Proof
	return o, nil
}

// damaged makes a failure of an error the server explains by damaged data.
func (o DeepOutcome) damaged(err error) (DeepOutcome, error) {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !strings.HasPrefix(answer.Code, "XX") {
		return o, err
	}
	o.Status, o.Reason, o.Sentence = DeepFailed, deepReason(answer.Code), fmt.Sprintf("%v (SQLSTATE %s)", err, answer.Code)
	return o, nil
}

func (d Deep) tally(ctx context.Context, check string, s survey) (tally, error) {
	switch check {
	case "invalid_indexes":
		return d.catalog(ctx, s, invalidIndexes)
	case "collations":
		return d.catalog(ctx, s, staleCollations)
	case "extensions":
		return d.catalog(ctx, s, missingExtensions)
	case "sequences":
		return d.sequences(ctx, s)
	case "full_read":
		return d.fullRead(ctx, s)
	case "amcheck":
		return d.amcheck(ctx, s)
	case "page_checksums":
		return d.pages(ctx, s)
	}
	return tally{}, fmt.Errorf("nobody knows how to check %s", check)
}

// DeepFailure is the outcome that gives the step its reason, nil when none failed.
func DeepFailure(outcomes []DeepOutcome) *DeepOutcome {
	return gravest(outcomes, func(o DeepOutcome) (reason.Reason, bool) { return o.Reason, o.Status == DeepFailed })
}

// explained gives an error the reason its code knows: damage of the catalog, and no memory, no
// disk or no connection left on this machine, which says nothing about the data.
func explained(err error) error {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	if why := deepReason(answer.Code); why != reason.SmokeQuery {
		return reason.Wrap(why, err)
	}
	return err
}

// deepReason is what an error of the server's says when it came from reading data that
// nobody filtered: every internal error is damage.
func deepReason(code string) reason.Reason {
	if why := answered(code); why != reason.SmokeQuery {
		return why
	}
	if strings.HasPrefix(code, "XX") {
		return reason.PageChecksum
	}
	return reason.SmokeQuery
}
