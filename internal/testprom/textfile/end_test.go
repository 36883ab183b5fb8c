package textfile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// Whether the end of the archive is red is what the newer of file and report says. A red drill that went elsewhere is
// known by its report alone.
func TestEndRed_ByTheNewerOfFileAndReport(t *testing.T) {
	green, red := passed("demo", week(1)), failed("demo", week(1), reason.WALMissing)
	last := func(n int, endRed bool) suite.LastVerdict {
		return suite.LastVerdict{At: week(n), Reason: reason.RPOExceeded, EndRed: endRed}
	}
	for name, c := range map[string]struct {
		file []Run
		last suite.LastVerdict
		red  bool
	}{
		"no file":                          {nil, last(1, true), false},
		"another stanza's":                 {[]Run{failed("shop", week(1), reason.WALMissing)}, last(1, true), false},
		"red, no report":                   {[]Run{red}, suite.LastVerdict{}, true},
		"red, by an older report green":    {[]Run{red}, last(0, false), true},
		"red, elsewhere":                   {[]Run{red}, last(1, false), false},
		"red, by both":                     {[]Run{red}, last(1, true), true},
		"red, by a newer report green":     {[]Run{red}, last(2, false), false},
		"red, and the report lies ahead":   {[]Run{red}, last(9, false), true},
		"green, no report":                 {[]Run{green}, suite.LastVerdict{}, false},
		"green, by an older report red":    {[]Run{green}, last(0, true), false},
		"green, by both":                   {[]Run{green}, last(1, false), false},
		"green, by a newer report red":     {[]Run{green}, last(2, true), true},
		"green, by a report that is ahead": {[]Run{green}, last(9, true), true},
		"no verdict":                       {[]Run{noVerdict("demo", week(1), reason.Locked)}, last(1, true), false},
		"red, and none since": {
			[]Run{red, noVerdict("demo", week(2), reason.Locked)}, suite.LastVerdict{}, true,
		},
	} {
		path := promFile(t)
		for _, run := range c.file {
			_, _, err := Write(path, run)
			require.NoError(t, err)
		}
		run := passed("demo", week(3))
		run.Aimed, run.Last = true, c.last
		knownRed, _, err := Write(path, run)
		require.NoError(t, err)
		assert.Equal(t, c.red, len(knownRed) > 0, name)
		run.Elsewhere = suite.EndElsewhere{At: week(9), Red: true}
		knownRed, _, err = Write(promFile(t), run)
		require.NoError(t, err)
		assert.Equal(t, []string{suite.EndOfArchive}, knownRed, "%s: another host found it", name)

		run.Aimed, run.At = false, run.At.Add(time.Hour)
		knownRed, _, err = Write(path, run)
		require.NoError(t, err)
		assert.Empty(t, knownRed, "%s: it went to the end", name)
	}
}

// Another host that went to the end since this one found it red ends that, and not one that went there before.
func TestEndRed_SoundElsewhere(t *testing.T) {
	for at, red := range map[int]bool{0: true, 2: false} {
		path := promFile(t)
		_, _, err := Write(path, failed("demo", week(1), reason.WALMissing))
		require.NoError(t, err)
		run := passed("demo", week(3))
		run.Aimed, run.Elsewhere = true, suite.EndElsewhere{At: week(at)}
		run.Last = suite.LastVerdict{At: week(1), Reason: reason.WALMissing, EndRed: true}
		knownRed, _, err := Write(path, run)
		require.NoError(t, err)
		assert.Equal(t, red, len(knownRed) > 0, at)
	}
}

// The reason is that of the verdict which is known to be red.
func TestEndRed_KeepsItsReason(t *testing.T) {
	for why, file := range map[reason.Reason]Run{
		reason.RPOExceeded: passed("demo", week(1)),
		reason.WALMissing:  failed("demo", week(1), reason.WALMissing),
	} {
		run := passed("demo", week(3))
		run.Aimed = true
		if file.passed() {
			run.Last = suite.LastVerdict{At: week(2), Reason: why, EndRed: true}
		}
		lines, _ := write(t, promFile(t), file, run)
		assert.Contains(t, lines, `last_success{reason="`+string(why)+`",stanza="demo"} 0`)
	}
}
