package guest

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/sandbox"
)

// What is written into the tags is read again.
func TestTags(t *testing.T) {
	now := time.Now()
	config := Tags("x.", sandbox.Spec{Stanza: "main", Run: "r1"}, now)
	read, ok := ReadTag("x.", config)
	require.True(t, ok)
	assert.Equal(t, "r1 main", read.Run+" "+read.Stanza)
	assert.True(t, read.alive())
	assert.True(t, read.Owner.Self())
	assert.False(t, read.expired(now.Add(usualLife-time.Minute)))
	assert.True(t, read.expired(now.Add(usualLife+time.Minute)))
	until := now.Add(time.Hour)
	assert.Equal(t, strconv.FormatInt(until.Unix(), 10), Tags("x.", sandbox.Spec{Until: until}, now)["x."+KeyExpires])
	delete(config, "x."+KeyRun)
	_, ok = ReadTag("x.", config)
	assert.False(t, ok, "a thing without our tags is none of ours")
}

// Who may be removed: see also what the providers' suites do for real.
func TestVerdict(t *testing.T) {
	now := time.Now()
	past, future := now.Add(-time.Hour), now.Add(time.Hour)
	self, ok := ParseOwner(ThisOwner())
	require.True(t, ok)
	parent := self
	parent.PID, parent.started = os.Getppid(), startOf(os.Getppid())
	dead, rebooted, foreign := self, parent, parent
	dead.started = "1"
	rebooted.boot = "boot-before"
	foreign.machine = "another"
	for name, c := range map[string]struct {
		tag    Tag
		remove bool
		says   string
	}{
		"own":                {Tag{Owner: self, known: true, expires: past}, false, ""},
		"alive":              {Tag{Owner: parent, known: true, expires: past}, false, "is alive"},
		"alive, kept":        {Tag{Owner: parent, known: true, expires: past, kept: true}, false, "is alive"},
		"dead":               {Tag{Owner: dead, known: true, expires: future}, true, "dead"},
		"dead, kept":         {Tag{Owner: dead, known: true, expires: future, kept: true}, false, ""},
		"kept too long":      {Tag{Owner: dead, known: true, expires: past, kept: true}, true, "time is over"},
		"rebooted":           {Tag{Owner: rebooted, known: true, expires: future}, true, "dead"},
		"elsewhere":          {Tag{Owner: foreign, known: true, expires: future}, false, ""},
		"elsewhere too old":  {Tag{Owner: foreign, known: true, expires: past}, true, "another machine"},
		"nobody knows whose": {Tag{expires: future}, false, ""},
		"without an end":     {Tag{Owner: foreign, known: true}, false, ""},
	} {
		remove, why := c.tag.Verdict(now)
		assert.Equal(t, c.remove, remove, name)
		assert.True(t, strings.Contains(why, c.says) && (c.says != "" || why == ""), "%s: %s", name, why)
	}
}

func TestParseOwner(t *testing.T) {
	for _, text := range []string{"", "a b c d", "a b 1", "a b 0 1", "a b 1 2 3"} {
		_, ok := ParseOwner(text)
		assert.False(t, ok, text)
	}
}
