package page

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"veza.fr/recovery/internal/testprom/evidence"
)

var update = flag.Bool("update", false, "write the golden pages")

var (
	sunday = time.Date(2026, 1, 4, 3, 0, 0, 0, time.UTC)
	week   = 7 * 24 * time.Hour
)

func ptr(v float64) *float64 { return &v }

// replayed gives a drill its place in the recovery window, in hours before it ended.
func replayed(r *evidence.Run, window, stopped, recovered float64) {
	before := func(hours float64) *time.Time {
		return new(r.Ended.Add(-time.Duration(hours * float64(time.Hour))))
	}
	r.Scope.WindowFrom, r.Scope.Stopped, r.Scope.Recovered = before(window), before(stopped), before(recovered)
}

// drill is a drill of one week, which passes.
func drill(stanza string, number int) evidence.Run {
	v := float64(number)
	r := evidence.Run{
		Suite: "drill", Stanza: stanza, Verdict: "pass", Backups: "restored", Reason: "none",
		Sentence: "The backups restore.", Started: sunday.Add(time.Duration(number) * week),
		Ended:       sunday.Add(time.Duration(number)*week + 10*time.Minute),
		Environment: "process", Objectives: evidence.Objectives{RTO: ptr(1800), RPO: ptr(120)},
		Scope:    evidence.Scope{Set: fmt.Sprintf("20260104-0200%02dF", number%60), Compare: "none"},
		Versions: evidence.Versions{Testprom: "testprom test", PostgreSQL: "15", PgBackRest: "2.45"},
		Steps:    []evidence.Step{{Name: "restore", Outcome: "passed", Seconds: ptr(300 + 2*v)}},
		Measurements: []evidence.Measurement{
			{Name: "rto_seconds", Value: 360 + 2.5*v},
			{Name: "rpo_seconds", Labels: map[string]string{"basis": "heartbeat"}, Value: 30 + v/10},
			{Name: "restored_bytes", Value: 5e9 + 1e7*v},
			{Name: "wal_segments_replayed", Value: 40 + v},
		},
		Checks: evidence.Checks{Passed: []string{"amcheck", "readonly"}, NotAsked: []string{"compare"}},
		Notes:  []string{"archive whole over timeline 1: 44 segments, the last is 000000010000000000000044"},
	}
	replayed(&r, 5*7*24, []float64{7 * 24, 25, 49}[number%3], 0.1)
	return r
}

func red(r evidence.Run) evidence.Run {
	r.Verdict, r.Exit, r.Backups, r.Reason, r.Step = "fail", 1, "at_fault", "wal_missing", "preflight"
	r.Sentence, r.Detail = "The archive has a hole.", "segment 000000010000000000000005 is not in the archive"
	r.Measurements, r.Checks, r.Scope.Recovered = nil, evidence.Checks{}, nil
	return r
}

func noVerdict(r evidence.Run) evidence.Run {
	r.Verdict, r.Exit, r.Backups, r.Reason, r.Step = "environment", 2, "unknown", "repo_unreachable", "preflight"
	r.Sentence, r.Detail = "The object store does not answer.", "dial tcp: connection refused"
	r.Measurements, r.Checks, r.Scope = nil, evidence.Checks{}, evidence.Scope{}
	return r
}

// ledger chains runs.
func ledger(runs ...evidence.Run) (l evidence.Ledger) {
	for i, r := range runs {
		r.Entry = evidence.Place{Seq: i + 1, Time: r.Ended}
		l.Entries = append(l.Entries, evidence.Entry{
			Line: evidence.Line{Seq: i + 1, Time: r.Ended}, Hash: fmt.Sprintf("%064d", i+1), Run: &r,
		})
	}
	return l
}

func weeks(stanza string, n int) (runs []evidence.Run) {
	for i := range n {
		runs = append(runs, drill(stanza, i))
	}
	return runs
}

// histories are those that a page must show.
func histories() map[string]evidence.Ledger {
	failures := weeks("demo", 12)
	failures[4], failures[7], failures[11] = red(failures[4]), noVerdict(failures[7]), red(failures[11])
	failures[11].Objectives.RTO = ptr(900)
	acked := ledger(failures...)
	acked.Entries = append(acked.Entries, evidence.Entry{
		Line: evidence.Line{Seq: 13}, Hash: fmt.Sprintf("%064d", 13), Ack: &evidence.Ack{
			Entry: evidence.Place{Seq: 13, Time: sunday.Add(5 * week)},
			Run:   5, By: "Ada <dba>", Why: "archive_command failed & was mended",
		},
	})
	timelines := weeks("demo", 3)
	timelines[2].Notes = []string{"archive whole over timelines 1 and 2: timeline 1 -> 2 at 0/7000028"}
	timelines[1].Scope.Target = "timeline"
	replayed(&timelines[1], 21*24, 48, 30)
	fleet := append(weeks("demo", 8), weeks("shop", 2)...)
	fleet = append(fleet, noVerdict(drill("stuck", 0)))
	return map[string]evidence.Ledger{
		"520-weeks": ledger(weeks("demo", 520)...), "one": ledger(weeks("demo", 1)...), "none": {},
		"failures": acked, "no-verdict": ledger(noVerdict(drill("demo", 0)), noVerdict(drill("demo", 1))),
		"two-timelines": ledger(timelines...), "broken": ledger(weeks("demo", 2)...), "fleet": ledger(fleet...),
	}
}

func rendered(t *testing.T, name string, l evidence.Ledger) string {
	t.Helper()
	asked := Asked{Keyed: true, Cadence: 8 * 24 * time.Hour, Now: sunday.Add(13 * week)}
	if n := len(l.Entries); n > 0 && l.Entries[n-1].Run != nil {
		asked.Now = l.Entries[n-1].Run.Ended.Add(30 * time.Hour)
	}
	if name == "broken" {
		asked.Findings = []evidence.Finding{{Seq: 2, Text: "entry 2: 000002.dsse.json was changed"}}
	}
	var text bytes.Buffer
	require.NoError(t, Render(&text, Of(l, asked)))
	return text.String()
}

func TestPage_OfEveryHistory(t *testing.T) {
	for name, l := range histories() {
		text := rendered(t, name, l)
		if name != "520-weeks" { // a megabyte; TestPage_HoldsEveryRun counts it
			path := filepath.Join("testdata", name+".html")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), text, name)
		}
		well(t, name, text)
	}
}

// nodes are the elements of a page in order.
func nodes(t *testing.T, text string) (list []*html.Node) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			list = append(list, n)
		}
	}
	return list
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var text strings.Builder
	for below := range n.Descendants() {
		if below.Type == html.TextNode {
			text.WriteString(below.Data)
		}
	}
	return text.String()
}

// well finds what is wrong with any page: a reference to nothing, two elements of one name, something from elsewhere.
func well(t *testing.T, name, text string) {
	t.Helper()
	ids := map[string]bool{}
	scripts := 0
	for _, n := range nodes(t, text) {
		if id := attr(n, "id"); id != "" {
			assert.False(t, ids[id], "%s: two elements are %s", name, id)
			ids[id] = true
		}
		if n.Data == "script" {
			scripts++
		}
		for _, a := range n.Attr {
			assert.False(t, strings.HasPrefix(a.Key, "on"), "%s: <%s %s>", name, n.Data, a.Key)
			assert.NotContains(t, a.Val, "http", "%s: <%s %s>", name, n.Data, a.Key)
			if slices.Contains([]string{"d", "x", "y", "y1", "y2", "cx", "cy", "width", "height"}, a.Key) {
				assert.NotRegexp(t, "NaN|Inf", a.Val, "%s: <%s %s>", name, n.Data, a.Key)
			}
			assert.NotContains(t, []string{"src", "srcset", "action"}, a.Key, "%s: <%s>", name, n.Data)
		}
		if attr(n, "role") == "img" {
			assert.NotEmpty(t, attr(n, "aria-label"), name)
		}
	}
	assert.Equal(t, 1, scripts, name)
	for _, n := range nodes(t, text) {
		refs := attr(n, "aria-labelledby") + " " + strings.TrimPrefix(attr(n, "href"), "#")
		for _, ref := range strings.Fields(refs) {
			assert.True(t, ids[ref], "%s: nothing is %q", name, ref)
		}
	}
	assert.NotContains(t, text, "ZgotmplZ", name)
	assert.NotContains(t, style, "url(", "nothing is fetched")
}

// What is on the page is what is in the history, run by run.
func TestPage_HoldsEveryRun(t *testing.T) {
	for name, l := range histories() {
		var got, want []string
		for _, n := range nodes(t, rendered(t, name, l)) {
			if attr(n, "class") != "runs" {
				continue
			}
			for row := range n.Descendants() {
				if row.Type == html.ElementNode && row.Data == "tr" && row.Parent.Data == "tbody" {
					got = append(got, textOf(row))
				}
			}
		}
		for _, e := range l.Entries {
			if r := e.Run; r != nil {
				run := runOf(*r)
				want = append(want, fmt.Sprintf("%d%sdrill%s %s%s%s%s%s%s%s%s%s", r.Entry.Seq,
					r.Ended.Format("2006-01-02 15:04 UTC"), mark(r.Verdict), r.Verdict, r.Reason, r.Scope.Set,
					r.Scope.Target, run.RTO, run.RPO, run.Restored, run.WAL, run.Compared))
			}
		}
		assert.ElementsMatch(t, want, got, name)
	}
}

func TestPage_SaysWhatAStrangerAsks(t *testing.T) {
	all := histories()
	for name, sentences := range map[string][]string{
		"one": {
			"A restore was last proved 30 hours ago", "2026-01-04 03:10 UTC", "It took 6 min of 30 min.",
			"would have lost the last 30 s (heartbeat)", "compare (last outcome: not asked)",
			"There is no forecast yet: 1 of 6 passes.", "Every run passed.",
		},
		"none": {"No run is recorded: nothing was ever proved."},
		"no-verdict": {
			"No restore was ever proved.", "ended as environment: repo_unreachable", "not yet: no run has passed since",
		},
		"failures": {
			"Ada &lt;dba&gt;", "archive_command failed &amp; was mended", "entry 6 passed, 7 days later", "nobody",
			"In 30 days a restore takes", "is spent in", "It took 6.4 min of 30 min.",
		},
		"two-timelines": {
			"timeline 1 -&gt; 2 at 0/7000028", "The recovery window from",
			"Drills that passed replayed 27.9 % of it.", "<li>2026-01-09 21:10 UTC to 2026-01-16 02:10 UTC (6 days)",
			"There is no forecast yet: 2 passes, and 6 are needed",
		},
		"broken": {
			"The evidence is broken: what this page shows proves nothing.", "000002.dsse.json was changed",
		},
		"fleet":     {"Every stanza", "Stanza shop"},
		"520-weeks": {"520 runs, the newest first", "The budget of 30 min is spent in"},
	} {
		text := rendered(t, name, all[name])
		for _, sentence := range sentences {
			assert.Contains(t, text, sentence, name)
		}
		if name != "broken" {
			assert.NotContains(t, text, "proves nothing", name)
		}
	}
}

// Nor does a number: a page is made, and all of it is within its charts.
func TestPage_OfNumbersThatNobodyMeasures(t *testing.T) {
	for _, value := range []float64{1.7e308, 5e-324, -1e300, 0} {
		runs := weeks("demo", 8)
		for i := range runs {
			for j := range runs[i].Measurements {
				runs[i].Measurements[j].Value = value
			}
			runs[i].Steps[0].Seconds = ptr(value)
			runs[i].Objectives.RTO = ptr(value)
		}
		runs[3].Ended, runs[4].Ended = time.Time{}, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
		runs[5].Scope.Stopped, runs[6].Scope.Recovered, runs[7].Scope.WindowFrom = &runs[3].Ended, &runs[4].Ended,
			&runs[3+int(max(0, min(value, 1)))].Ended
		text := rendered(t, "hostile", ledger(runs...))
		well(t, "hostile", text)
		assert.Less(t, len(text), 1_000_000, value)
	}
}

// Every text of a run may have been made to do harm.
func FuzzPage(f *testing.F) {
	f.Add("<script>alert(1)</script>", `" onload="x`, "javascript:alert(1)")
	f.Add("</style></title>", "]]>-->", "\x00\xff\u202e")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		r := red(drill(a, 0))
		r.Reason, r.Detail, r.Sentence, r.Step, r.Verdict = b, c, a, b, c
		pass := drill(a, 1)
		pass.Scope.Set, pass.Scope.Target, pass.Notes, pass.Environment = b, c, []string{a}, b
		pass.Checks = evidence.Checks{Passed: []string{a}, Failed: []string{b}, NotAsked: []string{c}}
		pass.Versions = evidence.Versions{Testprom: a, PostgreSQL: b, PgBackRest: c}
		pass.Measurements = append(pass.Measurements,
			evidence.Measurement{Name: "rpo_seconds", Labels: map[string]string{"basis": c}})
		l := ledger(r, pass, drill(b, 2))
		l.Entries = append(l.Entries, evidence.Entry{Ack: &evidence.Ack{Run: 1, By: a, Why: b}})
		var text bytes.Buffer
		require.NoError(t, Render(&text, Of(l, Asked{Now: sunday, Findings: []evidence.Finding{{Text: c}}})))
		scripts, known := 0, "html head meta title style body header main section h1 h2 h3 p time strong span a ul li "+
			"code div svg text rect path circle line i table caption thead tbody tr th td script"
		for _, n := range nodes(t, text.String()) {
			require.Contains(t, strings.Fields(known), n.Data)
			if n.Data == "script" {
				scripts++
			}
			for _, at := range n.Attr {
				require.False(t, strings.HasPrefix(at.Key, "on"), at.Key)
				require.True(t, at.Key != "href" || strings.HasPrefix(at.Val, "#"), at.Val)
			}
		}
		require.Equal(t, 1, scripts)
	})
}
