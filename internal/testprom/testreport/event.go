// Package testreport reads the event stream of `go test -json` or test2json and
// says what it proves about one suite: which expected steps ran and how they
// ended, what was measured, and the one verdict that follows.
//
// It works in constant memory for a stream of any length, and knows nothing of
// the suite beyond the suite.Suite handed to it, nor of where the verdict goes.
package testreport

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"
)

// Action is what an event reports. Actions that are not documented are kept as they are.
type Action string

// The actions of Go 1.26's test2json, and those that cmd/go adds for builds (facts C1).
const (
	ActionStart       Action = "start" // of a package
	ActionRun         Action = "run"   // of a test
	ActionPause       Action = "pause"
	ActionCont        Action = "cont"
	ActionPass        Action = "pass"
	ActionBench       Action = "bench"
	ActionFail        Action = "fail"
	ActionOutput      Action = "output"
	ActionSkip        Action = "skip"
	ActionAttr        Action = "attr"
	ActionArtifacts   Action = "artifacts"
	ActionBuildOutput Action = "build-output"
	ActionBuildFail   Action = "build-fail"
)

// IsTerminal reports whether the action ends a test or a package.
func (a Action) IsTerminal() bool {
	return a == ActionPass || a == ActionFail || a == ActionSkip
}

// Event is one line of the stream: the fields of Go 1.26's test2json (facts
// C1), build lines included.
type Event struct {
	Time        string // RFC 3339, parsed only where it is needed; empty without -t
	Action      Action
	Package     string  // import path
	Test        string  // empty for what concerns the package
	Elapsed     float64 // seconds, 10 ms resolution for tests; 0 when absent
	Output      string  // at most 1024 bytes of text, often a whole line with its line break
	FailedBuild string  // on a package's fail: the import path that did not build
	ImportPath  string  // on build lines, instead of Package
	Key         string  // of an attr
	Value       string  // of an attr; absent when empty
}

// When is the time of the event; false when it carries none that can be read.
func (e *Event) When() (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, e.Time)
	return t, err == nil
}

// errNotEvent is returned for a line that is not an event and does not look like one: what a
// tool printed between the events.
var errNotEvent = errors.New("not an event")

// errDamaged is returned for a line that looks like an event and cannot be read as one.
var errDamaged = errors.New("a damaged event")

// decoder turns lines into events and reuses what repeats from line to line.
type decoder struct {
	event Event
	slow  bool // for tests: always take encoding/json
}

// decode reads one line. The event is valid until the next call.
func (d *decoder) decode(line []byte) (*Event, error) {
	line = bytes.TrimSpace(line)
	if !bytes.HasPrefix(line, []byte("{")) {
		return nil, d.notAnEvent(line)
	}
	if d.slow || !d.fast(line) {
		d.event = Event{}
		if err := json.Unmarshal(line, &d.event); err != nil {
			return nil, errDamaged
		}
	}
	if d.event.Action == "" {
		return nil, errNotEvent
	}
	return &d.event, nil
}

// notAnEvent tells a stray line from an event that another writer's text, cut
// short, has swallowed.
func (d *decoder) notAnEvent(line []byte) error {
	if bytes.Contains(line, []byte(`"Action":`)) {
		return errDamaged
	}
	return errNotEvent
}
