package page

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/forecast"
)

// Asked is what Of needs to know beside the ledger.
type Asked struct {
	Stanza   string // the only one to show; "" is all of them
	Findings []evidence.Finding
	Keyed    bool // signatures are among what was looked at
	Cadence  time.Duration
	Now      time.Time
}

// Of makes the page of a ledger.
func Of(l evidence.Ledger, asked Asked) Data {
	d := Data{Made: asked.Now, Chain: Chain{Entries: len(l.Entries), Keyed: asked.Keyed, Head: l.Head()}}
	for _, f := range asked.Findings {
		d.Chain.Findings = append(d.Chain.Findings, f.Text)
	}
	runs := map[string][]evidence.Run{}
	acks := map[int][]Ack{}
	var names []string
	for _, e := range l.Entries {
		if e.Signed() {
			d.Chain.Signed++
		}
		switch {
		case e.Ack != nil:
			acks[e.Ack.Run] = append(acks[e.Ack.Run], Ack{e.Ack.By, e.Ack.Why, e.Ack.Entry.Time})
		case e.Run != nil && asked.Stanza != "" && asked.Stanza != e.Run.Stanza:
			if e.Run.Stanza == evidence.UnknownStanza {
				d.Unnamed++
			}
		case e.Run != nil:
			if runs[e.Run.Stanza] == nil {
				names = append(names, e.Run.Stanza)
			}
			run := *e.Run
			run.Entry.Seq = e.Seq
			runs[run.Stanza] = append(runs[run.Stanza], run)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		d.Stanzas = append(d.Stanzas, stanzaOf(fmt.Sprintf("stanza%d", i+1), name, runs[name], acks, asked))
	}
	return d
}

// toTheEnd says whether a drill restored all there is, so that its times go with those of others.
func toTheEnd(r evidence.Run) bool { return r.OfNow() && r.Scope.Target == "" }

func passes(r evidence.Run) bool { return r.Passed() }

// stanzaOf makes the part of a stanza, by its runs in the order they were written in: that of their own clocks may be
// another one.
func stanzaOf(id, name string, runs []evidence.Run, acks map[int][]Ack, asked Asked) Stanza {
	s := Stanza{ID: id, Name: name}
	var drills []evidence.Run
	for i, r := range runs {
		s.Runs = append(s.Runs, runOf(r))
		s.Versions = addVersions(s.Versions, r)
		if !passes(r) {
			s.Failures = append(s.Failures, failureOf(r, runs[i+1:], acks[r.Entry.Seq]))
		}
		if r.OfNow() {
			drills = append(drills, r)
		}
	}
	slices.Reverse(s.Runs)
	slices.Reverse(s.Failures)
	s.clocks(runs, asked.Now)
	if len(drills) > 0 {
		s.newest(drills, asked.Now)
	}
	s.Calendar = calendarOf(runs)
	s.Checks = matrixOf(drills)
	s.Window = windowOf(drills)
	s.Never = never(s.Checks, drills)
	byTime := slices.Clone(drills)
	slices.SortStableFunc(byTime, func(a, b evidence.Run) int { return a.Ended.Compare(b.Ended) })
	s.Gaps = gaps(byTime, asked)
	s.foresee(byTime)
	return s
}

// skew is how far the clocks of two hosts may be apart.
const skew = time.Hour

// clocks says what makes ages untrue.
func (s *Stanza) clocks(runs []evidence.Run, now time.Time) {
	ahead := 0
	for _, r := range runs {
		if r.Ended.Sub(now) > skew {
			ahead++
		}
	}
	if ahead > 0 {
		s.Clocks = "By the clock of its host, " + count(ahead, "run") + " ended after this page was made: look at " +
			"the clocks."
	}
}

// newest is what the top of the page says: of the drill that counts, and of the newest pass that is not of the future.
func (s *Stanza) newest(drills []evidence.Run, now time.Time) {
	var entries []evidence.Entry
	var proved *evidence.Run
	for i, r := range drills {
		entries = append(entries, evidence.Entry{Run: &drills[i]})
		if passes(r) && r.Ended.Sub(now) <= skew && (proved == nil || !r.Ended.Before(proved.Ended)) {
			proved = &drills[i]
		}
	}
	s.Newest = runOf(*evidence.Newest(entries).Run)
	if failed, ok := evidence.FailedToTheEnd(entries); ok && passes(*evidence.Newest(entries).Run) {
		s.Aimed, s.Newest = new(s.Newest), runOf(*failed.Run)
	}
	if proved == nil {
		return
	}
	s.Proved, s.ProvedIs, s.Notes = new(runOf(*proved)), age(max(0, now.Sub(proved.Ended))), proved.Notes
	if budget := proved.Objectives.RTO; budget != nil { // the one that it was held to: another may have had another
		s.Budget = seconds(*budget)
	}
}

func runOf(r evidence.Run) Run {
	run := Run{
		Seq: r.Entry.Seq, Ended: r.Ended, Suite: r.Suite, Verdict: r.Verdict, Reason: r.Reason, Set: r.Scope.Set,
		Target: r.Scope.Target, AsOf: r.Scope.AsOf, Left: r.Scope.Left,
	}
	if r.Verdict == "pass" && !passes(r) {
		run.Verdict = fmt.Sprintf("pass with exit status %d, which is none", r.Exit)
	}
	for _, m := range r.Measurements {
		switch m.Name {
		case "rto_seconds":
			run.RTO = seconds(m.Value)
		case "rpo_seconds":
			run.RPO = seconds(m.Value) + " (" + strings.ReplaceAll(m.Labels["basis"], "_", " ") + ")"
			run.Judged = m.Labels["basis"] == "heartbeat"
		case "restored_bytes":
			run.Restored = size(m.Value)
		case "wal_segments_replayed":
			run.WAL = plain(m.Value)
		case "compare_coverage_ratio":
			run.Compared = percent(m.Value)
		}
	}
	return run
}

func failureOf(r evidence.Run, later []evidence.Run, acks []Ack) Failure {
	f := Failure{Run: runOf(r), Step: r.Step, Sentence: r.Sentence, Detail: r.Detail, Acks: acks}
	f.Mended = "not yet: no run has passed since"
	for _, next := range later {
		asFar := next.Scope.Mends(r.Scope) || next.Scope.Target != "" && next.Scope.Target == r.Scope.Target
		alike := next.Suite == r.Suite && next.Scope.AsOf == r.Scope.AsOf && next.Scope.Left == r.Scope.Left
		if passes(next) && asFar && alike && next.Ended.After(r.Ended) {
			f.Mended = fmt.Sprintf("entry %d passed, %s later", next.Entry.Seq, age(next.Ended.Sub(r.Ended)))
			break
		}
	}
	return f
}

// never is what no drill proved so far.
func never(m Matrix, drills []evidence.Run) (list []string) {
	for _, p := range m.Last {
		if p.Passed == 0 {
			list = append(list, p.Check+" (last outcome: "+p.Newest+")")
		}
	}
	if len(drills) > 0 && len(m.Last) == 0 {
		list = append(list, "no drill says which checks it made")
	}
	return list
}

func gaps(drills []evidence.Run, asked Asked) (list []string) {
	if asked.Cadence <= 0 {
		return nil
	}
	for i := 1; i <= len(drills); i++ {
		from, to := drills[i-1].Ended, asked.Now
		words := "until this page was made"
		if i < len(drills) {
			to = drills[i].Ended
			words = "until " + to.UTC().Format("2006-01-02")
		}
		if gap := to.Sub(from); gap > asked.Cadence {
			list = append(list, fmt.Sprintf("%s from %s %s", age(gap), from.UTC().Format("2006-01-02"), words))
		}
	}
	return list
}

func addVersions(list []Versions, r evidence.Run) []Versions {
	v := Versions{r.Ended, r.Ended, r.Versions.PostgreSQL, r.Versions.PgBackRest, r.Versions.Testprom, r.Environment}
	if n := len(list); n > 0 {
		last := list[n-1]
		last.First, last.Last = v.First, v.Last
		if last == v {
			list[n-1].Last = r.Ended
			return list
		}
	}
	return append(list, v)
}

// foresee draws the charts, with the forecast, and says it in words.
func (s *Stanza) foresee(drills []evidence.Run) {
	var found []forecast.Pass
	environment := ""
	for _, r := range drills {
		if toTheEnd(r) && passes(r) {
			environment = r.Environment
		}
	}
	for _, r := range drills {
		if p, ok := passOf(r); ok && r.Environment == environment {
			found = append(found, p)
		}
	}
	now := s.Newest.Ended
	f, ok := forecast.Of(found, now)
	var ahead *forecast.Forecast
	switch have, when := forecast.Ready(found, now); {
	case ok:
		ahead = &f
		s.Outlook = append(s.Outlook, fmt.Sprintf(
			"In 30 days a restore takes %s, in 90 days %s, by %d passes since %s.",
			seconds(f.In(30)), seconds(f.In(90)), f.Passes, f.First.UTC().Format("2006-01-02")))
		s.Outlook = append(s.Outlook, budgetOf(f, drills))
		s.Outlook = append(s.Outlook, hindsight(drills)...)
	case !when.IsZero():
		s.Outlook = append(s.Outlook, fmt.Sprintf(
			"There is no forecast yet: %d passes, and %d are needed, about %s when drills go on as so far.",
			have, forecast.Needed, when.UTC().Format("2006-01-02")))
	default:
		s.Outlook = append(s.Outlook, fmt.Sprintf("There is no forecast yet: %d of %d passes.", have, forecast.Needed))
	}
	for i, p := range plans(drills, found, ahead) {
		s.Charts = append(s.Charts, p.draw(fmt.Sprintf("%s-chart%d", s.ID, i+1)))
	}
}

// passOf is a drill as the forecast takes it.
func passOf(r evidence.Run) (p forecast.Pass, ok bool) {
	p = forecast.Pass{At: r.Ended, Restore: -1}
	for _, m := range r.Measurements {
		if m.Name == "rto_seconds" {
			p.RTO, ok = m.Value, true
		}
	}
	for _, step := range r.Steps {
		if step.Name == "restore" && step.Seconds != nil {
			p.Restore = min(*step.Seconds, p.RTO)
		}
	}
	return p, ok && toTheEnd(r) && passes(r)
}

func budgetOf(f forecast.Forecast, drills []evidence.Run) string {
	told := drills[len(drills)-1].Objectives.RTO
	if told == nil {
		return "The budget is not known."
	}
	days, grows := f.Until(*told)
	if !grows {
		return "It does not grow: the budget of " + seconds(*told) + " is not in sight."
	}
	return fmt.Sprintf("The budget of %s is spent in %s days.", seconds(*told), humanize.CommafWithDigits(days, 0))
}

// hindsight is how far forecasts of 30 days were off, of those that can be judged by now.
func hindsight(drills []evidence.Run) []string {
	const ahead, slack = 30 * 24 * time.Hour, 4 * 24 * time.Hour
	var off []float64
	for i, r := range drills {
		for _, m := range r.Measurements {
			if m.Name != suite.ForecastMetric || m.Labels["days"] != "30" {
				continue
			}
			for _, later := range drills[i:] {
				p, ok := passOf(later)
				if apart := later.Ended.Sub(r.Ended) - ahead; ok && apart.Abs() <= slack && p.RTO > 0 {
					off = append(off, max(m.Value-p.RTO, p.RTO-m.Value)/p.RTO)
					break
				}
			}
		}
	}
	if len(off) == 0 {
		return nil
	}
	slices.Sort(off)
	return []string{fmt.Sprintf(
		"%d forecasts of 30 days can be judged by now: half of them were off by no more than %s.",
		len(off), percent(off[(len(off)-1)/2]))}
}
