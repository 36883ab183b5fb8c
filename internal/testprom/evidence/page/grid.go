package page

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"veza.fr/recovery/internal/testprom/evidence"
)

// Outcomes of a check, which are classes of the page's style too.
const (
	passed   = "passed"
	failed   = "failed"
	leftOut  = "left-out"
	notAsked = "not-asked"
)

// Cell is one field of a grid.
type Cell struct {
	X, Y  float64
	Class string // verdict or outcome
	Mark  string // the same, for who tells no colours apart
	Text  string
}

// MarkX is where the middle of the mark is.
func (c Cell) MarkX() float64 { return c.X + 6 }

// MarkY is where the mark stands.
func (c Cell) MarkY() float64 { return c.Y + 10 }

// Row is a line of a grid with its name.
type Row struct {
	Y    float64
	Name string
}

// Calendar has a row for each year, and in it a cell for each week in which something ran.
type Calendar struct {
	Label  string
	W, H   float64
	Rows   []Row
	Cells  []Cell
	Months []Tick
}

const (
	cell     = 13.0
	names    = 44.0 // where the years stand
	checkers = 130.0
	shown    = 44 // runs of the matrix
)

// calendarOf makes the calendar of runs in order.
func calendarOf(runs []evidence.Run) (c Calendar) {
	type week struct{ year, week int }
	verdicts := map[week]map[string]int{}
	counts := map[string]int{}
	years := map[int]bool{}
	for _, r := range runs {
		year, number := r.Ended.UTC().ISOWeek()
		key := week{year, number}
		if verdicts[key] == nil {
			verdicts[key] = map[string]int{}
		}
		verdict := r.Verdict
		if verdict != "fail" && !passes(r) {
			verdict = "environment" // whatever the word
		}
		verdicts[key][verdict]++
		counts[verdict]++
		years[year] = true
	}
	row := map[int]float64{}
	for i, year := range slices.Sorted(maps.Keys(years)) {
		row[year] = 18 + float64(i)*(cell+3)
		c.Rows = append(c.Rows, Row{row[year] + 10, fmt.Sprint(year)})
	}
	weeks := slices.SortedFunc(maps.Keys(verdicts), func(a, b week) int {
		return (a.year-b.year)*100 + a.week - b.week
	})
	for _, key := range weeks {
		worst := "pass"
		var said []string
		for _, verdict := range []string{"pass", "environment", "fail"} {
			if n := verdicts[key][verdict]; n > 0 {
				worst = verdict
				said = append(said, fmt.Sprintf("%d %s", n, verdict))
			}
		}
		c.Cells = append(c.Cells, Cell{
			X: names + float64(key.week-1)*cell, Y: row[key.year], Class: worst, Mark: mark(worst),
			Text: fmt.Sprintf("%d week %d: %s", key.year, key.week, strings.Join(said, ", ")),
		})
	}
	for month := time.January; month <= time.December; month++ {
		c.Months = append(c.Months, Tick{At: names + float64(month-1)*53*cell/12, Text: month.String()[:3]})
	}
	c.W, c.H = names+53*cell, 20+float64(len(c.Rows))*(cell+3)
	c.Label = fmt.Sprintf("Verdicts by week: %d runs passed, %d failed, %d came to no verdict", counts["pass"],
		counts["fail"], counts["environment"])
	return c
}

// Matrix says which check was proved when: a row for each check, a column for each of the newest drills.
type Matrix struct {
	Label string
	W, H  float64
	Rows  []Row
	Cells []Cell
	Last  []Proof // the same as a table
}

// Proof is when a check passed last.
type Proof struct {
	Check  string
	Newest string // its outcome in the newest drill that came to it
	Passed int
	At     time.Time // zero is never
}

// outcomes are those of one run by check.
func outcomes(c evidence.Checks) map[string]string {
	found := map[string]string{}
	for outcome, list := range map[string][]string{
		passed: c.Passed, failed: c.Failed, leftOut: c.LeftOut, notAsked: c.NotAsked,
	} {
		for _, name := range list {
			found[name] = outcome
		}
	}
	return found
}

// matrixOf makes the matrix of drills in order.
func matrixOf(drills []evidence.Run) (m Matrix) {
	last := map[string]*Proof{}
	for _, r := range drills {
		for name, outcome := range outcomes(r.Checks) {
			if last[name] == nil {
				last[name] = &Proof{Check: name}
			}
			last[name].Newest = strings.ReplaceAll(outcome, "-", " ")
			if outcome == passed {
				last[name].Passed++
				last[name].At = r.Ended
			}
		}
	}
	checks := slices.Sorted(maps.Keys(last))
	newest := drills[max(0, len(drills)-shown):]
	for i, name := range checks {
		y := float64(i) * cell
		m.Rows = append(m.Rows, Row{y + 10, name})
		m.Last = append(m.Last, *last[name])
		for j, r := range newest {
			outcome, ran := outcomes(r.Checks)[name]
			if !ran {
				continue
			}
			m.Cells = append(m.Cells, Cell{
				X: checkers + float64(j)*cell, Y: y, Class: outcome, Mark: mark(outcome),
				Text: r.Ended.UTC().Format("2006-01-02 15:04") + ": " + name + " " +
					strings.ReplaceAll(outcome, "-", " "),
			})
		}
	}
	m.W, m.H = checkers+float64(shown)*cell, float64(max(1, len(checks)))*cell
	m.Label = fmt.Sprintf("What the newest %d of %d drills looked at, %d checks; the table below says the same",
		len(newest), len(drills), len(checks))
	return m
}
