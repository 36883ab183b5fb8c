package testreport

import (
	"strings"

	"veza.fr/recovery/internal/suite"
)

// seeds are short streams for the fuzzer: a pass, and what is known to look like one.
var seeds = []string{
	"",
	shortPass(),
	strings.Replace(shortPass(), `"pass","Package":"p","Test":"TestDrill/verify"`,
		`"fail","Package":"p","Test":"TestDrill/verify"`, 1),
	shortPass() + `{"Action":"fail","Package":"p"}` + "\n",
	shortPass() + `{"ImportPath":"q","Action":"build-fail"}` + "\n",
	shortPass() + `{"Action":"output","Package":"p","Output":"ok  \tp\t(cached)\n"}` + "\n",
	`{"Action":"output","Package":"p","Output":"flag provided but not defined: -x\n"}` + "\n",
	`{"Action":"output","Package":"p","Output":"panic: test timed out after 1s\ngoroutine 1\n"}` + "\n",
	shortRun(suite.Backup, `"asked","Value":"policy stanza cadence archive rpo retention encryption integrity"`),
	shortRun(suite.Backup, `"asked","Value":"policy stanza cadence archive encryption integrity"`),
	shortRun(suite.Backup, `"asked","Value":"policy gremlins"`), shortRun(suite.Backup, `"asked"`),
	shortRun(suite.Backup, `"note"`),
	shortRun(suite.Backup, `"reason","Value":"config_invalid"`), shortRun(suite.Backup, `"metric.checks","Value":"8"`),
	attr("reason", "wal_missing"), attr("reason", "gremlins"), attr("detail", "x"), attr("note", "y"),
	attr(`metric.rows{check=\"users\"}`, "5"), attr("metric.rows", "NaN"), attr("metric.rto_seconds", "1e400"),
	attr("label.stanza", "demo"),
}

// shortPass is the shortest drill that passes.
func shortPass() string { return shortRun(suite.Drill, "") }

// shortRun is the shortest run in which every step passes; the suite's own test
// publishes one attribute, if any, first.
func shortRun(s suite.Suite, attribute string) string {
	var stream strings.Builder
	line := func(action, test string) {
		stream.WriteString(`{"Action":"` + action + `","Package":"p"` + test + "}\n")
	}
	line("start", "")
	line("run", `,"Test":"`+s.Test+`"`)
	if attribute != "" {
		line("attr", `,"Test":"`+s.Test+`","Key":`+attribute)
	}
	for _, step := range s.StepNames() {
		line("run", `,"Test":"`+s.Test+`/`+step+`"`)
		line("pass", `,"Test":"`+s.Test+`/`+step+`"`)
	}
	line("pass", `,"Test":"`+s.Test+`"`)
	line("pass", "")
	return stream.String()
}

// attr is a stream in which one step publishes one attribute.
func attr(key, value string) string {
	run := `{"Action":"run","Package":"p","Test":"TestDrill"}` + "\n" +
		`{"Action":"run","Package":"p","Test":"TestDrill/verify"}` + "\n"
	return run + `{"Action":"attr","Package":"p","Test":"TestDrill/verify","Key":"` + key + `","Value":"` + value +
		`"}` + "\n"
}
