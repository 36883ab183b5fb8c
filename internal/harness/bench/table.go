package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Tables are what a page shows of a result, in Markdown: the ways to replay much WAL, and what
// the drill adds to the raw commands as the database grows.
func (r *Result) Tables() string {
	var b strings.Builder
	for _, s := range r.Sources {
		if s.Segments > 0 {
			b.WriteString(r.waysTable(s))
		}
	}
	b.WriteString(r.shareTable())
	for _, line := range r.LeftOut {
		fmt.Fprintf(&b, "\nLeft out: %s.\n", line)
	}
	fmt.Fprintf(&b, "\n%s; %s.\n", r.Machine, r.loads())
	return b.String()
}

// loads says what else the machine had to do: the bench itself is a load of one or two.
func (r *Result) loads() string {
	var list []float64
	for _, m := range r.Measured {
		list = append(list, of(m.Measurements, func(m Measurement) float64 { return m.Load })...)
	}
	if len(list) == 0 {
		return "nothing was measured"
	}
	return fmt.Sprintf("load before a measurement %.1f to %.1f", slices.Min(list), slices.Max(list))
}

// delays of the rows of a source, in their order.
func (r *Result) delays(source string) (list []time.Duration) {
	for _, m := range r.Measured {
		if m.Source == source && !slices.Contains(list, m.RoundTrip) {
			list = append(list, m.RoundTrip)
		}
	}
	slices.Sort(list)
	return list
}

// waysTable compares with the raw commands of the same distance, which fetch segments one by one.
func (r *Result) waysTable(s Source) string {
	var b strings.Builder
	fmt.Fprintf(&b, "A database of %.2f GB and %d segments of WAL (%.1f GB), medians of %s:\n\n",
		float64(s.DatabaseBytes)/gigabyte, s.Replayed, float64(s.Replayed)*segmentBytes/gigabyte, rounds(r.Rounds))
	delays := r.delays(s.Name)
	head, rule := "| |", "|---|"
	for _, delay := range delays {
		head += fmt.Sprintf(" %d ms round trip | start to first query | redo |", delay.Milliseconds())
		rule += "---|---|---|"
	}
	fmt.Fprintf(&b, "%s\n%s\n", head, rule)
	for _, way := range r.ways(s.Name) {
		fmt.Fprintf(&b, "| %s |", way.What())
		for _, delay := range delays {
			way.RoundTrip = delay
			b.WriteString(r.cells(s, way))
		}
		b.WriteString("\n")
	}
	for _, delay := range delays {
		b.WriteString(r.checksLine(Row{
			Source: s.Name, RoundTrip: delay, Drill: true, Replay: asTheDrill, Deep: "all",
		}))
	}
	return b.String()
}

// checksLine says which of the deeper checks take long, the longest first.
func (r *Result) checksLine(row Row) string {
	values := map[string][]float64{}
	for _, m := range r.row(row) {
		for name, took := range m.Parts {
			if check, ok := strings.CutPrefix(name, checkPart); ok {
				values[check] = append(values[check], took)
			}
		}
	}
	var names []string
	for name, list := range values {
		if median(list) >= 0.1 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(median(values[b]), median(values[a])), cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %.1f s", name, median(values[name]))
	}
	return fmt.Sprintf("\nThe deeper checks, at %d ms: %s.\n", row.RoundTrip.Milliseconds(), strings.Join(names, ", "))
}

// ways are the rows of a source, whatever their distance.
func (r *Result) ways(source string) (list []Row) {
	for _, m := range r.Measured {
		row := m.Row
		row.RoundTrip = 0
		if m.Source == source && !slices.Contains(list, row) {
			list = append(list, row)
		}
	}
	slices.SortStableFunc(list, func(a, b Row) int { return order(a) - order(b) })
	return list
}

// order is that of a table: a round may have begun from behind.
func order(r Row) (n int) {
	for i, yes := range []bool{r.Replay.Async, r.Replay.Tuned, r.Deep == "all", r.Drill} {
		if yes {
			n += 1 << i
		}
	}
	return n
}

// cells are seconds and, in brackets, the ratio to the raw commands.
func (r *Result) cells(s Source, row Row) string {
	list := r.row(row)
	if len(list) == 0 {
		return " - | - | - |"
	}
	plain := Row{Source: row.Source, RoundTrip: row.RoundTrip}
	base := r.row(plain)
	cell := func(figure func(Measurement) float64) string {
		value := median(of(list, figure))
		if against := median(of(base, figure)); against > 0 && row != plain {
			return fmt.Sprintf(" %.1f s (%.2fx) |", value, value/against)
		}
		return fmt.Sprintf(" %.1f s |", value)
	}
	redo := " - |"
	if mb := rate(list, s.Replayed); mb > 0 {
		redo = fmt.Sprintf(" %.0f MB/s |", mb)
	}
	return cell(total) + cell(replay) + redo
}

// shareTable is the drill's own share, with the raw commands replaying as it does.
func (r *Result) shareTable() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nWhat the drill adds to the raw commands in its own way of replay:\n\n"+
		"| database | WAL segments | round trip | raw commands | drill, -deep none | it adds | ratio |\n"+
		"|---|---|---|---|---|---|---|\n")
	for _, s := range r.Sources {
		for _, delay := range r.delays(s.Name) {
			drill := Row{Source: s.Name, RoundTrip: delay, Drill: true, Replay: asTheDrill, Deep: "none"}
			with, without := r.row(drill), r.row(drill.rawAsDrill())
			if len(with) == 0 || len(without) == 0 {
				continue
			}
			more := differences(with, without)
			fmt.Fprintf(&b, "| %.2f GB | %d | %d ms | %.1f s | %.1f s | %.1f s (%.1f to %.1f) | %.2f |\n",
				float64(s.DatabaseBytes)/gigabyte, s.Replayed, delay.Milliseconds(), median(of(without, total)),
				median(of(with, total)), median(more), slices.Min(more), slices.Max(more),
				median(of(with, total))/median(of(without, total)))
		}
	}
	return b.String()
}

func rounds(n int) string {
	if n == 1 {
		return "one round"
	}
	return fmt.Sprintf("%d rounds", n)
}
