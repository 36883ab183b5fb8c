package textfile

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

const ns = "veza_backup_drill_"

func TestOldFile_ThatIsBadIsReportedAndReplaced(t *testing.T) {
	for name, c := range map[string]struct{ text, warning string }{
		"no metrics":    {"hello\n", "not a metrics file"},
		"empty braces":  {"{}\n", "not a metrics file"},
		"binary":        {"\x00\x01\xff", "not a metrics file"},
		"no line break": {ns + "last_success{stanza=\"demo\",reason=\"none\"} 1", "not a metrics file"},
		"cut":           {"# TYPE " + ns + "last_success gauge\n" + ns + "last_succ", "not a metrics file"},
		"another's":     {"# TYPE node_x gauge\nnode_x 1\n", "not a gauge of this suite"},
		"a counter": {
			"# TYPE " + ns + "last_success counter\n" + ns + "last_success{stanza=\"demo\"} 1\n", "not a gauge",
		},
		"no stanza":     {gauge("last_success", `{reason="none"} 1`), "has no stanza"},
		"not a verdict": {gauge("last_success", `{stanza="demo",reason="none"} 7`), "neither 0 nor 1"},
		"two verdicts": {
			gauge("last_success", `{stanza="demo",reason="none"} 1`, `{stanza="demo",reason="no_backup"} 0`),
			"2 verdicts",
		},
		"same series twice": {gauge("last_run_timestamp_seconds", `{stanza="demo"} 5`, `{stanza="demo"} 6`), "twice"},
		"not a number":      {gauge("last_success", `{stanza="demo",reason="none"} NaN`), "finite"},
		"infinite":          {gauge("last_success_timestamp_seconds", `{stanza="demo"} +Inf`), "finite"},
		"the future":        {gauge("last_success_timestamp_seconds", `{stanza="demo"} 9e9`), "not one in the past"},
		"a zero time":       {gauge("last_run_timestamp_seconds", `{stanza="demo"} 0`), "not one in the past"},
		"a timestamp": {
			gauge("last_success", `{stanza="demo",reason="none"} 1 1700000000000`), "carries a timestamp",
		},
	} {
		path := promFile(t)
		require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600), name)
		lines, warnings := write(t, path, noVerdict("demo", at, reason.Timeout))
		assert.Contains(t, strings.Join(warnings, "\n"), c.warning, name)
		assert.LessOrEqual(t, len(lines), 3, name)
		for _, line := range lines {
			assert.NotContains(t, line, "last_success", name)
		}
	}
}

// gauge is one metric in the text format.
func gauge(name string, series ...string) string {
	text := "# TYPE " + ns + name + " gauge\n"
	for _, s := range series {
		text += ns + name + s + "\n"
	}
	return text
}

func TestOldFile_OfAFormerVersionKeepsItsMetricsForOtherStanzas(t *testing.T) {
	path := promFile(t)
	text := "# HELP " + ns + "speed Was once measured.\n" + gauge("speed", `{stanza="other"} 3`, `{stanza="demo"} 4`)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	lines, warnings := write(t, path, passed("demo", at))
	assert.Empty(t, warnings)
	assert.Contains(t, lines, `speed{stanza="other"} 3`)
	assert.NotContains(t, lines, `speed{stanza="demo"} 4`)
}

func TestStanza_IsTheOneTheFileSpeaksOf(t *testing.T) {
	path := promFile(t)
	assert.Empty(t, Stanza(path, ns))
	write(t, path, passed("demo", at))
	assert.Equal(t, "demo", Stanza(path, ns))
	write(t, path, passed("other", at))
	assert.Empty(t, Stanza(path, ns), "of two, none is the one")
}

// What a run said that could name no stanza goes when one can, and makes nobody's stanza unknown meanwhile. A stanza
// that has that name, by its verdict, is one like others.
func TestUnnamed_GoesWhenAStanzaIsNamed(t *testing.T) {
	path := promFile(t)
	write(t, path, noVerdict("unknown", at, reason.BuildFailed))
	assert.Empty(t, Stanza(path, ns))
	lines, _ := write(t, path, noVerdict("unknown", week(1), reason.BuildFailed))
	assert.Len(t, lines, 2, "as long as nobody names one, it is told")
	lines, warnings := write(t, path, passed("demo", week(2)))
	assert.Empty(t, warnings)
	assert.NotContains(t, strings.Join(lines, "\n"), "unknown")

	write(t, path, noVerdict("unknown", week(3), reason.BuildFailed))
	assert.Equal(t, "demo", Stanza(path, ns))
	lines, _ = write(t, path, noVerdict("other", week(4), reason.BuildFailed))
	assert.NotContains(t, strings.Join(lines, "\n"), "unknown")
	assert.Contains(t, lines, `last_success{reason="none",stanza="demo"} 1`, "another stanza stays")

	path = promFile(t)
	write(t, path, passed("unknown", at))
	assert.Equal(t, "unknown", Stanza(path, ns))
	lines, _ = write(t, path, passed("demo", week(1)))
	assert.Contains(t, lines, `last_success{reason="none",stanza="unknown"} 1`)
}

// A recorded stream may be older than what the file says of other stanzas, and a
// clock may have been set back: neither takes their last success away.
func TestOldFile_KeepsTheTimesOfOtherStanzasWhateverTheClock(t *testing.T) {
	path := promFile(t)
	write(t, path, passed("other", week(2)), passed("demo", week(1)))
	recorded := noVerdict("demo", at, reason.Timeout)
	recorded.Now = week(3)
	lines, warnings := write(t, path, recorded)
	assert.Len(t, warnings, 1, "what was tried since stays, too")
	for _, stanza := range []string{"demo", "other"} {
		assert.Contains(t, strings.Join(lines, "\n"), `last_success_timestamp_seconds{stanza="`+stanza+`"} 1.7`, stanza)
	}
	lines, warnings = write(t, path, noVerdict("demo", at, reason.Timeout))
	assert.Len(t, warnings, 3, "its own times in the future go")
	assert.Contains(t, lines, `last_success_timestamp_seconds{stanza="other"} 1.7965308e+09`)
}

// The file of another program is refused before the run, and nothing else that there may be.
func TestCheckOld_RefusesAnothersMetrics(t *testing.T) {
	const node, path = "# TYPE node_x gauge\nnode_x 1\n", "# TYPE veza_backup_alarm_path_success gauge\n" +
		"veza_backup_alarm_path_success 1\n"
	for name, c := range map[string]struct {
		text, own string
		foreign   string
	}{
		"another's":       {node, "", "node_x"},
		"untyped":         {"b 1\na 2\n", "", "holds a,"},
		"the alarm's":     {path, "", "veza_backup_alarm_path_success"},
		"its own":         {path, alarmPath, ""},
		"of our suites":   {gauge("last_success", `{stanza="demo",reason="none"} 1`), "", ""},
		"a former metric": {gauge("was_once", `{stanza="demo"} 1`), "", ""},
		"among ours":      {gauge("last_success", `{stanza="demo",reason="none"} 1`) + node, "", ""},
		"no metrics file": {"hello\n", "", ""},
		"empty":           {"", "", ""},
		"comments":        {"# HELP node_x y\n# TYPE node_x gauge\n", "", ""},
	} {
		file := promFile(t)
		require.NoError(t, os.WriteFile(file, []byte(c.text), 0o600))
		err := CheckOld(file, c.own)
		if c.foreign == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, c.foreign, name)
		}
	}
	require.NoError(t, CheckOld(promFile(t), ""), "there is none")
}

// A file that is there and cannot be read may hold other stanzas' verdicts.
func TestOldFile_ThatCannotBeReadIsAnError(t *testing.T) {
	_, err := readOld("/proc/self/mem", ns) // a regular file whose first byte nobody can read
	require.ErrorContains(t, err, "cannot be read and stays")
}

// FuzzOld holds that whatever stands in the old file, the new one is written,
// is readable, and speaks once of each stanza.
func FuzzOld(f *testing.F) {
	f.Add(gauge("last_success", `{stanza="demo",reason="none"} 1`, `{stanza="b",reason="x"} 0`))
	f.Add("# HELP " + ns + "x y\\n\n" + gauge("x", `{stanza="a b",q="\"\n\\"} -1e-300`))
	f.Add("{}\n")
	f.Add("# TYPE " + ns + "a histogram\n" + ns + "a_bucket{le=\"1\",stanza=\"x\"} 1\n")
	f.Add(gauge("rows", `{stanza="b",check="users"} 1`, `{check="users",stanza="b",extra=""} 2`))
	f.Fuzz(func(t *testing.T, text string) {
		for _, run := range []Run{passed("demo", at), noVerdict("demo", at, reason.Panic)} {
			o := parseOld("old.prom", []byte(text), suite.Drill.Namespace)
			o.dropFutureTimes("old.prom", run.Stanza, at)
			rendered, err := render(run, o)
			require.NoError(t, err)
			families, err := parse(rendered)
			require.NoError(t, err)
			require.NotEmpty(t, families[ns+"last_attempt_timestamp_seconds"].GetMetric())
		}
	})
}
