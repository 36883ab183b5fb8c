package page

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"veza.fr/recovery/internal/testprom/evidence"
)

// Window is the map of the recovery window: which part of it was replayed by which drill. What several drills replayed
// stands in the first row.
type Window struct {
	Label string
	H     float64
	Rows  []Row
	Bars  []Bar
	Stops []Cell // where recovery stopped
	X     []Tick
	Share string   // of the window that a drill which passed replayed
	Gaps  []string // what none did
	Drawn []Stretch
	Left  int // drills that do not say what they replayed
	Other int // drills of another repository: what they replayed lies elsewhere
}

// TicksY is where the times stand.
func (w Window) TicksY() float64 { return w.H - 8 }

// Bar is a stretch of time in a row.
type Bar struct {
	X, Y, W float64
	Class   string
	Text    string
}

// Stretch is what a drill replayed: from the end of its backup set, where recovery can stop at the earliest, to the
// newest moment that came back.
type Stretch struct {
	Run
	span

	proved bool
}

// span is a stretch of time.
type span struct{ From, To time.Time }

func (s span) seconds() float64 { return float64(s.To.Unix() - s.From.Unix()) }

// within is the part of it that lies in a window; ok is false where there is none.
func (s span) within(w span) (part span, ok bool) {
	part = span{later(s.From, w.From), s.To}
	if part.To.After(w.To) {
		part.To = w.To
	}
	return part, !part.To.Before(part.From)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

const (
	barRow   = 15.0
	barsFrom = 6.0
	mostGaps = 12
)

// windowOf makes the map of drills in order.
func windowOf(drills []evidence.Run) (w Window) {
	var all []Stretch
	var whole span
	known := func(r evidence.Run) bool { return r.Scope.Stopped != nil && r.Scope.Recovered != nil }
	repository := ""
	for _, r := range drills {
		if known(r) {
			repository = r.Scope.Repository
		}
	}
	for _, r := range drills {
		switch {
		case !known(r):
			w.Left++
			continue
		case r.Scope.Repository != repository:
			w.Other++
			continue
		}
		// Where nobody committed since, the last commit is older than the set that holds it.
		s := Stretch{runOf(r), span{*r.Scope.Stopped, later(*r.Scope.Stopped, *r.Scope.Recovered)}, passes(r)}
		if all = append(all, s); len(all) == 1 || s.From.Before(whole.From) {
			whole.From = s.From
		}
		whole.To = later(whole.To, s.To)
	}
	if len(all) == 0 {
		return w
	}
	for _, r := range slices.Backward(drills) { // what has left the window can be restored no more
		if from := r.Scope.WindowFrom; from != nil && r.Scope.Repository == repository {
			whole.From = *from
			break
		}
	}
	all = slices.DeleteFunc(all, func(s Stretch) bool { _, in := s.within(whole); return !in })
	a := axes{begin: whole.From, end: later(whole.From, whole.To)}
	if !a.end.After(a.begin) {
		a.begin, a.end = a.begin.Add(-12*time.Hour), a.end.Add(12*time.Hour)
	}
	w.X = a.timeTicks()
	w.together(a, whole, all)
	w.draw(a, whole, all[max(0, len(all)-shown):])
	w.Label = fmt.Sprintf("The recovery window from %s to %s, and what of it the newest %d of %d drills replayed. %s",
		minute(whole.From), minute(whole.To), len(w.Drawn), len(all), w.Share)
	return w
}

// together is the row of what was replayed by any drill that passed, and says what is missing.
func (w *Window) together(a axes, whole span, all []Stretch) {
	w.Rows = append(w.Rows, Row{barsFrom + 10, "together"})
	var proved []span
	for _, s := range all {
		if part, _ := s.within(whole); s.proved {
			proved = append(proved, part)
		}
	}
	slices.SortFunc(proved, func(x, y span) int { return cmp.Or(x.From.Compare(y.From), x.To.Compare(y.To)) })
	missing, at := 0.0, whole.From
	gap := func(to time.Time) {
		if to.After(at) {
			w.Gaps = append(w.Gaps, fmt.Sprintf("%s to %s (%s)", minute(at), minute(to), age(to.Sub(at))))
			missing += span{at, to}.seconds()
		}
	}
	for _, s := range proved {
		gap(s.From)
		if s.To.After(at) {
			part := span{later(at, s.From), s.To}
			text := minute(part.From) + " to " + minute(part.To) + ": replayed"
			w.Bars = append(w.Bars, a.bar(part, barsFrom, passed, text))
			at = s.To
		}
	}
	gap(whole.To)
	if total := whole.seconds(); total > 0 {
		w.Share = fmt.Sprintf("Drills that passed replayed %s of it.", percent(1-missing/total))
	}
	if more := len(w.Gaps) - mostGaps; more > 0 {
		w.Gaps = append(w.Gaps[more:], fmt.Sprintf("and %d older ones", more))
	}
}

// draw makes a row of each drill, the newest first.
func (w *Window) draw(a axes, whole span, drawn []Stretch) {
	for _, s := range slices.Backward(drawn) {
		y := barsFrom + float64(len(w.Rows))*barRow
		w.Rows = append(w.Rows, Row{y + 10, s.Ended.UTC().Format("2006-01-02")})
		part, _ := s.within(whole)
		outcome := map[string]string{"fail": failed, "environment": leftOut}[s.Verdict]
		if s.proved {
			outcome = passed
		}
		text := fmt.Sprintf("entry %d, %s: set %s, replayed from %s to %s", s.Seq, s.Verdict, s.Set, minute(s.From),
			minute(s.To))
		w.Bars = append(w.Bars, a.bar(part, y, outcome, text))
		w.Stops = append(w.Stops, Cell{X: a.x(part.To) - 6, Y: y, Class: outcome, Mark: mark(outcome), Text: text})
		w.Drawn = append(w.Drawn, s)
	}
	w.H = barsFrom + float64(len(w.Rows))*barRow + bottom
}

func (a axes) bar(s span, y float64, class, text string) Bar {
	return Bar{X: a.x(s.From), Y: y, W: round(a.x(s.To) - a.x(s.From)), Class: class, Text: text}
}

// minute writes a moment.
func minute(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }
