package compile

import (
	"fmt"
	"io"
	"time"
)

// quiet is how long a log goes without a line, in the absence of a tenth.
const quiet = 30 * time.Second

// Shown draws the progress of a job: on a terminal one line that changes, in a log a line every 30 s
// or tenth. What is in the cache is not worth a line.
type Shown struct {
	Out      io.Writer
	Terminal bool   // Out is one
	What     string // "the drill"
	Before   Last

	said   Progress // what the last line was about
	begun  map[Phase]bool
	inLine bool // the terminal's line holds something
}

// Tell draws how far it is.
func (s *Shown) Tell(p Progress) {
	if s.begun == nil {
		s.begun = map[Phase]bool{}
	}
	first := !s.begun[p.Phase]
	s.begun[p.Phase] = true
	switch {
	case s.Terminal:
		s.printf("\r\x1b[K%s: %s", s.head(p), far(p))
		s.inLine = true
		return
	case first:
		s.printf("%s\n", s.head(p))
	case p.Took-s.said.Took < quiet && !tenth(s.said, p):
		return
	default:
		s.printf("    %s\n", far(p))
	}
	s.said = p
}

// End says what it came to, when anything was drawn.
func (s *Shown) End(p Progress, err error) {
	if s.inLine {
		s.printf("\r\x1b[K")
	}
	switch {
	case len(s.begun) == 0:
	case err != nil:
		s.printf("%s: broken off after %s\n", s.What, seconds(p.Took))
	default:
		s.printf("compiled %s: %s in %s\n", s.What, packages(p.Done), seconds(p.Took))
	}
}

func (s *Shown) head(p Progress) string {
	if p.Phase == Downloading {
		return "downloading the modules of " + s.What
	}
	last := "the first time it takes two minutes or so"
	if s.Before.Packages > 0 {
		last = fmt.Sprintf("last time %d in %s", s.Before.Packages, seconds(s.Before.Took()))
	}
	return fmt.Sprintf("compiling %s: %s (%s)", s.What, packages(p.Total), last)
}

func packages(n int) string {
	if n == 1 {
		return "1 package"
	}
	return fmt.Sprintf("%d packages", n)
}

func far(p Progress) string {
	if p.Phase == Downloading {
		return fmt.Sprintf("%d so far, %s", p.Done, seconds(p.Took))
	}
	return fmt.Sprintf("%d of %d, %s", p.Done, p.Total, seconds(p.Took))
}

// tenth says whether another tenth of the packages is done.
func tenth(before, now Progress) bool {
	return now.Phase == before.Phase && now.Total > 0 && 10*now.Done/now.Total > 10*before.Done/now.Total
}

func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}

func (s *Shown) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.Out, format, args...) }
