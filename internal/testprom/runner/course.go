package runner

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"veza.fr/recovery/internal/suite"
)

// When a log gets a line of a long piece of work.
const (
	logEvery   = 30 * time.Second
	logPercent = 10              // or so much more of it is done,
	logLeast   = 3 * time.Second // though not more often than this
)

// course is a long piece of work as it goes on.
type course struct {
	suite.Progress
	began, at time.Time // when it was first heard of, and last
	first     int64     // what was done at began

	told        time.Time // when a log had its last line
	toldPercent int
}

// take takes into account how far the work is at a moment. What goes by another name, or begins
// at a smaller number, is another piece of work.
func (c *course) take(p suite.Progress, at time.Time) {
	if c.What != p.What || c.Unit != p.Unit || p.Done < c.Done {
		*c = course{began: at, first: p.Done, told: at}
	}
	c.Progress, c.at = p, at
}

// percent is how much is done; false when nobody knows how much there is.
func (c *course) percent() (int, bool) {
	if c.Total <= 0 {
		return 0, false
	}
	return int(float64(c.Done) / float64(c.Total) * 100), true
}

// rate is what is done in a second; 0 when it is too early to say.
func (c *course) rate() float64 {
	if took := c.at.Sub(c.began).Seconds(); took > 0 {
		return float64(c.Done-c.first) / took
	}
	return 0
}

// due says whether a log gets a line now, and notes that it does.
func (c *course) due() bool {
	percent, _ := c.percent()
	since := c.at.Sub(c.told)
	if since < logEvery && (since < logLeast || percent < c.toldPercent+logPercent) {
		return false
	}
	c.told, c.toldPercent = c.at, percent
	return true
}

// counts is "24.8 of 54.5 MB", or "3 segments" when nobody knows of how many.
func (c *course) counts() string {
	done, unit := strconv.FormatInt(c.Done, 10), " "+c.Unit
	total := strconv.FormatInt(c.Total, 10)
	if c.Unit == suite.Bytes {
		done, unit, total = bytesText(float64(c.Done)), "", bytesText(float64(c.Total))
		number, of, _ := strings.Cut(done, " ")
		if strings.HasSuffix(total, " "+of) && c.Total > 0 {
			done = number // the total has the same unit
		}
	}
	if c.Total > 0 {
		done += " of " + total
	}
	return done + unit
}

// speed is ", 24 MB/s" or ", 3.1/s"; "" when it is too early to say.
func (c *course) speed() string {
	switch rate := c.rate(); {
	case rate <= 0:
		return ""
	case c.Unit == suite.Bytes:
		return ", " + bytesText(rate) + "/s"
	case rate < 1:
		return fmt.Sprintf(", %.1f/min", rate*60)
	case rate < 100:
		return fmt.Sprintf(", %.1f/s", rate)
	default:
		return fmt.Sprintf(", %.0f/s", rate)
	}
}

// left is ", 7 s left"; "" when nobody can say.
func (c *course) left() string {
	rate := c.rate()
	if rate <= 0 || c.Total <= c.Done {
		return ""
	}
	return ", " + wholeSeconds(float64(c.Total-c.Done)/rate) + " left"
}

// line is the work in a log: "restored 24.8 MB of 54.5 MB (45 %), 24.1 MB/s, 1 s left".
func (c *course) line() string {
	share := ""
	if percent, ok := c.percent(); ok {
		share = fmt.Sprintf(" (%d %%)", percent)
	}
	return c.What + " " + c.counts() + share + c.speed() + c.left()
}

// bytesText is a size as a person says it, in the units that the steps use.
func bytesText(n float64) string { return humanize.SIWithDigits(n, 1, "B") }

// wholeSeconds is a time that nobody knows to a tenth.
func wholeSeconds(seconds float64) string {
	if seconds < 60 {
		return fmt.Sprintf("%.0f s", seconds)
	}
	return humanSeconds(seconds)
}
