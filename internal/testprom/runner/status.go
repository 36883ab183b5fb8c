package runner

import (
	"fmt"
	"sync"
	"time"

	"veza.fr/recovery/internal/suite"
)

// status is the last line of a terminal: the step that runs, how long it has been at it, and how
// far it is. The display draws it from time to time; everybody else writes into it.
type status struct {
	style style
	now   func() time.Time

	mu    sync.Mutex
	name  string // of the step; "" when none runs
	since time.Time
	said  string // by the step, last
	course
}

// begin shows another step.
func (s *status) begin(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name, s.since, s.said, s.course = name, s.now(), "", course{}
}

// end shows no step any more.
func (s *status) end() { s.begin("") }

// say shows a line of the step, in place of how far its last work was.
func (s *status) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said, s.course = suite.Line(text), course{} // one printable line
}

// progress shows how far the step is.
func (s *status) progress(p suite.Progress, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(p, at)
}

// line is the status in a terminal of so many columns, "" when there is none. The last column stays
// free: some terminals go on to the next line when it is written.
func (s *status) line(columns int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.name == "" {
		return ""
	}
	head := fmt.Sprintf("%-10s %8s  ", s.name, humanSeconds(s.now().Sub(s.since).Seconds()))
	const arrow = 2
	room := max(columns-1-arrow-len(head), 0) // of a step's name, which is ASCII
	text := s.said
	if s.What != "" {
		text = s.drawn(room)
	}
	return s.style.dim("→") + " " + clipped(head+text, columns-1-arrow)
}
