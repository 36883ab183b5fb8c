package bench

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchmath"
)

// Changes compares two results row by row, as benchstat does: the medians, and whether the
// difference is more than the rounds differ by themselves (Mann-Whitney U; it takes four of
// each to tell).
func Changes(before, now *Result) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "row\tbefore\tnow\tchange\t\n")
	common := 0
	for _, m := range now.Measured {
		old := before.row(m.Row)
		if len(old) == 0 || !before.alike(now, m.Source) {
			continue
		}
		common++
		fmt.Fprintf(table, "%s\t%s\n", m.Row, change(of(old, total), of(m.Measurements, total)))
	}
	_ = table.Flush() // a string takes everything
	if common == 0 {
		return fmt.Sprintf("nothing was measured both now and on %s\n", before.Began.Format("2006-01-02 15:04"))
	}
	said := fmt.Sprintf("against %s of %s:\n%s", before.Build, before.Began.Format("2006-01-02 15:04"), &b)
	if before.Machine.CPU != now.Machine.CPU || before.Machine.Cores != now.Machine.Cores {
		said += "that was another machine\n"
	}
	return said
}

// change is one line: before, now, by how much, and what is to be thought of it.
func change(old, values []float64) string {
	was, is := sample(old), sample(values)
	compared := benchmath.AssumeNothing.Compare(was, is)
	a := benchmath.AssumeNothing.Summary(was, 0.95).Center
	b := benchmath.AssumeNothing.Summary(is, 0.95).Center
	word := ""
	switch {
	case len(old) < enough || len(values) < enough:
		word = "too few rounds to tell"
	case compared.P > compared.Alpha:
		word = "no more than the rounds differ"
	}
	return fmt.Sprintf("%.1f s\t%.1f s\t%+.1f%%\t(%s) %s", a, b, 100*(b/a-1), compared, word)
}

// enough rounds of each can differ significantly.
const enough = 4

func sample(values []float64) *benchmath.Sample {
	thresholds := benchmath.DefaultThresholds
	return benchmath.NewSample(append([]float64(nil), values...), &thresholds)
}
