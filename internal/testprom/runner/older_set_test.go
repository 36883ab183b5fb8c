package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
)

// ofSet is a recorded drill of one of the sets 1 to 3, of which the third is the newest.
func ofSet(t *testing.T, kind string, set int) []byte {
	t.Helper()
	var attributes strings.Builder
	for name, value := range map[string]string{
		suite.SetLabel: fmt.Sprintf("2026112%d-020003F", set), suite.NewestSetLabel: "20261123-020003F",
		suite.SetStoppedLabel: fmt.Sprintf("2026-11-2%dT02:01:00Z", set),
	} {
		attributes.WriteString(`{"Action":"attr","Package":"example.org/recording/drill",` +
			`"Test":"TestDrill/preflight","Key":"label.` + name + `","Value":"` + value + `"}` + "\n")
	}
	return between(stream(t, kind), attributes.String())
}

// A pass of an older set does not end what a newer one was red for. One of the newest set does, and one of the set that
// was red itself, or of one since.
func TestOlderSet_EndsWhatANewerOneIsRedFor(t *testing.T) {
	const red, pass, target = "wal-missing", "pass", "target"
	type drill struct {
		kind string
		set  int // 0 is none that the run came to
	}
	for name, c := range map[string]struct {
		before []drill
		lost   string // of the last one before
		now    drill
		red    bool
	}{
		"the newest is red":                   {[]drill{{red, 3}}, "", drill{pass, 2}, true},
		"and so it stays":                     {[]drill{{red, 3}, {pass, 2}}, "", drill{pass, 2}, true},
		"red, and then an older one is":       {[]drill{{red, 3}, {red, 2}}, "", drill{pass, 2}, true},
		"red, by the textfile alone":          {[]drill{{red, 2}}, "report", drill{pass, 2}, true},
		"red, by the report alone":            {[]drill{{pass, 3}, {red, 3}}, "textfile", drill{pass, 2}, true},
		"how old the red one is is not known": {[]drill{{red, 2}, {target, 0}}, "", drill{pass, 2}, true},

		"the newest passes":                 {[]drill{{red, 3}}, "", drill{pass, 3}, false},
		"the newest passes after all":       {[]drill{{red, 3}, {pass, 2}}, "", drill{pass, 3}, false},
		"an older one was red":              {[]drill{{red, 2}}, "", drill{pass, 2}, false},
		"an older one yet was red":          {[]drill{{red, 1}}, "", drill{pass, 2}, false},
		"red before there was a set":        {[]drill{{red, 0}}, "", drill{pass, 2}, false},
		"by a release that names no newest": {[]drill{{red, 3}}, "", drill{pass, 0}, false},
		"nothing was red":                   {[]drill{{pass, 3}}, "", drill{pass, 2}, false},
		"an older one after the newest":     {[]drill{{red, 3}, {pass, 3}}, "", drill{pass, 2}, false},
		"green, but an older one was red":   {[]drill{{pass, 3}, {red, 2}}, "", drill{pass, 2}, false},
	} {
		f := lossy{root: t.TempDir()}
		run := func(d drill, lost string) (int, string) {
			switch {
			case d.kind == target:
				return f.run(t, aimed(t), lost)
			case d.set == 0:
				return f.run(t, stream(t, d.kind), lost)
			}
			return f.run(t, ofSet(t, d.kind, d.set), lost)
		}
		for i, d := range c.before {
			lost := ""
			if i == len(c.before)-1 {
				lost = c.lost
			}
			run(d, lost)
		}
		exit, said := run(c.now, "")
		assert.Equal(t, 0, exit, name)
		text := []byte(read(t, f.path("report")))
		require.NoError(t, schemaOf(t, "report").Validate(valueOf(t, text)), name)
		old, err := report.Parse(text)
		require.NoError(t, err, name)
		assert.Equal(t, c.red, old.Known().EndRed(), name)
		assert.Equal(t, c.red, strings.Contains(said, "STILL RED"), name)
		assert.Equal(t, c.red, strings.Contains(said, "and with -set latest"), name)
		assert.Equal(t, c.red, !strings.Contains(read(t, f.path("textfile")), `reason="none",stanza="demo"} 1`), name)
	}
}

// A red run is red, whatever its set; so it is after a run without a verdict.
func TestOlderSet_IsRed(t *testing.T) {
	f := lossy{root: t.TempDir()}
	f.run(t, ofSet(t, "pass", 3), "")
	exit, _ := f.run(t, ofSet(t, "wal-missing", 2), "")
	assert.Equal(t, 1, exit)
	assert.Contains(t, read(t, f.path("textfile")), `last_success{reason="wal_missing",stanza="demo"} 0`)
	f.run(t, stream(t, "teardown-fails")[:900], "")
	old, err := report.Parse([]byte(read(t, f.path("report"))))
	require.NoError(t, err)
	assert.True(t, old.Last.ToTheEnd)
	assert.Equal(t, report.Moment("2026-11-22T02:01:00Z"), old.Last.Stopped)
	f.run(t, ofSet(t, "pass", 1), "")
	assert.Contains(t, read(t, f.path("textfile")), `last_success{reason="wal_missing",stanza="demo"} 0`)
}

// What the other hosts hear of an older set: a red one is one of the end, a pass is not, unless it ends what was red.
func TestOlderSet_AsOtherHostsHear(t *testing.T) {
	for name, c := range map[string]struct {
		own  []byte // the drill of this host before
		red  time.Duration
		text []byte
		told int
		went bool
		end  bool
	}{
		"a pass":                          {nil, 0, ofSet(t, "pass", 2), 0, false, false},
		"a pass, red here":                {ofSet(t, "wal-missing", 3), 0, ofSet(t, "pass", 2), 1, false, true},
		"a pass, red there":               {nil, time.Hour, ofSet(t, "pass", 2), 1, false, true},
		"a pass ends it":                  {ofSet(t, "wal-missing", 2), 0, ofSet(t, "pass", 2), 0, true, false},
		"red":                             {nil, 0, ofSet(t, "wal-missing", 2), 1, true, true},
		"a pass of the newest":            {ofSet(t, "wal-missing", 3), 0, ofSet(t, "pass", 3), 0, true, false},
		"a pass of the newest, red there": {nil, time.Hour, ofSet(t, "pass", 3), 0, true, false},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, "stream")
		args := []string{
			"-textfile", filepath.Join(dir, "d.prom"), "-report", filepath.Join(dir, "r.json"), "--", "cat", file,
		}
		if c.own != nil {
			require.NoError(t, os.WriteFile(file, c.own, 0o600))
			among(&others{}, args...)
		}
		o := &others{}
		if c.red != 0 {
			o.end = suite.EndElsewhere{At: time.Now().Add(c.red), Red: true}
		}
		require.NoError(t, os.WriteFile(file, c.text, 0o600))
		_, said := among(o, append([]string{"-share"}, args...)...)
		assert.Equal(t, []int{c.told}, o.told, "%s: %s", name, said)
		assert.Equal(t, []bool{c.went}, o.went, name)
		assert.Equal(t, []bool{c.end}, o.ended, name)
	}
}
