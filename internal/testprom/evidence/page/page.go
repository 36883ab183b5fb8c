// Package page shows evidence to people: one HTML file, which needs no network, no script and no other file, and which
// says in a minute when a restore was last proved, what was lost, what was never looked at, and whether anything was
// tampered with.
package page

import (
	"crypto/sha256"
	_ "embed" // the template, its style and its script
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"
)

// Data is what a page shows; Of makes it of a ledger. Every text in it may be hostile, and is escaped.
type Data struct {
	Made    time.Time
	Chain   Chain
	Stanzas []Stanza // one is the page of a stanza, several that of a fleet
	Unnamed int      // runs that ended before they could name a stanza, where one is asked for
}

// Chain is what is known of the evidence itself.
type Chain struct {
	Entries  int
	Signed   int
	Keyed    bool   // the signatures were held against a key
	Head     string // hash of the last line
	Findings []string
}

// Stanza is what was found out about one stanza.
type Stanza struct {
	ID       string // of its part of the page
	Name     string
	Newest   Run    // that counts
	Aimed    *Run   // a pass after it that mends nothing: with a -target, or of an older set; nil where there is none
	Proved   *Run   // the newest pass; nil where there is none
	ProvedIs string // how long ago that is
	Budget   string // of its RTO, "" where it is not known
	Clocks   string // why ages may be untrue, "" where nothing says so
	Outlook  []string
	Never    []string // what no run ever proved
	Notes    []string // of the newest pass
	Calendar Calendar
	Charts   []Chart
	Checks   Matrix
	Failures []Failure
	Window   Window
	Gaps     []string
	Versions []Versions
	Runs     []Run // all of them, the newest first
}

// Run is one run, as it is written in a table.
type Run struct {
	Seq                                 int
	Ended                               time.Time
	Suite, Verdict, Reason, Set, Target string
	RTO, RPO, Restored, WAL, Compared   string
	AsOf, Left                          string
	Judged                              bool // RPO is what would be lost; else it grows while production is idle
}

// Failure is a run that did not pass.
type Failure struct {
	Run
	Step, Sentence, Detail string
	Acks                   []Ack
	Mended                 string // when the next run passed
}

// Ack is somebody's word on it.
type Ack struct {
	By, Why string
	At      time.Time
}

// Versions are those of some runs one after the other.
type Versions struct {
	First, Last                                   time.Time
	PostgreSQL, PgBackRest, Testprom, Environment string
}

var (
	//go:embed page.html.tmpl
	text string
	//go:embed page.css
	style string
	//go:embed page.js
	script string

	layout = template.Must(template.New("page").Funcs(template.FuncMap{
		"date":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
		"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"mark":  mark,
		"count": count,
	}).Parse(text))
)

// count writes how many there are of something.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// mark is a verdict in a sign, for who tells no colours apart.
func mark(verdict string) string {
	switch verdict {
	case "pass", passed:
		return "✓"
	case "fail", failed:
		return "✗"
	case "environment", leftOut:
		return "?"
	}
	return "·"
}

// Render writes the page.
func Render(w io.Writer, d Data) error {
	sum := sha256.Sum256([]byte(script))
	return layout.Execute(w, struct {
		Data
		Style  template.CSS
		Script template.JS
		Hash   string
	}{d, template.CSS(style), template.JS(script), base64.StdEncoding.EncodeToString(sum[:])})
}
