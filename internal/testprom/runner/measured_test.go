package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

// Never below the usual -timeout, never above the most; only the last five whole runs count.
func TestMeasuredTimeout(t *testing.T) {
	const m, h, usual = time.Minute, time.Hour, 45 * time.Minute
	for name, c := range map[string]struct {
		lasted []time.Duration
		want   time.Duration
		why    string
	}{
		"nothing known":          {nil, usual, ""},
		"shorter":                {[]time.Duration{m}, usual, ""},
		"just not more":          {[]time.Duration{15*m - time.Second}, usual, ""},
		"more":                   {[]time.Duration{15 * m}, usual + m, "3 times the last one"},
		"the longest of two":     {[]time.Duration{79*m + 59*time.Second, m}, 4 * h, "longest of the last 2"},
		"the longest of five":    {[]time.Duration{9 * h, 20 * m, m, m, m, m}, h + m, "longest of the last 5"},
		"the sixth is forgotten": {[]time.Duration{3 * h, m, m, m, m, m}, usual, ""},
		"just below the most":    {[]time.Duration{219 * m}, 10*h + 58*m, "3 times the last one"},
		"more than the most":     {[]time.Duration{4 * h}, 11 * h, "no more than that: give -timeout"},
		"what would not fit":     {[]time.Duration{1 << 62}, 11 * h, "no more than that"},
		"a minute more":          {[]time.Duration{30 * m}, 91 * m, "3 times the last one"},
	} {
		got, why := measuredTimeout(usual, c.lasted)
		assert.Equal(t, c.want, got, name)
		assert.Contains(t, why, c.why, name)
		assert.Equal(t, c.why == "", why == "", name)
	}
	got, why := measuredTimeout(20*time.Hour, []time.Duration{9 * time.Hour})
	assert.Equal(t, 20*time.Hour, got, "the usual one is larger than the most")
	assert.Empty(t, why)
}

// Any number of short runs of chosen claims leaves a whole one its time; where none was whole, theirs is measured.
func TestLonger(t *testing.T) {
	const m = time.Minute
	whole, short := []time.Duration{80 * m}, []time.Duration{m, m, m, m, m, m}
	assert.Equal(t, whole, longer(whole, short))
	assert.Equal(t, whole, longer(whole, nil))
	assert.Equal(t, short[1:], longer(nil, short))
	assert.Equal(t, []time.Duration{90 * m}, longer(whole, []time.Duration{90 * m}), "a part cannot take less")
	assert.Equal(t, whole, longer(whole, []time.Duration{3 * 60 * m, m, m, m, m, m}), "that was long ago")
	assert.Empty(t, longer(nil, nil))
}

// A timeout that somebody gave stays; else that of the stanza's history is handed to the test, and so to -limit.
func TestPrepare_TheTimeoutFollowsFromWhatWasMeasured(t *testing.T) {
	known := func(stanza string) []time.Duration {
		if stanza == "large" {
			return []time.Duration{80*time.Minute - time.Second}
		}
		return nil
	}
	for typed, want := range map[string]struct {
		timeout time.Duration
		told    bool
	}{
		"go test ./drill -stanza large":             {4 * time.Hour, true},
		"go test ./drill -stanza small":             {45 * time.Minute, false},
		"go test -timeout=2h ./drill -stanza large": {2 * time.Hour, false},
		"./script -stanza large":                    {4 * time.Hour, true}, // its limit is longer
	} {
		c, err := prepare(suite.Drill, strings.Fields(typed), nil, known)
		require.NoError(t, err, typed)
		assert.Equal(t, want.timeout, c.timeout, typed)
		assert.Equal(t, want.told, c.why != "", typed)
		if strings.HasPrefix(typed, "go") {
			assert.Contains(t, strings.Join(c.argv, " "), "-timeout="+strings.TrimSuffix(c.timeout.String(), "0m0s"),
				typed)
		}
		assert.Equal(t, c.timeout+overTimeout, (&run{}).limit(c))
	}
}

// What is said goes to the terminal and, as a note, to the report; a history nobody can read is a warning.
func TestTellTimeout(t *testing.T) {
	r := &run{}
	var said strings.Builder
	r.live.out = &said
	r.tellTimeout(command{timeout: 45 * time.Minute})
	assert.Empty(t, said.String())
	r.tellTimeout(command{timeout: 4 * time.Hour, why: "3 times the longest of the last 5"})
	assert.Equal(t, "    -timeout 4h (3 times the longest of the last 5)\n", said.String())
	assert.Equal(t, []string{"-timeout 4h (3 times the longest of the last 5)"}, r.notes)

	r.suite = suite.Drill
	assert.Nil(t, r.lasted("main"), "no -history")
	r.history = filepath.Join(t.TempDir(), "history.jsonl")
	assert.Nil(t, r.lasted("main"), "the first run")
	assert.Empty(t, r.early)
	line := `{"schema":1,"suite":"drill","stanza":"main","verdict":"pass","exit_status":0,"reason":"none",` +
		`"ended":"2026-11-01T04:00:00Z","duration_seconds":60}` + "\n"
	require.NoError(t, os.WriteFile(r.history, []byte(line), 0o600))
	assert.Equal(t, []time.Duration{time.Minute}, r.lasted("main"))
	r.history = t.TempDir()
	assert.Nil(t, r.lasted("main"))
	require.Len(t, r.early, 1)
	assert.Contains(t, r.early[0], r.history+" cannot be read")
}

func TestShort(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"4h": 4 * time.Hour, "1h30m": 90 * time.Minute, "50m": 50 * time.Minute, "10h58m": 658 * time.Minute,
	} {
		assert.Equal(t, want, short(d))
	}
}
