package alerts

import (
	"context"
	"maps"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// long marks what -short leaves out: everything that needs Prometheus or node_exporter.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs promtool, prometheus and prometheus-node-exporter")
	}
}

// promtool runs it and returns all it said.
func promtool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	require.NoError(t, err, "promtool is missing: apt-get install prometheus")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	return string(out), err
}

func TestPromtool_FindsTheRulesClean(t *testing.T) {
	long(t)
	out, err := promtool(t, "check", "rules", "--lint=all", "--lint-fatal", rulesFile)
	require.NoError(t, err, out)
}

func TestPromtool_PassesTheUnitTests(t *testing.T) {
	long(t)
	out, err := promtool(t, "test", "rules", testsFile)
	require.NoError(t, err, out)
}

// A unit test that nothing turns red proves nothing: each alert is spoiled in every way that
// fits it, and the unit tests must notice, with the alert's name.
func TestPromtool_NoticesEveryChangeOfAnAlert(t *testing.T) {
	long(t)
	count := 0
	for i, a := range allRules(t) {
		t.Run(a.Alert+a.Record+" as it is", func(t *testing.T) { // what is left out turns nothing red
			t.Parallel()
			out, err := promtool(t, "test", "rules", reduced(t, allRules(t), a))
			require.NoError(t, err, out)
		})
		for what, spoiled := range mutants(t, a) {
			count++
			t.Run(a.Alert+a.Record+" "+what, func(t *testing.T) {
				t.Parallel()
				all := allRules(t)
				all[i] = spoiled
				out, err := promtool(t, "test", "rules", reduced(t, all, a))
				require.Error(t, err, "nobody noticed:\n%s", spoiled.Expr)
				assert.Contains(t, out, a.Alert)
				assert.NotContains(t, out, "error parsing", "it is the change that counts")
			})
		}
	}
	assert.Greater(t, count, 90)
}

// recorded are the changes of each recording rule: what is replaced, and by what.
var recorded = map[string]map[string][2]string{
	"stanza:veza_backup_check_claim_success:red": {
		"of the last run alone":   {`(?s) or .*`, ""},
		"of runs before it alone": {`(?s)^.*? or `, ""},
		"turned round":            {` != 1`, " == 1"},
		"knows no success":        {`(?s) unless .*\)$`, ")"},
	},
	"stanza:veza_backup_drill_last_success:min": {
		"forgets":                       {`(?s) or on.*`, ""},
		"remembers what nobody expects": {`(?s) and on \(stanza\) veza_backup_drill_expected`, ""},
		"the best of the hosts":         {`min by \(stanza\) \(v`, "max by (stanza) (v"},
		"by reason":                     {`min by \(stanza\) \(v`, "min by (stanza, reason) (v"},
		"by host":                       {`min by \(stanza\) \(v`, "min by (stanza, instance) (v"},
		"by other labels":               {`min by \(stanza\) \(v`, "min without (reason, instance) (v"},
		"remembers by all labels":       {`min by \(stanza\) (\(last)`, "$1"},
		"of any age":                    {`(?s) unless on \(stanza, instance\).*\)\)\)`, ")"},
		"the oldest":                    {` < on `, " > on "},
		"the last alone":                {` < on `, " <= on "},
		"by the hosts that are there":   {`instance:(\w+):max`, "$1"},
	},
	"instance:veza_backup_drill_last_run_timestamp_seconds:max":   newest,
	"instance:veza_backup_check_last_run_timestamp_seconds:max":   newest,
	"instance:veza_backup_control_last_run_timestamp_seconds:max": newest,
	"instance:veza_backup_check_last_success:min":                 checked,
	"instance:veza_backup_check_claim_last_run_timestamp_seconds:red": {
		"of hosts that are there": {`last_over_time\((\w+)\[15d\]\)`, "$1"},
		"that held as well":       {` unless .*`, ""},
		"by other labels":         {`max by \(stanza, instance, claim\) `, ""},
	},
	"instance:veza_backup_control_last_success:min": verdict,
	"instance:veza_backup_drill_different_relations:max": {
		"by other labels": {`^max by \(stanza, instance\)`, ""},
		"the best":        {`^max`, "0 * max"},
	},
	"instance:veza_backup_drill_last_attempt_timestamp_seconds:compared": {
		"compared or not": {` and .*$`, ""},
	},
	"instance:veza_backup_drill_last_attempt_timestamp_seconds:whole": {
		"believes the future": {` <= time\(\) \+ 3600`, ""},
		"compared or not":     {` and .*$`, ""},
		"compared in part":    {`>= 1$`, ">= 0"},
		"more than all":       {`>= 1$`, "> 1"},
	},
	"stanza:veza_backup_drill_last_attempt_timestamp_seconds:waiting": {
		"by host":               {`^min by \(stanza\)`, "min by (stanza, instance)"},
		"the best of the hosts": {`^min`, "max"},
		"of what never was":     {` or veza\w+oldest_seconds`, ""},
		"of the oldest alone":   {`veza\w+waiting_seconds or `, ""},
		"turned round":          {`timestamp_seconds - `, "timestamp_seconds + "},
	},
}

// newest are the changes of when each host came to a verdict, verdict those of what it was, and checked those of what
// it was with claims.
var (
	newest = map[string][2]string{
		"believes the future": {` <= time\(\) \+ 3600`, ""},
		"forgets":             {` or .*expected\)`, ")"},
		"by all labels":       {` or on \(stanza, instance\) last`, " or last"},
		"remembers what was before the future": {
			`\((veza\w+)( or .*) <= time\(\) \+ 3600$`, "($1 <= time() + 3600$2",
		},
	}
	verdict = map[string][2]string{
		"forgets":                       {` or on \(stanza, instance\) min by.*?expected\)`, ")"},
		"by all labels":                 {`min by \(stanza, instance\) \(v`, "min without (reason) (v"},
		"remembers by all labels":       {` or on \(stanza, instance\) min by \(stanza, instance\) `, " or "},
		"remembers what nobody expects": {` and on \(stanza\) \w+_expected`, ""},
		"of any age":                    {` unless .*`, ""},
		"the oldest":                    {` < on `, " > on "},
		"the last alone":                {` < on `, " <= on "},
		"by reason":                     {`min by \(stanza, instance\) \(v`, "min by (stanza, instance, reason) (v"},
		"of hosts that are there":       {` or on \(stanza, instance\) \w+:\w+:max`, ""},
	}
	checked = withAlso(verdict, map[string][2]string{
		"whatever was red":         {`:max\) unless on .*$`, ":max))"},
		"answered or not":          {`(:red) unless on .*$`, "$1))"},
		"answered before":          {` < (on \(stanza, claim\))`, " > $1"},
		"answered at any time":     {` < (on \(stanza, claim\))`, " <= $1"},
		"answered in the future":   {` <= time\(\) \+ 3600`, ""},
		"answered whatever it was": {`on \(stanza, claim\) (.*?) by \(stanza, claim\)`, "on (stanza) $1 by (stanza)"},
	})
)

func withAlso(some, more map[string][2]string) map[string][2]string {
	all := maps.Clone(some)
	maps.Copy(all, more)
	return all
}

// mutants are the alert with one thing changed.
func mutants(t *testing.T, a alert) map[string]alert {
	t.Helper()
	list := map[string]alert{}
	add := func(what string, change func(*alert)) {
		changed := a
		change(&changed)
		if changed.Expr != a.Expr || changed.For != a.For || what == "severity" {
			list[what] = changed
		}
	}
	expr := func(what, from, to string) {
		add(what, func(c *alert) { c.Expr = regexp.MustCompile(from).ReplaceAllString(c.Expr, to) })
	}
	if a.Record != "" {
		for what, change := range recorded[a.Record] {
			expr(what, change[0], change[1])
		}
		require.Len(t, list, len(recorded[a.Record]), "changes of %s that change nothing", a.Record)
		require.NotEmpty(t, list, "a rule of which nothing is changed: %s", a.Record)
		return list
	}
	hold, err := time.ParseDuration(a.For)
	require.NoError(t, err)

	add("never fires", func(c *alert) { c.Expr = "(" + c.Expr + ") unless on () vector(1)" })
	add("always fires", func(c *alert) { c.Expr = "(" + c.Expr + ") or vector(1)" })
	add("fires at once", func(c *alert) { c.For = "" })
	add("fires late", func(c *alert) { c.For = strconv.Itoa(int(2*hold.Minutes())) + "m" })
	add("severity", func(c *alert) { c.Labels = map[string]string{"severity": "info"} })
	expr("without labels", `\{.*\}`, "")
	expr("forgets", `\[\d+d\]`, "[10m]")
	expr("by reason", `(min|max) without \(reason\) `, "")
	expr("knows nothing of absence", `or absent.*`, "")
	expr("knows nothing but absence", `(?s)^.* or absent`, "absent")
	expr("turned round", ` > `, " <= ")
	expr("of any age", ` unless on \(stanza, instance\) \(max by.*$`, "")
	expr("by all labels", `max by \(stanza, instance\) (\(last_over_time)`, "$1")
	expr("remembers what was loaded alone", ` or max by \(stanza, instance\) \(last_over_time\(.*?\)\)`, "")
	expr("believes the future", ` <= time\(\) \+ 3600`, "")
	expr("believes the future", ` or time\(\) - \w+ < -3600`, "")
	expr("takes no clock", `<= time\(\) \+ 3600`, "<= time()")
	expr("takes no clock", `< -3600`, "< 0")
	expr("knows no list", ` unless on \(stanza\) \w+_expected( or absent|$)`, "$1")
	expr("the newest", `< on \(stanza\) group_left`, "> on (stanza) group_left")
	expr("whatever the list says", ` and on \(stanza\) \(veza_backup_drill_expected or .*?_seconds\)`, "")
	expr("the list alone", ` or on \(stanza\) veza_backup_drill_last_attempt_timestamp_seconds\)`, ")")
	expr("the list, of which there is none", ` or on \(\) last_over_time\(.*?\[15d\]\)`, "")
	expr("turned round", `<= on`, "> on")
	expr("half the budget", `(\w+_budget_seconds)`, "0.5 * $1")
	expr("twice the budget", `(\w+_budget_seconds)`, "2 * $1")
	expr("the worst of the hosts", `max( by \(stanza\) \(|\()veza`, "min${1}veza")
	expr("knows nothing but absence", `(?s)\(time\(\) - max.*?(veza\w+timestamp_seconds)\b.*\)$`, "$1")
	expr("turned round", `!= (\d+)`, "== $1")
	expr("turned round", `== (\d+)$`, "!= $1")
	if m := regexp.MustCompile(`[=!<>]=? (\d+)`).FindStringSubmatch(a.Expr); m != nil {
		limit, err := strconv.Atoi(m[1])
		require.NoError(t, err)
		for what, moved := range map[string]int{"one less": limit - 1, "one more": limit + 1} {
			add(what, func(c *alert) {
				c.Expr = strings.Replace(c.Expr, m[0], strings.Replace(m[0], m[1], strconv.Itoa(moved), 1), 1)
			})
		}
	}
	return list
}
