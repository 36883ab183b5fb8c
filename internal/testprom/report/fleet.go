package report

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// FleetSchema is the version of the list as JSON: fields are added freely, and the number changes when one changes its
// meaning or goes.
const FleetSchema = 1

// Fleet is the newest verdict of every stanza.
type Fleet struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"`
	Exit   int       `json:"exit_status"` // the worst of all: 1, then 2, then 0
	Rows   []Row     `json:"stanzas"`     // what is worst comes first
}

// Row is what is known of one suite of a stanza.
type Row struct {
	Stanza  string        `json:"stanza"`
	Suite   string        `json:"suite"`
	Exit    int           `json:"exit_status"`       // of the verdict; 2 where there is none, or it is overdue
	Verdict string        `json:"verdict,omitempty"` // pass, fail or environment; "" where there is none
	Reason  reason.Reason `json:"reason,omitempty"`
	Ended   *time.Time    `json:"ended,omitempty"`
	Age     *float64      `json:"age_seconds,omitempty"`
	RTO     *float64      `json:"rto_seconds,omitempty"`
	RPO     *float64      `json:"rpo_seconds,omitempty"`
	Covered *float64      `json:"compare_coverage_ratio,omitempty"`
	Heard   bool          `json:"elsewhere,omitempty"` // another host reached it, and told this one
	LeftOut []string      `json:"left_out,omitempty"`  // claims that were not asked because others were chosen
	// KnownRed are those that were not asked, and did not hold when they were asked last: the verdict counts as a 1.
	KnownRed []string `json:"known_red,omitempty"`
	// Last is the verdict before a run that reached none: where that is red, this counts as a 1.
	Last *Known `json:"last_verdict,omitempty"`
	Due  string `json:"due,omitempty"` // why somebody should look, "" when nobody need
	File string `json:"file"`          // the report, or the directory that has none

	apart bool   // no verdict on the backups of now: it hides none, and none hides it
	known *Known // the newest verdict on the backups of now, this one or one before it
	own   bool   // it is this one
}

// ReadFleet reads every report in dir and in the directories in it, each of which is a stanza that is to be drilled.
// The error says that dir itself cannot be read, or that there is nothing in it: that is no pass.
func ReadFleet(dir string, now time.Time) (Fleet, error) {
	f := Fleet{Schema: FleetSchema, At: now.UTC()}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return f, err
	}
	newest, known := map[[3]string]Row{}, map[[3]string]*Known{}
	add := func(row Row) {
		key := [3]string{row.Stanza, row.Suite}
		ahead := row.known != nil && row.known.End.After(now.Add(suite.Ahead)) // is none, unless it is red
		if row.known.After(known[key]) && (!ahead || row.known.AtFault()) {
			known[key] = row.known
		}
		if row.apart {
			key[2] = row.File
		}
		if before, there := newest[key]; !there || !row.apart && row.Ended.After(*before.Ended) {
			newest[key] = row
		}
	}
	for _, row := range ofAny(dir, entries, now) {
		add(row)
	}
	for _, entry := range entries {
		if sub := filepath.Join(dir, entry.Name()); isDir(sub) && !strings.HasPrefix(entry.Name(), ".") {
			for _, row := range ofStanza(sub, now) {
				add(row)
			}
		}
	}
	for _, row := range newest {
		f.Rows = append(f.Rows, row.after(known[[3]string{row.Stanza, row.Suite}]))
	}
	if len(f.Rows) == 0 {
		return f, fmt.Errorf("%s holds no report: testprom -report FILE writes one", dir)
	}
	slices.SortFunc(f.Rows, func(a, b Row) int {
		return cmp.Or(
			badness(b.Exit)-badness(a.Exit),
			cmp.Compare(a.Stanza, b.Stanza),
			-cmp.Compare(a.Suite, b.Suite),
		)
	})
	f.Exit = f.Rows[0].Exit
	return f, nil
}

// ofAny are the rows of the directory of all, in which that of a single stanza may be.
func ofAny(dir string, entries []fs.DirEntry, now time.Time) []Row {
	wanted, err := expected(dir)
	if err != nil {
		return append(in(dir, "", nil, entries, now), unreadable(ExpectsFile, filepath.Join(dir, ExpectsFile), err))
	}
	rows := in(dir, "", wanted, entries, now)
	if wanted == nil {
		return rows
	}
	return append(rows, wanted.missing(dir, filepath.Base(dir), rows)...)
}

// ofStanza are the rows of one stanza's directory, which is named after it. One without a drill was never drilled,
// unless a file says what is expected there.
func ofStanza(dir string, now time.Time) []Row {
	entries, err := os.ReadDir(dir)
	name := filepath.Base(dir)
	if err != nil {
		return []Row{unreadable(name, dir, err)}
	}
	wanted, err := expected(dir)
	rows := in(dir, name, wanted, entries, now)
	if err != nil {
		return append(rows, unreadable(name, filepath.Join(dir, ExpectsFile), err))
	}
	drilled := slices.ContainsFunc(rows, func(r Row) bool { return r.Suite == suite.Drill.Name })
	switch {
	case wanted != nil:
		return append(rows, wanted.missing(dir, name, rows)...)
	case !drilled && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == retired }):
		return rows
	case !drilled:
		return append(rows, never(name, dir, suite.Drill))
	}
	return rows
}

// retired is in the directory of a stanza that is not drilled there any more: its report under another name, or an
// empty file. What a file expects there is still expected.
const retired = "drill-report.json.retired"

// in are the reports among the files of a directory, of one stanza or of any (""). A JSON file that is none of ours is
// left alone.
func in(dir, stanza string, wanted *expects, entries []fs.DirEntry, now time.Time) (rows []Row) {
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if filepath.Ext(path) != ".json" || entry.Name() == ExpectsFile || isDir(path) {
			continue
		}
		row, err := read(path, wanted, now)
		switch {
		case errors.Is(err, ErrOther):
		case err != nil:
			rows = append(rows, unreadable(cmp.Or(stanza, strings.TrimSuffix(entry.Name(), ".json")), path, err))
		default:
			rows = append(rows, row)
		}
	}
	return rows
}

func isDir(path string) bool {
	info, err := os.Stat(path) // a directory of another disk may be linked
	return err == nil && info.IsDir()
}

func unreadable(name, path string, err error) Row {
	return Row{
		Stanza: name, Suite: suite.Drill.Name, Exit: reason.ExitEnvironment, File: path,
		Due: "cannot be read: " + err.Error(), apart: true,
	}
}

func read(path string, wanted *expects, now time.Time) (Row, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Row{}, err
	}
	r, err := Parse(content)
	if err != nil {
		return Row{}, err
	}
	age := now.Sub(r.End).Seconds()
	row := Row{
		Stanza: r.Stanza, Suite: r.Suite, Exit: r.Exit, Verdict: r.Verdict, Reason: r.Reason,
		Ended: &r.End, Age: &age, RTO: r.Value("rto_seconds"), RPO: r.Value("rpo_seconds"),
		Covered: r.Value("compare_coverage_ratio"), KnownRed: r.KnownRed, File: path, apart: r.NotOfNow() != "",
		Heard: r.Labels[elsewhere] != "", known: r.Known(),
	}
	for _, step := range r.Steps {
		if step.Outcome == leftOut {
			row.LeftOut = append(row.LeftOut, step.Name)
		}
	}
	row.own = row.known != r.Last
	of, _ := suite.Named(r.Suite) // Parse knows it
	switch row.Due = notOfNow(r, now, wanted.due(of)); {
	case row.Due != "" && r.Passed():
		row.Exit = reason.ExitEnvironment
	case row.Due == "" && r.Unwritten():
		row.Due = "passed, and could not be written down: read its journal, and what it names"
	}
	return row, nil
}

// after is the row where a verdict is the newest on the backups of now: one that is red stays so, whatever kept the
// runs after it from a verdict.
func (r Row) after(known *Known) Row {
	if r.apart && (known == nil || known != r.known) || !known.AtFault() {
		return r
	}
	r.Exit = reason.ExitFailed
	if !r.own || known != r.known {
		r.Last = known
	}
	return r
}

// leftOut is the outcome of a claim that was not asked because others were chosen.
const leftOut = "left out"

// notOfNow is why a verdict says nothing of the backups of now, "" where it does: a pass of then is none of now.
func notOfNow(r Report, now time.Time, due time.Duration) string {
	switch old := now.Sub(r.End); {
	case r.NotOfNow() != "":
		return r.NotOfNow()
	case old > due:
		return "is overdue"
	case old < -time.Hour: // clocks of two hosts differ by less
		return "is from the future: look at the clocks"
	}
	return ""
}

// badness orders exit statuses: backups at fault are worse than no verdict.
func badness(exit int) int {
	return slices.Index([]int{reason.ExitPass, reason.ExitEnvironment, reason.ExitFailed}, exit)
}
