package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const pass = `{"schema":1,"suite":"drill","stanza":"demo","verdict":"pass","exit_status":0,"reason":"none",` +
	`"ended":"2026-11-29T03:00:00Z","labels":{"repo_target_time":"2026-01-01T00:00:00Z"},` +
	`"steps":[{"name":"restore","outcome":"passed","seconds":4}],"measurements":[{"name":"rto_seconds","value":9}]}`

func TestParse_TakesOneThatIsWhole(t *testing.T) {
	r, err := Parse([]byte(pass))
	require.NoError(t, err)
	assert.True(t, r.Passed())
	assert.Equal(t, "2026-01-01T00:00:00Z", r.Past())
	assert.InDelta(t, 9, *r.Value("rto_seconds"), 0)
	assert.InDelta(t, 4, *r.Seconds("restore"), 0)
	assert.Nil(t, r.Value("rpo_seconds"))
	assert.Nil(t, r.Seconds("recover"))
}

// Nobody takes for a pass what contradicts itself, or what another version wrote.
func TestParse_RefusesWhatIsNoneOrContradictsItself(t *testing.T) {
	for change, want := range map[string]string{
		`"schema":1 "schema":2`:           "another version of testprom",
		`"schema":1 "schema":0`:           "is no report",
		`"drill" "none"`:                  "is no report",
		`"pass" "fail"`:                   "contradict each other",
		`"pass" "passed"`:                 "contradict each other",
		`"exit_status":0 "exit_status":1`: "contradict each other",
		`"none" "wal_missing"`:            "contradict each other",
		`"demo" ""`:                       "names no stanza",
		`2026-11-29T03 0001-01-01T00`:     "not when it ended",
		`"labels": }`:                     "invalid character",
	} {
		before, after, _ := strings.Cut(change, " ")
		_, err := Parse([]byte(strings.Replace(pass, before, after, 1)))
		require.ErrorContains(t, err, want, change)
	}
}
