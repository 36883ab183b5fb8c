package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

const hour = time.Hour

// a report, as testprom -report writes it, of a drill unless other says so.
func written(age time.Duration, verdict string, exit int, why string, other ...string) string {
	text := fmt.Sprintf(
		`{"schema": 1, "suite": "drill", "stanza": "shop", "verdict": %q, "exit_status": %d, "reason": %q,
		"ended": %q, "measurements": [{"name": "rto_seconds", "value": 200}, {"name": "rpo_seconds", "value": 30,
		"labels": {"basis": "heartbeat"}}]}`,
		verdict,
		exit,
		why,
		now.Add(-age).Format(time.RFC3339),
	)
	return strings.NewReplacer(other...).Replace(text)
}

// dir makes the files, by path.
func dir(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if strings.HasSuffix(name, "/") {
			require.NoError(t, os.Mkdir(path, 0o755))
		} else {
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		}
	}
	return root
}

// The exit status is the worst, and a pass is one only while it is young, whole and the newest.
func TestReadFleet_ExitIsTheWorst(t *testing.T) {
	pass := written(hour, "pass", 0, "none")
	other := strings.NewReplacer(`"shop"`, `"mail"`)
	red, locked := written(hour, "fail", 1, "wal_missing"), written(hour, "environment", 2, "locked")
	check := func(age time.Duration) string { return written(age, "pass", 0, "none", `"drill"`, `"backup"`) }
	const past = `"labels": {"repo_target_time": "2026-11-22T03:00:00Z"}, "measurements"`
	old := written(hour, "pass", 0, "none", `"measurements"`, past)
	left := strings.Replace(old, `"repo_target_time": "2026-11-22T03:00:00Z"`, `"cluster_left": "PostgreSQL 15"`, 1)
	one := func(content string) map[string]string { return map[string]string{"a.json": content} }
	two := func(a, b string) map[string]string { return map[string]string{"a.json": a, "b.json": b} }
	for name, c := range map[string]struct {
		files map[string]string
		exit  int
		due   string // of the first row
	}{
		"all pass":         {map[string]string{"a.json": pass, "mail/drill-report.json": other.Replace(pass)}, 0, ""},
		"a fail":           {two(pass, other.Replace(red)), 1, ""},
		"environment":      {two(pass, other.Replace(locked)), 2, ""},
		"a fail is worse":  {two(locked, other.Replace(red)), 1, ""},
		"overdue":          {one(written(193*hour, "pass", 0, "none")), 2, "is overdue"},
		"just not overdue": {one(written(191*hour, "pass", 0, "none")), 0, ""},
		"a check, overdue": {one(check(29 * hour)), 2, "is overdue"},
		"an old fail":      {one(written(193*hour, "fail", 1, "wal_missing")), 1, "is overdue"},
		"from the future":  {one(written(-2*hour, "pass", 0, "none")), 2, "is from the future: look at the clocks"},
		"clocks differ":    {one(written(-time.Minute, "pass", 0, "none")), 0, ""},

		"of the past":      {one(old), 2, "is of the repository as it was at 2026-11-22T03:00:00Z"},
		"of what was left": {one(left), 2, "is of PostgreSQL 15, of a cluster before a stanza-upgrade"},
		"nor does that":    {two(written(2*hour, "fail", 1, "wal_missing"), left), 1, ""},
		"it hides no red":  {two(written(2*hour, "fail", 1, "wal_missing"), old), 1, ""},
		"never drilled":    {map[string]string{"a.json": pass, "mail/": ""}, 2, "was never drilled"},
		"not drilled any more": {map[string]string{
			"shop/drill-report.json": pass, "mail/drill-report.json.retired": written(999*hour, "pass", 0, "none"),
			"old/drill-report.json.retired": "",
		}, 0, ""},
		"drilled again": {map[string]string{
			"mail/drill-report.json.retired": "", "mail/drill-report.json": written(193*hour, "pass", 0, "none"),
		}, 2, "is overdue"},
		"another name":         {map[string]string{"a.json": pass, "mail/old.retired": pass}, 2, "was never drilled"},
		"checked, not drilled": {map[string]string{"shop/b.json": check(hour)}, 2, "was never drilled"},
		"the newest counts":    {two(pass, written(2*hour, "fail", 1, "wal_missing")), 0, ""},
		"the newest is red":    {two(written(3*hour, "pass", 0, "none"), red), 1, ""},
		"forged exit":          {one(written(hour, "fail", 0, "wal_missing")), 2, "cannot be read"},
		"pass with a reason":   {one(written(hour, "pass", 0, "wal_missing")), 2, "cannot be read"},
		"cut":                  {one(pass[:90]), 2, "cannot be read"},
		"another schema":       {one(strings.Replace(pass, `"schema": 1`, `"schema": 2`, 1)), 2, "cannot be read"},
		"no stanza":            {one(strings.Replace(pass, `"shop"`, `""`, 1)), 2, "cannot be read"},
		"somebody else's":      {two(pass, `{"schema": 3, "suite": "none"}`), 0, ""},
		"a red beside a cut":   {map[string]string{"shop/a.json": red, "shop/b.json": pass[:90]}, 1, ""},
		"no report":            {map[string]string{"a.json": pass, "b.txt": "x", ".git/x": "y"}, 0, ""},
	} {
		f, err := ReadFleet(dir(t, c.files), now)
		require.NoError(t, err, name)
		assert.Equal(t, c.exit, f.Exit, name)
		assert.True(t, strings.HasPrefix(f.Rows[0].Due, c.due), "%s: %q", name, f.Rows[0].Due)
		assert.Equal(t, c.due == "", f.Rows[0].Due == "", name)
	}
}

// What another host found is as good, and grows old like its own.
func TestReadFleet_Elsewhere(t *testing.T) {
	for _, c := range []struct {
		age  time.Duration
		exit int
		want string
	}{
		{hour, 0, "0 pass another host's"},
		{hour, 1, "1 fail another host's"},
		{193 * hour, 0, "2 pass is overdue"},
		{193 * hour, 1, "1 fail is overdue"},
	} {
		text, err := json.Marshal(Elsewhere("drill", "shop", "host a drilled it", now.Add(-c.age), c.exit))
		require.NoError(t, err)
		f, err := ReadFleet(dir(t, map[string]string{"shop/drill-report.json": string(text)}), now)
		require.NoError(t, err)
		assert.Equal(t, c.want, fmt.Sprintf("%d %s %s", f.Exit, f.Rows[0].verdict(), f.Rows[0].due()))
	}
}

// Nothing there is no pass.
func TestReadFleet_Nothing(t *testing.T) {
	_, err := ReadFleet(dir(t, nil), now)
	require.ErrorContains(t, err, "holds no report")
	_, err = ReadFleet(filepath.Join(t.TempDir(), "none"), now)
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The worst comes first; a name cannot write a line of its own.
func TestTable(t *testing.T) {
	evil := strings.Replace(written(hour, "fail", 1, "wal_missing"), `"shop"`, `"x\nmail  drill  pass\u001b[2J"`, 1)
	f, err := ReadFleet(dir(t, map[string]string{
		"a.json": strings.Replace(written(hour, "pass", 0, "none"), "rto_seconds", "compare_coverage_ratio", 1),
		"b.json": evil, "new/": "",
	}), now)
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, f.Table(&b, func(s float64) string { return fmt.Sprint(s, "s") }))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, lines, 5)
	assert.Contains(t, lines[1], "fail: wal_missing")
	assert.Contains(t, lines[2], "was never drilled")
	assert.Regexp(t, `^shop +drill +pass +3600s +- +30s +20000 %`, lines[3])
	assert.Equal(t, "1 passed, 1 failed, 1 without a verdict of now, at 2026-11-29T12:00:00Z", lines[4])
	assert.NotContains(t, b.String(), "\x1b")
}

// Whatever stands in a report, it is read or refused, and a pass needs what a pass has.
func FuzzReadFleet(f *testing.F) {
	f.Add(written(hour, "pass", 0, "none"))
	f.Add(written(hour, "fail", 1, "wal_missing"))
	f.Add(`{"schema":1,"suite":"drill"}`)
	f.Fuzz(func(t *testing.T, content string) {
		root := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(root, "a.json"), []byte(content), 0o600))
		fleet, err := ReadFleet(root, now)
		if err != nil || fleet.Exit != 0 {
			return
		}
		var r struct {
			Verdict string `json:"verdict"`
		}
		require.NoError(t, json.Unmarshal([]byte(content), &r))
		assert.Equal(t, "pass", r.Verdict)
		var b strings.Builder
		require.NoError(t, fleet.Table(&b, func(float64) string { return "" }))
		assert.Equal(t, 3, strings.Count(b.String(), "\n"))
	})
}

// Of backup checks that were asked in part the list says so: it is no whole pass.
func TestTable_InPart(t *testing.T) {
	part := written(hour, "pass", 0, "none", `"drill"`, `"backup"`, `"measurements"`,
		`"steps": [{"name": "policy", "outcome": "left out"}, {"name": "archive", "outcome": "passed"}],
		"measurements"`)
	f, err := ReadFleet(dir(t, map[string]string{"backup-report.json": part}), now)
	require.NoError(t, err)
	var said strings.Builder
	require.NoError(t, f.Table(&said, func(float64) string { return "-" }))
	assert.Contains(t, said.String(), "pass, in part")
	assert.Contains(t, said.String(), "left out: policy\n")
	assert.Equal(t, 0, f.Exit)
}

// A claim that did not hold and was not asked since is no pass, however well the others are and however old that is.
func TestReadFleet_KnownRed(t *testing.T) {
	for _, age := range []time.Duration{hour, 60 * 24 * hour} {
		part := written(age, "pass", 0, "none", `"drill"`, `"backup"`, `"measurements"`,
			`"steps": [{"name": "archive", "outcome": "left out"}, {"name": "policy", "outcome": "passed"}],
			"known_red": ["archive"], "measurements"`)
		f, err := ReadFleet(dir(t, map[string]string{"backup-report.json": part}), now)
		require.NoError(t, err)
		assert.Equal(t, 1, f.Exit)
		var said strings.Builder
		require.NoError(t, f.Table(&said, func(float64) string { return "-" }))
		assert.Contains(t, said.String(), "not asked again since it did not hold: archive\n")
		assert.Contains(t, said.String(), "0 passed, 1 failed")
	}
}

// A red verdict stays red, whatever keeps the runs after it from one, in the same file or in another; a green one, or
// one since, or a word that nobody can rely on, is no fault.
func TestReadFleet_ARedVerdictBefore(t *testing.T) {
	last := func(verdict, why string, age time.Duration, more string) string {
		return written(hour, "environment", 2, "no_tests", `"measurements"`, fmt.Sprintf(
			`"last_verdict": {"verdict": %q, "reason": %q, "ended": %q%s}, "measurements"`, verdict, why,
			now.Add(-age).Format(time.RFC3339), more))
	}
	red, pass := written(2*hour, "fail", 1, "wal_missing"), written(3*hour, "pass", 0, "none")
	locked := written(hour, "environment", 2, "locked")
	onlyTornDown := written(hour, "environment", 2, "sandbox_failed", `"measurements"`,
		`"backups": "restored", "measurements"`)
	unwritten := written(hour, "environment", 2, "wal_missing", `"measurements"`,
		`"backups": "at_fault", "measurements"`)
	proved := func(word string) string { // what a pass, of which something could not be written, says
		return written(hour, "environment", 2, "none", `"measurements"`, `"backups": "`+word+`", "measurements"`)
	}
	past := written(hour, "pass", 0, "none", `"measurements"`, `"labels": {"repo_target_time": "2026-11-22T03:00:00Z"},
		"last_verdict": {"verdict": "fail", "reason": "wal_missing", "ended": "2026-11-28T03:00:00Z"}, "measurements"`)
	ahead := written(-2*hour, "pass", 0, "none")
	for name, c := range map[string]struct {
		files []string
		exit  int
		says  string
	}{
		"red before":             {[]string{last("fail", "repo_corrupt", 24*hour, "")}, 1, "before it is fail: repo"},
		"red long before":        {[]string{last("fail", "repo_corrupt", 999*hour, "")}, 1, "before it is fail: repo"},
		"a claim":                {[]string{last("pass", "none", hour, `, "known_red": ["rpo"]`)}, 1, "rpo did not"},
		"green before":           {[]string{last("pass", "none", 24*hour, "")}, 2, ""},
		"red, in another file":   {[]string{red, locked}, 1, "before it is fail: wal_missing"},
		"green, in another file": {[]string{pass, locked}, 2, ""},
		"green since":            {[]string{last("fail", "repo_corrupt", 24*hour, ""), pass}, 2, ""},
		"torn down badly":        {[]string{red, onlyTornDown}, 2, ""},
		"red, and not written":   {[]string{unwritten}, 1, ""},
		"green, and not written": {[]string{red, proved("restored")}, 2, "passed, and could not be written"},
		"green, not for a claim": {
			[]string{strings.Replace(proved("restored"), `"backups"`, `"known_red": ["rpo"], "backups"`, 1)},
			1, "did not hold: rpo",
		},
		"unknown, for no reason": {[]string{proved("unknown")}, 2, "contradict each other"},
		"red, for no reason":     {[]string{proved("at_fault")}, 2, "contradict each other"},
		"no word, for no reason": {[]string{proved("")}, 2, "contradict each other"},
		"of the past":            {[]string{past}, 1, "before it is fail: wal_missing"},
		"of the past, and green": {[]string{past, pass}, 2, "is of the repository"},
		"another stanza's":       {[]string{strings.Replace(pass, "shop", "mail", 1), locked}, 2, ""},
		"green, ahead":           {[]string{red, ahead}, 1, "before it is fail: wal_missing"},
		"red before, ahead":      {[]string{last("fail", "repo_corrupt", -48*hour, "")}, 1, "before it is fail: repo"},
		"a claim, ahead":         {[]string{last("pass", "none", -9*hour, `, "known_red": ["rpo"]`)}, 1, "rpo did not"},
		"green before, ahead":    {[]string{last("pass", "none", -48*hour, "")}, 2, ""},
		"a contradiction":        {[]string{last("fail", "none", hour, "")}, 2, "cannot be read"},
	} {
		files := map[string]string{}
		for i, content := range c.files {
			files[fmt.Sprint(i, ".json")] = content
		}
		f, err := ReadFleet(dir(t, files), now)
		require.NoError(t, err, name)
		assert.Equal(t, c.exit, f.Exit, name)
		assert.Contains(t, f.Rows[0].due(), c.says, name)
	}
}

// How old a verdict may be is what the list says where it says so, and what it expects and never ran is a row. Without
// such a file all is as it was.
func TestReadFleet_Expected(t *testing.T) {
	expects := func(suites string) string { return `{"stanza": "shop", "expects": {` + suites + `}}` }
	drilled := func(age time.Duration) string { return written(age, "pass", 0, "none") }
	check := written(hour, "pass", 0, "none", `"drill"`, `"backup"`)
	const daily, monthly = `"drill": {"max_age_seconds": 108000}`, `"drill": {"max_age_seconds": 3456000}`
	for name, c := range map[string]struct {
		expects, drill, check string
		exit                  int
		due                   string // of the first row
	}{
		"nothing said, young":     {"", drilled(191 * hour), "", 0, ""},
		"nothing said, old":       {"", drilled(193 * hour), "", 2, "is overdue"},
		"daily, young":            {expects(daily), drilled(29 * hour), "", 0, ""},
		"daily, old":              {expects(daily), drilled(31 * hour), "", 2, "is overdue"},
		"monthly, young":          {expects(monthly), drilled(35 * 24 * hour), "", 0, ""},
		"monthly, old":            {expects(monthly), drilled(41 * 24 * hour), "", 2, "is overdue"},
		"an age that is not said": {expects(`"drill": {}`), drilled(191 * hour), "", 0, ""},
		"never checked":           {expects(`"drill": {}, "backup": {}`), drilled(hour), "", 2, "never ran"},
		"checked":                 {expects(`"drill": {}, "backup": {}`), drilled(hour), check, 0, ""},
		"no check is expected":    {expects(`"drill": {}`), drilled(hour), "", 0, ""},
		"no drill is expected":    {expects(`"backup": {}`), "", check, 0, ""},
		"never drilled":           {expects(`"drill": {}, "backup": {}`), "", check, 2, "was never drilled"},
		"a suite nobody knows":    {expects(`"drill": {}, "lunch": {}`), drilled(hour), "", 2, "cannot be read"},
		"mistyped":                {`{"expects": {"dril": {}}}`, "", check, 2, "cannot be read"},
		"mistyped above":          {`{"expect": {"drill": {}}}`, "", check, 2, "cannot be read"},
		"mistyped below":          {expects(`"drill": {"max_age": 1}`), drilled(hour), "", 2, "cannot be read"},
		"nothing":                 {"null", "", check, 2, "cannot be read"},
		"no suite":                {expects(""), "", check, 2, "cannot be read"},
		"two of them":             {expects(daily) + "{}", drilled(hour), "", 2, "cannot be read"},
		"a line at the end":       {expects(daily) + "\n", drilled(hour), "", 0, ""},
		"no age":                  {expects(`"drill": {"max_age_seconds": 0}`), drilled(hour), "", 2, "cannot be read"},
		"cut":                     {`{"stanza": "shop", `, drilled(hour), "", 2, "cannot be read"},
	} {
		for _, place := range []string{"", "shop/"} {
			files := map[string]string{}
			for file, content := range map[string]string{
				ExpectsFile: c.expects, "drill-report.json": c.drill, "backup-report.json": c.check,
			} {
				if content != "" {
					files[place+file] = content
				}
			}
			f, err := ReadFleet(dir(t, files), now)
			require.NoError(t, err, name)
			assert.Equal(t, c.exit, f.Exit, "%s, in %q: %+v", name, place, f.Rows)
			assert.True(t, strings.HasPrefix(f.Rows[0].Due, c.due), "%s: %q", name, f.Rows[0].Due)
			assert.Equal(t, c.due == "", f.Rows[0].Due == "", name)
		}
	}
	f, err := ReadFleet(dir(t, map[string]string{
		"shop/" + ExpectsFile: expects(`"drill": {}, "backup": {}, "control": {}`), "shop/x.txt": "",
	}), now)
	require.NoError(t, err)
	assert.Len(t, f.Rows, 3, "each is a row")

	f, err = ReadFleet(dir(t, map[string]string{
		ExpectsFile: expects(`"drill": {}`), "drill-report.json": strings.Replace(drilled(hour), `"shop"`, `"mail"`, 1),
	}), now)
	require.NoError(t, err)
	require.Len(t, f.Rows, 2, "another stanza's drill is none of it")
	assert.Equal(t, "was never drilled", f.Rows[0].Due, "the worst comes first")
}

// A report that was retired is not missed, unless a file expects it; what else the file expects is missed.
func TestReadFleet_ExpectedAndRetired(t *testing.T) {
	for _, c := range []struct {
		expects string
		missed  []string
	}{
		{"", nil},
		{`{"expects": {"backup": {}}}`, []string{"backup never ran"}},
		{`{"expects": {"drill": {}}}`, []string{"drill was never drilled"}},
	} {
		files := map[string]string{"a.json": written(hour, "pass", 0, "none"), "old/drill-report.json.retired": ""}
		if c.expects != "" {
			files["old/"+ExpectsFile] = c.expects
		}
		f, err := ReadFleet(dir(t, files), now)
		require.NoError(t, err)
		var missed []string
		for _, row := range f.Rows {
			if row.Stanza == "old" {
				missed = append(missed, row.Suite+" "+row.Due)
			}
		}
		assert.Equal(t, c.missed, missed)
	}
}
