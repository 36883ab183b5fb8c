package runner

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"veza.fr/recovery/internal/testprom/forecast"
)

// How a -timeout that nobody gave follows from what was measured.
const (
	lookedBack = 5              // whole runs
	margin     = 3              // times the longest of them
	mostTime   = 11 * time.Hour // and no more: after 12 hours BackupUnitHangs takes a run for one that hangs
)

// measuredTimeout is the -timeout after what the last whole runs took, and in words why. It is never less than the
// usual one, which then has no words.
func measuredTimeout(usual time.Duration, lasted []time.Duration) (timeout time.Duration, why string) {
	lasted = recent(lasted)
	if len(lasted) == 0 {
		return usual, ""
	}
	wanted := min(slices.Max(lasted), mostTime) * margin
	timeout = min(wanted.Truncate(time.Minute)+time.Minute, mostTime)
	if timeout <= usual {
		return usual, ""
	}
	why = fmt.Sprintf("%d times the longest of the last %d", margin, len(lasted))
	if len(lasted) == 1 {
		why = fmt.Sprintf("%d times the last one", margin)
	}
	if timeout == mostTime && wanted > mostTime {
		why += ", and no more than that: give -timeout where it takes longer"
	}
	return timeout, why
}

// lasted is how long the whole runs took that the history knows of. A history that cannot be read gives none, which
// the writing of it will tell.
func (r *run) lasted(stanza string) []time.Duration {
	if r.history == "" {
		return nil
	}
	stanza = cmp.Or(r.as, stanza)
	f, err := os.Open(r.history)
	if err == nil {
		defer func() { _ = f.Close() }()
		var whole, inPart []time.Duration
		if whole, inPart, err = forecast.Lasted(f, r.suite.Name, stanza); err == nil {
			return longer(whole, inPart)
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		r.early = append(r.early, fmt.Sprintf("the usual -timeout, since %s cannot be read: %v", r.history, err))
	}
	return nil
}

// longer is which of the last whole runs, and of the last ones of chosen claims, took longest. What this run is of is
// not known here: short ones must not shorten the time of a whole one, and where all are of a choice, it is measured.
func longer(whole, inPart []time.Duration) []time.Duration {
	whole, inPart = recent(whole), recent(inPart)
	if len(whole) == 0 || len(inPart) > 0 && slices.Max(inPart) > slices.Max(whole) {
		return inPart
	}
	return whole
}

func recent(lasted []time.Duration) []time.Duration { return lasted[max(len(lasted)-lookedBack, 0):] }

// tellTimeout says that -timeout is not the usual one, and keeps it for the report.
func (r *run) tellTimeout(c command) {
	if c.why == "" {
		return
	}
	said := fmt.Sprintf("-timeout %s (%s)", short(c.timeout), c.why)
	r.live.line(said)
	r.notes = append(r.notes, said)
}

// short is a duration of whole minutes without its zeros: 4h, 1h30m, 50m.
func short(d time.Duration) string {
	switch hours, minutes := d/time.Hour, d%time.Hour/time.Minute; {
	case hours == 0:
		return fmt.Sprintf("%dm", minutes)
	case minutes == 0:
		return fmt.Sprintf("%dh", hours)
	default:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	}
}
