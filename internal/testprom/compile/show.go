package compile

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// quiet is how long a log goes without a line, in the absence of a tenth.
const quiet = 30 * time.Second

// Shown draws the progress of a job: on a terminal below its head one line that changes, in a log a line every
// 30 s or tenth. What is in the cache is not worth a line.
type Shown struct {
	Out      io.Writer
	Terminal bool   // Out is one
	What     string // "the drill"
	Before   Last

	said   Progress // what the last line was about
	from   Progress // what the phase began with
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
	if first {
		s.from = p
	}
	switch {
	case s.Terminal:
		if first {
			s.printf("\r\x1b[K%s\n", s.Head(p))
		}
		s.printf("\r\x1b[K%s", s.line(p))
		s.inLine = true
		return
	case first:
		s.printf("%s\n", s.Head(p))
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

// Head is the first line of a phase: what is to be done, and what it took last time.
func (s *Shown) Head(p Progress) string {
	if p.Phase == Downloading {
		return "downloading the modules of " + s.What
	}
	return fmt.Sprintf("compiling %s: %s (%s)", s.What, packages(p.Total), s.last())
}

// line is the one that changes, in fewer than 80 columns.
func (s *Shown) line(p Progress) string {
	if p.Phase == Downloading {
		return "    " + far(p)
	}
	return bar(p) + "  " + far(p) + s.pace(p)
}

// pace is how fast it goes and how long it will take yet: ", 3.1/s, 40 s left"; "" when it is too early to say.
func (s *Shown) pace(p Progress) string {
	done, took := p.Done-s.from.Done, (p.Took - s.from.Took).Seconds()
	if done <= 0 || took <= 0 {
		return ""
	}
	rate := float64(done) / took
	text := fmt.Sprintf(", %.1f/s", rate)
	if left := p.Total - p.Done; left > 0 {
		text += ", " + seconds(time.Duration(float64(left)/rate*float64(time.Second))) + " left"
	}
	return text
}

// cells is how wide a bar is.
const cells = 20

// bar draws what share is done as testprom does: " 45% |█████      |". Its library is not there yet: this is what is
// compiled before anything else.
func bar(p Progress) string {
	share := 0.0
	if p.Total > 0 {
		share = min(float64(p.Done)/float64(p.Total), 1)
	}
	full := int(share * cells)
	return fmt.Sprintf("%3d%% |%s%s|", int(share*100), strings.Repeat("█", full), strings.Repeat(" ", cells-full))
}

func (s *Shown) last() string {
	if s.Before.Packages == 0 {
		return "2 min or so the first time"
	}
	return fmt.Sprintf("last time %d in %s", s.Before.Packages, seconds(s.Before.Took()))
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
