package testreport

import (
	"strings"

	"veza.fr/recovery/internal/measure"
)

// seeds are short streams for the fuzzer: a pass, and what is known to look like one.
var seeds = []string{
	"",
	shortPass(),
	strings.Replace(shortPass(), `"pass","Package":"p","Test":"TestDrill/verify"`, `"fail","Package":"p","Test":"TestDrill/verify"`, 1),
	shortPass() + `{"Action":"fail","Package":"p"}` + "\n",
	shortPass() + `{"ImportPath":"q","Action":"build-fail"}` + "\n",
	shortPass() + `{"Action":"output","Package":"p","Output":"ok  \tp\t(cached)\n"}` + "\n",
	`{"Action":"output","Package":"p","Output":"flag provided but not defined: -x\n"}` + "\n",
	`{"Action":"output","Package":"p","Output":"panic: test timed out after 1s\ngoroutine 1\n"}` + "\n",
	attr("reason", "wal_missing"), attr("reason", "gremlins"), attr("detail", "x"), attr("note", "y"),
	attr(`metric.rows{check=\"users\"}`, "5"), attr("metric.rows", "NaN"), attr("metric.rto_seconds", "1e400"), attr("label.stanza", "demo"),
}

// shortPass is the shortest stream that passes.
func shortPass() string {
	var s strings.Builder
	line := func(action, test string) {
		s.WriteString(`{"Action":"` + action + `","Package":"p"` + test + "}\n")
	}
	line("start", "")
	line("run", `,"Test":"TestDrill"`)
	for _, step := range measure.Drill.StepNames() {
		line("run", `,"Test":"TestDrill/`+step+`"`)
		line("pass", `,"Test":"TestDrill/`+step+`"`)
	}
	line("pass", `,"Test":"TestDrill"`)
	line("pass", "")
	return s.String()
}

// attr is a stream in which one step publishes one attribute.
func attr(key, value string) string {
	run := `{"Action":"run","Package":"p","Test":"TestDrill"}` + "\n" + `{"Action":"run","Package":"p","Test":"TestDrill/verify"}` + "\n"
	return run + `{"Action":"attr","Package":"p","Test":"TestDrill/verify","Key":"` + key + `","Value":"` + value + `"}` + "\n"
}
