package sandbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const week = 7 * 24 * time.Hour

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// A host leaves a stanza alone while another one's verdict is young, red or green.
func TestYoung(t *testing.T) {
	day := Shared{Host: "a", At: noon.Add(-26 * time.Hour), Exit: 1}
	assert.Equal(t, "host a drilled it 26h0m0s ago, with exit status 1", day.Young("b", noon, week))

	for name, s := range map[string]Shared{
		"nobody ever did":          {},
		"its own":                  {Host: "b", At: day.At},
		"a week old":               {Host: "a", At: noon.Add(-week)},
		"of a clock that is ahead": {Host: "a", At: noon.Add(time.Hour)},
	} {
		assert.Empty(t, s.Young("b", noon, week), name)
	}
	assert.NotEmpty(t, Shared{Host: "a", At: noon.Add(time.Minute)}.Young("b", noon, week), "clocks differ a little")
}

// Two hosts do not drill a stanza at once, and a host that died does not keep the other from it for ever.
func TestHeld(t *testing.T) {
	held := Lease{Host: "a", Until: noon.Add(time.Hour)}
	assert.Equal(t, "host a drills it, until 2026-11-30T13:00:00Z at the latest", held.Held("b", noon))
	assert.Empty(t, held.Held("a", noon), "its own, of a run that was killed")
	assert.Empty(t, held.Held("b", noon.Add(2*time.Hour)), "its time is over")
	assert.Empty(t, Lease{}.Held("b", noon))
	held.Owner = "a process"
	assert.NotEmpty(t, held.Held("a", noon), "of another machine of that name, for all that is known")
	assert.Empty(t, held.Held("a", noon.Add(2*time.Hour)))
	assert.Equal(t, "process 7 of host a drills it, until 2026-11-30T13:00:00Z at the latest", held.HeldBy(7))
}
