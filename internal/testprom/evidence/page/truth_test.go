package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/testprom/evidence"
)

// The page says what the gate decides by: whatever order the clocks give, a failure is not hidden behind a pass.
func TestPage_TellsNoUntruth(t *testing.T) {
	at := func(r evidence.Run, ended time.Duration) evidence.Run {
		r.Ended = sunday.Add(ended)
		return r
	}
	target := func(r evidence.Run) evidence.Run {
		r.Scope.Target = "random"
		return r
	}
	older := func(r evidence.Run, set int) evidence.Run { // set 3 is the newest
		r.Scope.Set, r.Scope.Newest = fmt.Sprint("set ", set), "set 3"
		r.Scope.Stopped = new(sunday.Add(time.Duration(set) * time.Minute))
		return r
	}
	idle := func(r evidence.Run) evidence.Run {
		r.Measurements = []evidence.Measurement{
			{Name: "rpo_seconds", Value: 8 * 3600, Labels: map[string]string{"basis": "last_commit"}},
		}
		return r
	}
	contradicting := drill("demo", 0)
	contradicting.Exit = 1
	pass, fails := drill("demo", 0), red(drill("demo", 0))
	now := sunday.Add(2*week + 7*24*time.Hour - time.Hour)
	for name, c := range map[string]struct {
		runs   []evidence.Run
		says   []string
		unsaid []string
	}{
		"a recording that was judged after a failure": {
			[]evidence.Run{at(fails, week), at(pass, 0)},
			[]string{"drill, of 2026-01-11 03:00 UTC, ended as fail: wal_missing", "no run has passed since"},
			[]string{"entry 2 passed"},
		},
		"a clock that was ahead, and set back": {
			[]evidence.Run{at(pass, 50*week), at(fails, week)},
			[]string{
				"ended as fail: wal_missing", "No restore was ever proved at a time that has come.",
				"By the clock of its host, 1 run ended after this page was made",
			},
			[]string{"ended as pass", "ago"},
		},
		"a clock that is ahead, after a pass": {
			[]evidence.Run{at(pass, 0), at(pass, 50*week)},
			[]string{"A restore was last proved 21 days ago, on", "look at the clocks"},
			nil,
		},
		"days are not cut": {[]evidence.Run{at(pass, 2*week)}, []string{"A restore was last proved 7 days ago"}, nil},
		"a word that its exit status contradicts": {
			[]evidence.Run{contradicting},
			[]string{
				"pass with exit status 1, which is none", "No restore was ever proved.",
				"0 runs passed, 0 failed, 1 came to no verdict",
			},
			nil,
		},
		"a failure, and a pass that stopped before the end": {
			[]evidence.Run{at(fails, 0), target(at(pass, week))},
			[]string{
				"no run has passed since",
				"newest drill to the end of the archive, of 2026-01-04 03:00 UTC, ended as fail: wal_missing",
				"The one of 2026-01-11 03:00 UTC passed, and stopped before the end, at -target random",
			},
			[]string{"ended as pass"},
		},
		"a failure, one that stopped before the end, and a pass": {
			[]evidence.Run{at(fails, 0), target(at(pass, week)), at(pass, 2*week)},
			[]string{"newest drill, of 2026-01-18 03:00 UTC, ended as pass."},
			[]string{"mends nothing there"},
		},
		"a failure, and a pass of an older set": {
			[]evidence.Run{older(at(fails, 0), 3), older(at(pass, week), 2)},
			[]string{
				"no run has passed since",
				"newest drill that counts, of 2026-01-04 03:00 UTC, ended as fail: wal_missing",
				"The one of 2026-01-11 03:00 UTC passed, and was of -set set 2, which was not the newest",
			},
			[]string{"ended as pass"},
		},
		"a failure, and a pass of its own set, an older one": {
			[]evidence.Run{older(at(fails, 0), 2), older(at(pass, week), 2)},
			[]string{"newest drill, of 2026-01-11 03:00 UTC, ended as pass.", "entry 2 passed, 7 days later"},
			[]string{"mends nothing there"},
		},
		"a failure, and a pass of the newest set": {
			[]evidence.Run{older(at(fails, 0), 3), older(at(pass, week), 3)},
			[]string{"newest drill, of 2026-01-11 03:00 UTC, ended as pass.", "entry 2 passed, 7 days later"},
			[]string{"mends nothing there"},
		},
		"an idle production without a heartbeat": {
			[]evidence.Run{idle(at(pass, 0))},
			[]string{"The newest moment that came back was 8 h (last commit) old, which says nothing"},
			[]string{"would have lost the last"},
		},
		"a pass that stopped before the end": {
			[]evidence.Run{target(at(pass, 0))}, []string{"20260104-020000F, stopped at -target random."}, nil,
		},
		"a check that the newest drill did not come to": {
			[]evidence.Run{at(pass, 0), at(fails, week)},
			[]string{"last outcome", "compare (last outcome: not asked)"},
			[]string{"in the newest drill"},
		},
		"a failure with a target, and a pass": {
			[]evidence.Run{target(at(fails, 0)), at(pass, week)}, []string{"entry 2 passed, 7 days later"}, nil,
		},
	} {
		d := Of(ledger(c.runs...), Asked{Keyed: true, Now: now})
		text := textOfPage(t, d)
		for _, words := range c.says {
			assert.Contains(t, text, words, name)
		}
		for _, words := range c.unsaid {
			assert.NotContains(t, text, words, name)
		}
	}
}

// A run that could not name its stanza may have been of the one that is asked for.
func TestPage_OfOneStanzaCountsRunsThatNamedNone(t *testing.T) {
	l := ledger(drill("demo", 0), drill("other", 0), noVerdict(drill(evidence.UnknownStanza, 1)))
	asked := Asked{Stanza: "demo", Now: sunday}
	assert.Contains(t, textOfPage(t, Of(l, asked)), "1 run ended before it was known of which stanza")
	assert.NotContains(t, textOfPage(t, Of(l, Asked{Now: sunday})), "before it was known")
}

// textOfPage is what a person reads, the script aside.
func textOfPage(t *testing.T, d Data) string {
	t.Helper()
	var page, text strings.Builder
	require.NoError(t, Render(&page, d))
	for _, n := range nodes(t, page.String()) {
		if n.Data == "header" || n.Data == "main" {
			text.WriteString(textOf(n))
		}
		text.WriteString(attr(n, "aria-label"))
	}
	return text.String()
}
