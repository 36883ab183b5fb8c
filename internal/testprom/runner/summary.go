package runner

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
)

// summaryLines is how long a summary is without -v.
const summaryLines = 10

// row is one line of the summary, with its name.
type row struct{ name, text string }

// summary tells a tired operator how it went: the verdict, why, what to type next, what was
// measured, and where it is written. What the lines above it say already it does not repeat.
func (r *run) summary(res *result, unwritten error) {
	s := style{r.Colours}
	took := ""
	if res.duration >= 0 {
		took = " in " + humanSeconds(res.duration.Seconds())
	}
	r.live.tellUnrun()
	if r.live.status != nil {
		r.live.status.end()
	}
	r.printf("\n%s  %s of stanza %s%s, exit status %d\n", s.bold(res.headline(s)), res.suite.Words.Title,
		printable(res.stanza), took, res.exit)
	rows, last := res.cause(), r.written(res, unwritten)
	if r.verbose {
		rows = slices.Concat(rows, res.otherClaims(), res.measured(), last)
	} else {
		rows = r.shortened(res, rows, last)
	}
	for _, row := range rows {
		r.row(row)
	}
	if unwritten != nil {
		_, _ = fmt.Fprintln(r.Stderr, r.program()+":", printable(strings.ReplaceAll(unwritten.Error(), "\n", "; ")))
	}
}

// cause is why, and what to type next; of a pass, what it means.
func (r *result) cause() []row {
	if r.Reason == reason.None {
		return []row{{"means", r.sentence()}}
	}
	return filled([]row{
		{"reason", string(r.Reason) + in(r.suite, r.Step) + ": " + r.sentence()},
		{"detail", r.Detail},
		{"next", r.next()},
	})
}

// filled leaves out what has no text.
func filled(rows []row) []row {
	return slices.DeleteFunc(rows, func(row row) bool { return strings.TrimSpace(row.text) == "" })
}

// facts are what was restored or checked, and what was measured, in a line each.
func (r *result) facts(measured string) []row {
	var about []string
	for _, name := range r.suite.InfoLabels {
		if value := r.Labels[name]; strings.HasSuffix(name, "_version") && value != "" {
			about = append(about, strings.ReplaceAll(strings.TrimSuffix(name, "_version"), "_", " ")+" "+value)
		} else if value != "" {
			about = append(about, value)
		}
	}
	return filled([]row{
		{"of", strings.Join(about, ", ")},
		{"repository as of", r.Labels[suite.PastLabel]},
		{"cluster left", r.Labels[suite.LeftLabel]},
		{"measured", measured},
		{"not asked", strings.Join(r.ended(testreport.NotAsked), ", ")},
		{"left out", strings.Join(r.ended(testreport.LeftOut), ", ")},
	})
}

// shortened is the summary in ten lines, of the terminal where there is one: between the cause and where it is written
// down, the other claims that failed, and what the lines above it did not say: how to enter a sandbox that is kept, the
// last lines of the step to blame, and of a pass its notes. What does not fit is counted, also where cause and facts
// alone take all ten.
func (r *run) shortened(res *result, rows, last []row) []row {
	rows = append(rows, res.facts(r.brief(res.Measurements))...)
	claims := slices.DeleteFunc(res.otherClaims(), func(row row) bool { return row.name != failedToo })
	var kept, rest []row
	if r.live.brief {
		kept, rest = res.kept(r.Call), res.lastLines()
		if res.Reason == reason.None {
			rest = res.notes()
		}
	}
	more := "in " + r.report
	if r.report == "" {
		more = cmp.Or(r.Call, r.program()) + " -v shows them"
	}
	if r.live.brief {
		last = r.fewWarnings(last, more)
	}
	room := summaryLines - 1 - r.height(slices.Concat(rows, kept, last)...)
	claims, room = r.fitting(claims, max(room, 1), more)
	rest, _ = r.fitting(rest, max(room, 1), more)
	return slices.Concat(rows, claims, rest, kept, last)
}

// typeables begin the notes that say what to type.
var typeables = []string{suite.EnterIt, suite.RemoveIt, suite.NextIs}

// toType says whether a note is one of them.
func toType(note string) bool {
	return slices.ContainsFunc(typeables, func(begin string) bool { return strings.HasPrefix(note, begin) })
}

// kept is how to get into a sandbox that is kept, and how to remove it; of a real restore, what comes next.
func (r *result) kept(call string) (rows []row) {
	for _, note := range r.Notes {
		for _, begin := range typeables {
			if command, ok := strings.CutPrefix(typedAs(call, note), begin); ok {
				rows = append(rows, row{strings.TrimSuffix(begin, ": "), command})
			}
		}
	}
	return rows
}

// measured is every measurement and label.
func (r *result) measured() (rows []row) {
	for _, v := range r.Measurements {
		if v.Name != suite.ClaimMetric && v.Name != suite.FaultMetric { // the claims that failed are listed above
			rows = append(rows, row{humanName(v), humanValue(v)})
		}
	}
	for _, name := range r.suite.InfoLabels {
		rows = append(rows, row{strings.ReplaceAll(name, "_", " "), r.Labels[name]})
	}
	rows = append(rows, row{"repository as of", r.Labels[suite.PastLabel]},
		row{"cluster left", r.Labels[suite.LeftLabel]})
	return filled(rows)
}

// notes are what else the run noted.
func (r *result) notes() (rows []row) {
	for _, note := range r.Notes {
		if !toType(note) {
			rows = append(rows, row{"note", note})
		}
	}
	return rows
}

// headline is the verdict in capitals.
func (r *result) headline(s style) string {
	switch {
	case r.Verdict.Exit == reason.ExitPass && r.exit == reason.ExitPass && len(r.knownRed) > 0: // the alert goes on
		return s.yellow("PASSED, BUT " + strings.Join(r.knownRed, ", ") + " STILL RED")
	case r.Verdict.Exit == reason.ExitPass && r.exit == reason.ExitPass && r.Backups == testreport.InPart:
		return s.yellow("PASSED, IN PART")
	case r.Verdict.Exit == reason.ExitPass && r.exit == reason.ExitPass:
		return s.green("PASSED")
	case r.Verdict.Exit == reason.ExitPass:
		return s.yellow("PASSED, BUT NOT WRITTEN DOWN")
	case r.Verdict.Exit == reason.ExitFailed:
		return s.red("FAILED")
	case r.notCompared():
		return s.yellow("PASSED, BUT NOT COMPARED")
	case r.Backups == testreport.Sound, r.Backups == testreport.InPart:
		return s.yellow("PASSED, BUT NOT " + cmp.Or(r.suite.Words.Left, "CLEANED UP"))
	}
	return s.yellow("NO VERDICT")
}

// lastLines is what was printed last when the detail alone may not do: the
// step's lines, else those of the process.
func (r *result) lastLines() (rows []row) {
	if r.Reason == reason.None {
		return nil
	}
	lines := r.Tail
	for _, step := range r.Steps {
		if step.Name == r.Step && len(step.Output) > 0 {
			lines = step.Output
		}
	}
	const most = 8
	lines = slices.DeleteFunc(slices.Clone(lines), func(line string) bool { // the detail stands above
		return strings.TrimSpace(line) == "" || suite.Line(testreport.Line(line)) == r.Detail
	})
	name := "last lines"
	for _, line := range lines[max(0, len(lines)-most):] {
		rows = append(rows, row{name, testreport.Line(line)})
		name = ""
	}
	return filled(rows)
}

// Names of rows.
const (
	failedToo = "failed too"
	warned    = "warning"
)

// otherClaims tells, of claims that do not build on each other, those that failed
// beside the one to blame, and those that were not asked.
func (r *result) otherClaims() (rows []row) {
	if !r.suite.Independent {
		return nil
	}
	for _, step := range r.Steps {
		if step.Outcome == testreport.Failed && step.Name != r.Step {
			rows = append(rows, row{
				failedToo, strings.TrimSpace(strings.Join([]string{step.Name, string(step.Reason), step.Detail}, "  ")),
			})
		}
	}
	return filled(append(rows, row{"not asked", strings.Join(r.ended(testreport.NotAsked), ", ")},
		row{"left out", strings.Join(r.ended(testreport.LeftOut), ", ")}))
}

// written says where the run is written down, after what is doubtful about it.
func (r *run) written(res *result, unwritten error) (rows []row) {
	for _, warning := range res.warnings {
		rows = append(rows, row{warned, warning})
	}
	if unwritten != nil {
		return rows
	}
	if r.textfile != "" && !strings.HasSuffix(r.textfile, ".prom") {
		rows = append(rows, row{warned, "node_exporter reads only files whose name ends in .prom"})
	}
	var paths []string
	for _, path := range []string{r.report, r.textfile, r.history, r.options.junit, r.options.stream, r.log.path()} {
		if path != "" {
			paths = append(paths, path)
		}
	}
	if res.entry != nil {
		paths = append(paths, res.entry.File+" (head "+res.entry.Head+")")
	}
	if res.copied != "" {
		paths = append(paths, res.copied)
	}
	return filled(append(rows, row{"written", strings.Join(paths, ", ")}))
}

// row prints one line with its name.
func (r *run) row(line row) {
	r.printf("  %-*s %s\n", r.nameWidth(), printable(line.name), printable(line.text))
}

func (r *run) nameWidth() int {
	if r.verbose {
		return 22
	}
	return 10
}

func (r *run) printf(format string, args ...any) { _, _ = fmt.Fprintf(r.Stdout, format, args...) }

func in(s suite.Suite, step string) string {
	if step == "" {
		return ""
	}
	return " (" + s.Words.Step + " " + step + ")"
}
