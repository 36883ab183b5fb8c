package forecast

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whole runs of the suite and the stanza count, in their order; what broke off, or cannot be read, does not.
func TestLasted(t *testing.T) {
	line := func(verdict, suite, stanza, rest string) string {
		return `{"schema":1,"verdict":"` + verdict + `","ended":"2026-11-01T04:00:00Z","suite":"` + suite +
			`","stanza":"` + stanza + `",` + rest + `}`
	}
	passed := func(rest string) string { return line("pass", "drill", "main", `"reason":"none"`+rest) }
	history := strings.Join([]string{
		passed(`,"exit_status":0,"duration_seconds":60.5`),
		line("fail", "drill", "main", `"exit_status":1,"reason":"rto_exceeded","duration_seconds":3600`),
		line("fail", "drill", "main", `"exit_status":1,"reason":"no_backup","duration_seconds":7000`),
		line("environment", "drill", "main", `"exit_status":2,"reason":"timeout","duration_seconds":8000`),
		line("pass", "drill", "other", `"exit_status":0,"reason":"none","duration_seconds":70`),
		line("pass", "backup", "main", `"exit_status":0,"reason":"none","duration_seconds":80`),
		line("pass", "backup", "main", `"exit_status":0,"reason":"none","backups":"sound_in_part","duration_seconds":5`),
		passed(`,"exit_status":0`),
		line("", "drill", "main", `"reason":"none","duration_seconds":90`),
		passed(`,"exit_status":0,"duration_seconds":-1`),
		passed(`,"exit_status":0,"duration_seconds":1e300`),
		passed(`,"exit_status":"0","duration_seconds":1`),
		`{"suite":"drill","stanza":"main","exit_st`, ``, `[]`,
		passed(`,"exit_status":0,"duration_seconds":61`),
	}, "\n")
	const s = time.Second
	for name, c := range map[string]struct {
		suite, stanza string
		want, inPart  []time.Duration
	}{
		"a stanza":   {"drill", "main", []time.Duration{60*s + 500*time.Millisecond, 3600 * s, 61 * s}, nil},
		"any stanza": {"drill", "", []time.Duration{60*s + 500*time.Millisecond, 3600 * s, 70 * s, 61 * s}, nil},
		"the checks": {"backup", "main", []time.Duration{80 * s}, []time.Duration{5 * s}},
		"nothing":    {"control", "main", nil, nil},
	} {
		got, inPart, err := Lasted(strings.NewReader(history), c.suite, c.stanza)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, got, name)
		assert.Equal(t, c.inPart, inPart, name)
	}
	broken := errors.New("broken disk")
	_, _, err := Lasted(io.MultiReader(strings.NewReader(history), iotest.ErrReader(broken)), "drill", "main")
	require.ErrorIs(t, err, broken)
}

// Whatever stands in a history, what is read of it is a time that can be reckoned with.
func FuzzLasted(f *testing.F) {
	f.Add(`{"schema":1,"suite":"drill","stanza":"main","verdict":"pass","exit_status":0,"reason":"none",` +
		`"ended":"2026-11-01T04:00:00Z","duration_seconds":60.5}`)
	f.Add("{\n\x00")
	f.Fuzz(func(t *testing.T, history string) {
		whole, inPart, err := Lasted(strings.NewReader(history), "drill", "")
		require.NoError(t, err)
		for _, d := range slices.Concat(whole, inPart) {
			assert.GreaterOrEqual(t, d, time.Duration(0))
		}
	})
}
