package runner

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/suite"
)

// at is a course that began two seconds ago.
func at(p suite.Progress) *course {
	begin := time.Date(2026, 8, 23, 2, 0, 0, 0, time.UTC)
	var c course
	c.take(suite.Progress{What: p.What, Unit: p.Unit, Total: p.Total}, begin)
	c.take(p, begin.Add(2*time.Second))
	return &c
}

func work(what string, done, total int64, unit string) suite.Progress {
	return suite.Progress{What: what, Done: done, Total: total, Unit: unit}
}

var works = map[string]suite.Progress{
	"restored 24.8 of 54.5 MB (45 %), 12.4 MB/s, 2 s left":        work("restored", 24.8e6, 54.5e6, suite.Bytes),
	"restored 900 kB of 2.1 GB (0 %), 450 kB/s, 77 min 44 s left": work("restored", 9e5, 2.1e9, suite.Bytes),
	"replayed 12 of 40 segments (30 %), 6.0/s, 5 s left":          work("replayed", 12, 40, "segments"),
	"replayed 3 segments, 1.5/s":                                  work("replayed", 3, 0, "segments"),
	"replayed 40 of 40 segments (100 %), 20.0/s":                  work("replayed", 40, 40, "segments"),
	"replayed 0 of 40 segments (0 %)":                             work("replayed", 0, 40, "segments"),
	"amcheck 1 of 555 indexes and tables (0 %), 30.0/min, ":       work("amcheck", 1, 555, "indexes and tables"),
}

func TestCourse_InALog(t *testing.T) {
	for want, p := range works {
		line := at(p).line()
		assert.True(t, strings.HasPrefix(line, want), "%q is %q", want, line)
	}
}

// What is shown fits the room there is, and the numbers that a hurry asks for go last.
func TestCourse_OnATerminal(t *testing.T) {
	restore := works["restored 24.8 of 54.5 MB (45 %), 12.4 MB/s, 2 s left"]
	for cells, want := range map[int]string{
		16:  "45%, 2 s left",
		27:  " 45% |███     |  2 s left",
		32:  " 45% |███     |  2 s left",
		35:  " 45% |███     |  restored, 2 s left",
		56:  " 45% |████       |  24.8 of 54.5 MB, 12.4 MB/s, 2 s left",
		176: " 45% |█████████████                 |  restored 24.8 of 54.5 MB, 12.4 MB/s, 2 s left",
	} {
		assert.Equal(t, want, at(restore).drawn(cells), cells)
	}
	assert.Equal(t, "  0% |        |  amcheck, 18 min 28 s left",
		at(works["amcheck 1 of 555 indexes and tables (0 %), 30.0/min, "]).drawn(50))
	assert.Equal(t, "replayed 3 segments, 1.5/s", at(works["replayed 3 segments, 1.5/s"]).drawn(56))
}

// A log has a line when thirty seconds went by, or a tenth more is done, and not for every tenth
// of a work of seconds.
func TestCourse_WhenALogHasALine(t *testing.T) {
	begin := time.Date(2026, 8, 23, 2, 0, 0, 0, time.UTC)
	told := func(total int64, every time.Duration, steps int) (lines []string) {
		var c course
		for i := range steps + 1 {
			done := total * int64(i) / int64(steps)
			c.take(work("restored", done, total, suite.Bytes), begin.Add(time.Duration(i)*every))
			if c.due() {
				percent, _ := c.percent()
				lines = append(lines, fmt.Sprint(percent))
			}
		}
		return lines
	}
	assert.Empty(t, told(1e9, 200*time.Millisecond, 10), "two seconds")
	tenths := []string{"10", "20", "30", "40", "50", "60", "70", "80", "90", "100"}
	assert.Equal(t, tenths, told(1e9, 2*time.Second, 100))
	hour := told(1e12, 2*time.Second, 1800)
	assert.Len(t, hour, 120, "every thirty seconds")
}

// Another piece of work begins at nothing, with a rate of its own.
func TestCourse_AnotherWork(t *testing.T) {
	c := at(works["replayed 12 of 40 segments (30 %), 6.0/s, 5 s left"])
	c.take(suite.Progress{What: "amcheck", Done: 5, Total: 10, Unit: "tables"}, c.at.Add(time.Hour))
	assert.Equal(t, "amcheck 5 of 10 tables (50 %)", c.line())
}

// Whatever is published fits the terminal, and drives it nowhere.
func FuzzStatus(f *testing.F) {
	f.Add("restored: 4096 of 8192 bytes", 80)
	f.Add("a\x1b[31m日本: 3 of 4 語語語語", 40)
	f.Add("x: 999999999999999999 of 999999999999999999 bytes", 25)
	f.Fuzz(func(t *testing.T, text string, columns int) {
		s := status{now: func() time.Time { return now }}
		s.begin("restore")
		for _, say := range []bool{true, false} {
			if p, ok := suite.ParseProgress(text); ok && !say {
				s.progress(p, now)
				p.Done /= 2
				s.progress(p, now.Add(time.Second))
			} else {
				s.say(text)
			}
			line := s.line(columns)
			assert.LessOrEqual(t, uniseg.StringWidth(line), max(columns-1, 2), "%q", line)
			assert.Equal(t, -1, strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", line)
		}
	})
}
