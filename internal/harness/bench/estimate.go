package bench

import (
	"fmt"
	"time"
)

// estimate says how long a row will take: as in this run, else as in an earlier one on a
// machine that may be another, else by a rule of thumb.
type estimate struct {
	now    *Result
	before *Result // nil: none
}

// Rules of thumb: what two cores restore a second, what replaying a segment takes, and a drill
// beside that.
const (
	restoreRate = 120e6
	perSegment  = 280 * time.Millisecond
	perDrill    = 2 * time.Second
)

func (e estimate) row(r Row, s Source) time.Duration {
	for _, result := range []*Result{e.now, e.before} {
		if result == nil || !result.alike(&Result{Sources: []Source{s}}, r.Source) {
			continue
		}
		if list := result.row(r); len(list) > 0 {
			return seconds(median(of(list, total)))
		}
	}
	return time.Duration(e.pace() * float64(thumb(r, s)))
}

// pace is how much longer this machine takes than the rule of thumb, as far as it has been seen.
func (e estimate) pace() float64 {
	var took, said float64
	for _, m := range e.now.Measured {
		for _, s := range e.now.Sources {
			if s.Name == m.Source {
				took += median(of(m.Measurements, total))
				said += thumb(m.Row, s).Seconds()
			}
		}
	}
	if said == 0 {
		return 1
	}
	return took / said
}

// thumb is the rule of thumb.
func thumb(r Row, s Source) time.Duration {
	took := time.Duration(float64(s.DatabaseBytes)/restoreRate*float64(time.Second)) +
		time.Duration(s.Replayed)*(perSegment+r.RoundTrip)
	if r.Drill {
		took += perDrill
	}
	return took
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// expected is a source as long as nobody knows more than its recipe.
func expected(r Recipe) Source {
	return Source{Recipe: r, DatabaseBytes: int64(r.Gigabytes * gigabyte), Replayed: r.Segments}
}

// makingTime is about what two cores need to make a source.
func makingTime(r Recipe) time.Duration {
	return seconds(5 + 50*r.Gigabytes + 0.4*float64(r.Segments))
}

// about is a duration as somebody says it who waits.
func about(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}
