package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"veza.fr/recovery/internal/postgres"
	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/wait"
)

// deepCheck is one of the deeper checks.
type deepCheck struct {
	name  string // which -deep takes, and the value of label check
	proof string // what a pass proves
	run   func(d Deep, ctx context.Context, s survey) (examination, error)
}

// deepChecks are all the deeper checks, in the order they are begun: what finds most for its
// time comes first, since the budget may cut the last. Their names are settings.DeepChecks.
var deepChecks = []deepCheck{
	{"invalid_indexes", "no index that the data needs is invalid", catalogCheck(invalidIndexes)},
	{
		"collations", "nothing is sorted by another version of its collation than the one here",
		catalogCheck(staleCollations),
	},
	{"extensions", "what the data needs of extensions is installed here", catalogCheck(missingExtensions)},
	{"files", "every file that the catalogs promise is there, to its last gigabyte and page", Deep.files},
	{
		"lost_rows", "no index entry, no page of an index and no visibility map points to a row or page that is gone",
		Deep.lostRows,
	},
	{"sequences", "no sequence is older than the column it feeds", Deep.sequences},
	{"full_read", "every row of every table can be read, with what is stored out of line", Deep.fullRead},
	{"amcheck", "every B-tree index agrees with its table, and every heap page is well formed", Deep.amcheck},
	{"unique_keys", "no unique index has two rows of one key", Deep.uniqueKeys},
	{"page_checksums", "every page of every file has its checksum", Deep.pageChecksums},
}

// Deep runs the deeper checks of one restored cluster.
type Deep struct {
	Connect   Connect // as a role that may only read: what runs functions of the data
	Superuser Connect // for what only it may do: amcheck, COPY to a file of the server
	Workers   int     // sessions at a time
	// Pages checks every page with the server stopped; it runs last.
	Pages func(ctx context.Context) (Pages, error)
	Told  Told // hears how far long work is; nil is nobody

	asked []string // the checks to make
	check string   // the one that runs
}

// Told hears how much of what is counted a check has looked at.
type Told func(check string, done, total int64, unit string)

// Pages is what a look at every page of every file found.
type Pages struct {
	Off    bool     // the cluster has no checksums
	Blocks int64    // that were read
	Bad    []string // files with a block that fails its checksum, as base/5/1259 and what is wrong
	Strays []string // files of no relation beside them, which were not judged
	Ended  string   // the one of them that kept the rest from being read; "" is none
}

// errBudget is the cause of a context that ended with the budget.
var errBudget = errors.New("the budget is spent")

// Run makes the checks that are asked, in the order of deepChecks, until the
// budget is spent. A check the budget cuts is left out. An error means that the
// server could not be asked any more, or that ctx has ended; the outcomes before it stand.
func (d Deep) Run(ctx context.Context, asked []string, budget time.Duration) ([]Outcome, error) {
	var outcomes []Outcome
	d.asked = asked
	bound, cancel := context.WithTimeoutCause(ctx, budget, errBudget)
	defer cancel()
	looked, err := d.surveyIfAsked(bound, asked)
	if err != nil {
		return nil, err
	}
	notes := looked.notes // what no check looks at is said once
	for _, check := range deepChecks {
		o := Outcome{Check: check.name, Status: NotAsked, Reason: reason.None}
		if slices.Contains(asked, check.name) {
			start := time.Now()
			o, err = d.runOne(bound, check, looked)
			o.Took = time.Since(start)
			o.Notes, notes, looked.refused = append(notes, o.Notes...), nil, nil
			if o.Status == LeftOut && o.Sentence == "" {
				o.Sentence = fmt.Sprintf("the budget of %s is spent: raise -check-budget",
					budget.Round(time.Millisecond))
			}
		}
		if wait.Over(ctx) {
			return outcomes, fmt.Errorf("check %s: %w", check.name, context.Cause(ctx))
		}
		if err != nil {
			return outcomes, fmt.Errorf("check %s: %w", check.name, WithCodeReason(err))
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// surveyIfAsked surveys the cluster, when any check is asked for. Where the budget left no
// time for that, every check says so.
func (d Deep) surveyIfAsked(ctx context.Context, asked []string) (s survey, err error) {
	if len(asked) == 0 {
		return s, nil
	}
	s, err = d.survey(ctx)
	switch {
	case err == nil || errors.Is(context.Cause(ctx), errBudget):
		return s, nil
	case wait.Over(ctx):
		return s, fmt.Errorf("deeper checks: %w", context.Cause(ctx))
	}
	return s, WithCodeReason(err)
}

// examination is what a deeper check brings together over all it looks at.
type examination struct {
	examined string    // what was looked at: "120 indexes in 3 databases"
	findings []Outcome // each a failure of its own: Failure says which one speaks
	notes    []string
	leftOut  string // why nothing can be said
}

// finding is one thing that is wrong.
func finding(why reason.Reason, text string) Outcome {
	return Outcome{Status: Failed, Reason: why, Sentence: text}
}

func (d Deep) runOne(ctx context.Context, check deepCheck, s survey) (Outcome, error) {
	o := Outcome{Check: check.name, Status: LeftOut, Reason: reason.None}
	if wait.Over(ctx) {
		return o, nil // what stopped the rest does not undo it
	}
	d.check = check.name
	e, err := check.run(d, ctx, s)
	if check.name == "extensions" { // what is not installed here: a locale as well
		e.findings = append(e.findings, s.closed...)
	}
	e.findings = append(e.findings, s.refused...)
	o.Notes = e.notes
	failed := Failure(e.findings)
	switch {
	case failed != nil: // found is found, also when the budget cut the rest
		o.Status, o.Reason, o.Sentence = Failed, failed.Reason, failed.Sentence
		if more := len(e.findings) - 1; more > 0 {
			o.Sentence += fmt.Sprintf(" (and %d more)", more)
		}
		return o, nil
	case err != nil && errors.Is(context.Cause(ctx), errBudget):
		if e.examined != "" {
			o.Sentence = e.examined + " within the budget: raise -check-budget"
		}
		return o, nil
	case err != nil:
		return o.failedByAnswer(err)
	case e.leftOut != "":
		o.Sentence = e.leftOut
		return o, nil
	}
	o.Status, o.Sentence = Passed, e.examined+": "+check.proof
	return o, nil
}

// failedByAnswer makes a failure of an error the server explains by damaged data, or by a library that it could not
// load here.
func (o Outcome) failedByAnswer(err error) (Outcome, error) {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case ok && postgres.LacksLibrary(answer):
		o.Status, o.Reason = Failed, reason.ToolMissing
		o.Sentence = fmt.Sprintf("%v; %s", err, postgres.LibraryHint(answer))
	case ok && saysDamage(answer):
		o.Status, o.Reason = Failed, deepCodeReason(answer)
		o.Sentence = fmt.Sprintf("%v (SQLSTATE %s)", err, answer.Code)
	default:
		return o, err
	}
	return o, nil
}

// WithCodeReason gives an error the reason that the server's own answer has: damage of the catalog, and no memory, no
// disk or no connection left on this machine, which says nothing about the data. One that the data raised has none.
func WithCodeReason(err error) error {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	if missing := postgres.MissingLibrary(err); missing != nil {
		return missing
	}
	if lostDatabase(answer) {
		return reason.Wrap(reason.PageChecksum, err)
	}
	if why := deepCodeReason(answer); why != reason.SmokeQuery {
		return reason.Wrap(why, err)
	}
	return err
}

// saysDamage says whether the server answered that data is damaged: an internal error, or a file of a relation or the
// directory of a database that is not there. A missing library is missing here, not in the data.
func saysDamage(answer *pgconn.PgError) bool {
	code := codeOf(answer)
	return !postgres.LacksLibrary(answer) &&
		(strings.HasPrefix(code, internalError) || code == undefinedFile || lostDatabase(answer))
}

// deepCodeReason is what an error code of the server says when it came from reading data that
// nobody filtered: every internal error is damage.
func deepCodeReason(answer *pgconn.PgError) reason.Reason {
	code := codeOf(answer)
	if why := codeReason(code); why != reason.SmokeQuery {
		return why
	}
	if strings.HasPrefix(code, internalError) || code == undefinedFile {
		return reason.PageChecksum
	}
	return reason.SmokeQuery
}
