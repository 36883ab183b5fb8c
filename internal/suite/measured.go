package suite

import (
	"time"

	"veza.fr/recovery/internal/reason"
)

// ClockSetBack is how far ahead a moment may lie that an earlier run wrote: clocks are set back now and then. What lies
// further ahead is not believed.
const ClockSetBack = 5 * time.Minute

// Since says whether a moment that an earlier run wrote lies after a run that ended at a time and is told of now: a
// recording that is judged late is not the newest. What lies ahead of now by less than ClockSetBack may have been
// written before a run of just now, by a clock that was set back: then the run counts.
func Since(written, ended, now time.Time) bool {
	if written.After(now) && !written.After(ended.Add(ClockSetBack)) {
		return false
	}
	return written.After(ended) && !written.After(now.Add(ClockSetBack))
}

// UnknownStanza is that of a run which came to an end before it could name one.
const UnknownStanza = "unknown"

// Measured is what one run has to say in metrics.
type Measured struct {
	Suite  Suite
	Stanza string
	// Verdict is nil when nothing was learned about the backups: then the file's
	// old verdict is carried over. None is a success, any other reason a failure.
	Verdict *reason.Reason
	// Environment is what kept the run from ending as it should; None when
	// nothing did.
	Environment  reason.Reason
	At           time.Time     // when the run ended
	Now          time.Time     // when the file is written, if that is later: the run may be a recorded one
	Duration     time.Duration // of the whole run; negative when it is not known
	Steps        []StepTime
	Measurements []Value
	NotAsked     []string          // claims that were not: others were chosen, or there was nothing to ask them with
	Labels       map[string]string // those in Suite.InfoLabels go into the info metric
	// Aimed says that the run did not go to the end of the archive, or not with the newest set, and so says nothing of
	// what lies there.
	Aimed     bool
	Elsewhere EndElsewhere
	Last      LastVerdict // by the report that the run follows
}

// EndElsewhere is when another host went to the end of the archive last, after this one, and whether that was red.
type EndElsewhere struct {
	At  time.Time // zero where none did
	Red bool
}

// Sound says whether it found the end sound.
func (e EndElsewhere) Sound() bool { return !e.At.IsZero() && !e.Red }

// LastVerdict is what is known of the verdict before a run.
type LastVerdict struct {
	At     time.Time // zero where none is known
	Reason reason.Reason
	EndRed bool // the end of the archive was red when a run went there last, and the run that follows does not end that
	// Unseen are the deeper checks that found damage, and that did not look in this run.
	Unseen []string
}

// EndOfArchive is the name, among what is known to be red, of what a drill with a -target does not come to, and one of
// an older set proves nothing of.
const EndOfArchive = "the end of the archive"

// Reaches says whether a set that stopped at a time is no older than that of a red run; nil is a red run that came to
// none, which was about the whole repository.
func Reaches(stopped, red *time.Time) bool {
	return red == nil || stopped != nil && !red.After(*stopped)
}

// StepTime is the wall clock of one step that ran.
type StepTime struct {
	Name    string
	Seconds float64
}
