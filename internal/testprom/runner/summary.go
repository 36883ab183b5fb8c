package runner

import (
	"fmt"
	"slices"
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
)

// summary tells a tired operator how it went: the verdict, why, what it means,
// what to type next, what was measured, and where it is written.
func (r *run) summary(res *result, unwritten error) {
	s := style{r.Colours}
	took := ""
	if res.duration >= 0 {
		took = " in " + humanSeconds(res.duration.Seconds())
	}
	r.printf("\n%s  %s of stanza %s%s, exit status %d\n", s.bold(res.headline(s)), res.suite.Words.Title,
		printable(res.stanza), took, res.exit)
	r.row("means", res.sentence())
	if res.Reason != reason.None {
		r.row("reason", string(res.Reason)+in(res.suite, res.Step))
		r.row("detail", res.Detail)
		r.row("next", res.Reason.Next())
	}
	r.lastLines(res)
	r.otherClaims(res)
	for _, v := range res.Measurements {
		if v.Name == suite.ClaimMetric {
			continue // the claims that failed are listed above
		}
		r.row(humanName(v), humanValue(v))
	}
	for _, name := range res.suite.InfoLabels {
		r.row(strings.ReplaceAll(name, "_", " "), res.Labels[name])
	}
	r.row("repository as of", res.Labels[suite.PastLabel])
	for _, note := range res.Notes {
		r.row("note", note)
	}
	for _, warning := range res.warnings {
		r.row("warning", warning)
	}
	r.written(unwritten)
}

// headline is the verdict in capitals.
func (r *result) headline(s style) string {
	switch {
	case r.Verdict.Exit == reason.ExitPass && r.exit == reason.ExitPass:
		return s.green("PASSED")
	case r.Verdict.Exit == reason.ExitPass:
		return s.yellow("PASSED, BUT NOT WRITTEN DOWN")
	case r.Verdict.Exit == reason.ExitFailed:
		return s.red("FAILED")
	case r.Backups == testreport.Sound:
		return s.yellow("PASSED, BUT NOT CLEANED UP")
	}
	return s.yellow("NO VERDICT")
}

// lastLines shows what was printed last when the detail alone may not do: the
// step's lines, else those of the process.
func (r *run) lastLines(res *result) {
	if res.Reason == reason.None {
		return
	}
	lines := res.Tail
	for _, step := range res.Steps {
		if step.Name == res.Step && len(step.Output) > 0 {
			lines = step.Output
		}
	}
	const most = 8
	lines = slices.DeleteFunc(slices.Clone(lines), func(line string) bool { // the detail stands above
		return strings.TrimSpace(line) == "" || suite.Line(testreport.Line(line)) == res.Detail
	})
	for i, line := range lines[max(0, len(lines)-most):] {
		name := ""
		if i == 0 {
			name = "last lines"
		}
		r.row(name, testreport.Line(line))
	}
}

// otherClaims tells, of claims that do not build on each other, those that failed
// beside the one to blame, and those that were not asked.
func (r *run) otherClaims(res *result) {
	if !res.suite.Independent {
		return
	}
	var unasked []string
	for _, step := range res.Steps {
		if step.Outcome == testreport.NotAsked {
			unasked = append(unasked, step.Name)
		}
		if step.Outcome == testreport.Failed && step.Name != res.Step {
			r.row("failed too",
				strings.TrimSpace(strings.Join([]string{step.Name, string(step.Reason), step.Detail}, "  ")))
		}
	}
	r.row("not asked", strings.Join(unasked, ", "))
}

// written says where the run is written down, and what could not be.
func (r *run) written(unwritten error) {
	for _, out := range []struct{ name, path string }{
		{"textfile", r.textfile}, {"report", r.report}, {"history", r.history}, {"stream", r.options.stream},
	} {
		if unwritten == nil {
			r.row(out.name, out.path)
		}
	}
	if unwritten != nil {
		_, _ = fmt.Fprintln(r.Stderr, "testprom:", printable(strings.ReplaceAll(unwritten.Error(), "\n", "; ")))
	}
	if unwritten == nil && r.textfile != "" && !strings.HasSuffix(r.textfile, ".prom") {
		r.row("warning", "node_exporter reads only files whose name ends in .prom")
	}
}

// row prints one line with its name; an empty text is left out.
func (r *run) row(name, text string) {
	if strings.TrimSpace(text) != "" {
		r.printf("  %-22s %s\n", printable(name), printable(text))
	}
}

func (r *run) printf(format string, args ...any) { _, _ = fmt.Fprintf(r.Stdout, format, args...) }

func in(s suite.Suite, step string) string {
	if step == "" {
		return ""
	}
	return " (" + s.Words.Step + " " + step + ")"
}
