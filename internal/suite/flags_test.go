package suite

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func testFlags(out io.Writer) *flag.FlagSet {
	set := flag.NewFlagSet("drill.test", flag.ExitOnError)
	set.SetOutput(out)
	set.String("stanza", "", "")
	set.String("standby", "", "")
	set.String("textfile", "", "")
	set.Bool("keep", false, "")
	set.Duration("rto", time.Minute, "")
	set.String("test.run", "", "")
	set.Usage = func() { _, _ = fmt.Fprintln(set.Output(), "a page of usage") }
	return set
}

func TestParseFlags_AWrongFlagIsOneLine(t *testing.T) {
	for args, want := range map[string]string{
		"-stnza main":   "flag provided but not defined: -stnza; did you mean -stanza? -h lists them all",
		"--stand x":     "flag provided but not defined: -stand; did you mean -standby? -h lists them all",
		"-text f":       "flag provided but not defined: -text; did you mean -textfile? -h lists them all",
		"-kep":          "flag provided but not defined: -kep; did you mean -keep? -h lists them all",
		"-bucket=there": "flag provided but not defined: -bucket; -h lists the flags",
		"-tst.run x":    "flag provided but not defined: -tst.run; -h lists the flags",
		"-stanza":       "flag needs an argument: -stanza; -h lists the flags",
		"-rto soon":     `invalid value "soon" for flag -rto: parse error; -h lists the flags`,
		"-keep=perhaps": `invalid boolean value "perhaps" for -keep: parse error; -h lists the flags`,
		"-=x":           "bad flag syntax: -=x; -h lists the flags",
	} {
		var out bytes.Buffer
		exit, done := ParseFlags(testFlags(&out), strings.Fields(args))
		assert.Equal(t, want+"\n", out.String(), args)
		assert.True(t, done, args)
		assert.Equal(t, 2, exit, args)
	}
}

func TestParseFlags_HelpIsThePage(t *testing.T) {
	for _, args := range []string{"-h", "--help", "-keep -h"} {
		var out bytes.Buffer
		exit, done := ParseFlags(testFlags(&out), strings.Fields(args))
		assert.Equal(t, "a page of usage\n", out.String())
		assert.True(t, done)
		assert.Zero(t, exit)
	}
}

func TestParseFlags_AGoodLineGoesOn(t *testing.T) {
	var out bytes.Buffer
	set := testFlags(&out)
	exit, done := ParseFlags(set, []string{"-keep", "-stanza", "main", "word"})
	assert.False(t, done)
	assert.Zero(t, exit)
	assert.Empty(t, out.String())
	assert.True(t, set.Parsed())
	assert.Equal(t, []string{"word"}, set.Args())
}

// Whatever is typed is told in one line.
func FuzzParseFlags(f *testing.F) {
	long := "-" + strings.Repeat("s", 1000)
	for _, seed := range []string{"-stnza", "-a\nb", "--x=\x1b[31m", "-rto=\n\n", "-é", long} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		var out bytes.Buffer
		_, done := ParseFlags(testFlags(&out), []string{arg})
		assert.LessOrEqual(t, strings.Count(out.String(), "\n"), 1)
		assert.NotContains(t, out.String(), "\x1b")
		assert.Equal(t, done, out.Len() > 0)
	})
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		far  int
	}{{"", "", 0}, {"", "abc", 3}, {"stanza", "stanza", 0}, {"stnza", "stanza", 1}, {"kitten", "sitting", 3}} {
		assert.Equal(t, c.far, distance(c.a, c.b))
		assert.Equal(t, c.far, distance(c.b, c.a))
	}
}
