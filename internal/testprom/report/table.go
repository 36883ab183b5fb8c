package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// Table prints a line for each row, what is worst first, and one that sums up. seconds writes a duration as a person
// says it.
func (f Fleet) Table(w io.Writer, seconds func(float64) string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "STANZA\tSUITE\tVERDICT\tAGE\tRTO\tRPO\tCOMPARED\tDUE") // Flush has the error
	for _, r := range f.Rows {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", suite.Line(r.Stanza), r.Suite, r.verdict(),
			text(r.Age, seconds), text(r.RTO, seconds), text(r.RPO, seconds), text(r.Covered, percent),
			suite.Line(r.due()))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	counts := map[int]int{}
	for _, r := range f.Rows {
		counts[r.Exit]++
	}
	_, err := fmt.Fprintf(w, "%d passed, %d failed, %d without a verdict of now, at %s\n", counts[reason.ExitPass],
		counts[reason.ExitFailed], counts[reason.ExitEnvironment], f.At.Format(time.RFC3339))
	return err
}

func (r Row) verdict() string {
	switch {
	case r.Verdict == "":
		return "none"
	case r.Reason == reason.None && len(r.LeftOut) > 0:
		return r.Verdict + ", in part"
	case r.Reason == reason.None, r.Heard:
		return r.Verdict
	}
	return r.Verdict + ": " + suite.Line(string(r.Reason))
}

func (r Row) due() string {
	if r.Verdict == "" {
		return r.Due + " (" + r.File + ")"
	}
	if r.Last != nil {
		return "the verdict before it is " + r.Last.text()
	}
	if len(r.KnownRed) > 0 {
		return "not asked again since it did not hold: " + strings.Join(r.KnownRed, ", ")
	}
	if r.Due == "" && r.Heard {
		return "another host's"
	}
	if r.Due == "" && len(r.LeftOut) > 0 {
		return "left out: " + strings.Join(r.LeftOut, ", ")
	}
	return r.Due
}

// text is a red verdict in a few words.
func (k *Known) text() string {
	switch {
	case len(k.Red) > 0 && (k.Verdict == VerdictOf(reason.ExitPass) || k.Reason == ""):
		return "red: " + strings.Join(k.Red, ", ") + " did not hold when asked last"
	case k.Reason == "":
		return k.Verdict
	}
	return k.Verdict + ": " + string(k.Reason)
}

func text(value *float64, write func(float64) string) string {
	if value == nil {
		return "-"
	}
	return write(*value)
}

func percent(ratio float64) string { return fmt.Sprintf("%.0f %%", 100*ratio) }
