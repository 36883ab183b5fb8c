package page

import (
	"math"
	"time"

	"github.com/dustin/go-humanize"

	"veza.fr/recovery/internal/testprom/evidence"
	"veza.fr/recovery/internal/testprom/forecast"
)

// plans are the charts of a stanza.
func plans(drills []evidence.Run, found []forecast.Pass, ahead *forecast.Forecast) []plan {
	time := unit{seconds, []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400}}
	rto := plan{title: "RTO by part, against its budget", unit: time}
	rto.empty = "No drill to the end of the archive has passed yet."
	rto.stacked = []series{{name: "restore", class: "restore"}, {name: "replay", class: "replay"}}
	for _, p := range found {
		restore := max(0, p.Restore)
		rto.stacked[0].points = append(rto.stacked[0].points, point{p.At, restore})
		rto.stacked[1].points = append(rto.stacked[1].points, point{p.At, p.RTO - restore})
	}
	if len(found) > 0 {
		rto.lines = append(budgetLine(drills, ahead), foretold(ahead)...)
	}
	rto.dots = []series{{name: "a drill that did not pass", class: "budget"}}
	for _, r := range drills {
		if toTheEnd(r) && !passes(r) {
			rto.dots[0].points = append(rto.dots[0].points, measured([]evidence.Run{r}, "rto_seconds", "")...)
		}
	}
	rpo := plan{title: "RPO: age of the newest moment that came back", unit: time}
	for _, basis := range []string{"heartbeat", "last_commit", "backup"} {
		rpo.lines = append(rpo.lines, series{name: basis, class: basis, points: measured(drills, "rpo_seconds", basis)})
	}
	return []plan{
		rto, rpo,
		{title: "Restored size", unit: unit{text: size}, lines: []series{
			{name: "restored", class: "restore", points: measured(drills, "restored_bytes", "")},
		}},
		{title: "WAL segments replayed", unit: unit{text: plain}, lines: []series{
			{name: "segments", class: "replay", points: measured(drills, "wal_segments_replayed", "")},
		}},
		{
			title: "Share of the data that was compared", unit: unit{text: percent, steps: []float64{0.25}},
			empty: "No drill compared the restored data with production, or with another backup set.",
			lines: []series{
				{name: "compared", class: "restore", points: measured(drills, "compare_coverage_ratio", "")},
			},
		},
	}
}

// budgetLine is the RTO budget of each drill, and on into the forecast.
func budgetLine(drills []evidence.Run, ahead *forecast.Forecast) []series {
	s := series{name: "budget", class: "budget"}
	for _, r := range drills {
		if toTheEnd(r) && r.Objectives.RTO != nil {
			s.points = append(s.points, point{r.Ended, *r.Objectives.RTO})
		}
	}
	if n := len(s.points); n > 0 && ahead != nil {
		s.points = append(s.points, point{ahead.At.Add(90 * 24 * time.Hour), s.points[n-1].value})
	}
	return []series{s}
}

func foretold(ahead *forecast.Forecast) []series {
	if ahead == nil {
		return nil
	}
	s := series{name: "forecast", class: "forecast"}
	for _, days := range []float64{0, 30, 90} {
		at := ahead.At.Add(time.Duration(days * 24 * float64(time.Hour)))
		s.points = append(s.points, point{at, ahead.In(days)})
	}
	return []series{s}
}

// measured are the values of one measurement, of the basis when one is named.
func measured(drills []evidence.Run, name, basis string) (points []point) {
	for _, r := range drills {
		for _, m := range r.Measurements {
			if m.Name == name && (basis == "" || m.Labels["basis"] == basis) {
				points = append(points, point{r.Ended, m.Value})
			}
		}
	}
	return points
}

// seconds writes a time.
func seconds(v float64) string {
	switch {
	case v < 120:
		return humanize.FtoaWithDigits(v, 1) + " s"
	case v < 2*3600:
		return humanize.FtoaWithDigits(v/60, 1) + " min"
	}
	return humanize.FtoaWithDigits(v/3600, 1) + " h"
}

// age writes a time that has passed.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + age(d.Abs())
	case d < 2*time.Hour:
		return plain(math.Round(d.Minutes())) + " minutes"
	case d < 48*time.Hour:
		return plain(math.Round(d.Hours())) + " hours"
	}
	return plain(math.Round(d.Hours()/24)) + " days"
}

func size(v float64) string { return humanize.Bytes(uint64(max(0, v))) }

func plain(v float64) string { return humanize.Commaf(round(v)) }

func percent(v float64) string { return humanize.FtoaWithDigits(100*v, 1) + " %" }
