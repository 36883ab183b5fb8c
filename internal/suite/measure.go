// Package suite is what the drill and the backup checks share. It owns the words that
// travel from a test to the textfile: the attribute keys, the steps in runbook order, and
// the metric definitions.
//
// A test publishes with testing.TB.Attr; testreport reads the keys back out of
// the event stream. Facts C3: a key holds no white space, a value no line
// break, and a whole attribute line must stay below 4096 bytes.
package suite

import (
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// Attribute keys.
const (
	MetricPrefix = "metric." // metric.<name> or metric.<name>{label="value",...}: a number
	// PastLabel is the moment the repository was read as of, RFC 3339; without it, it was that of now.
	PastLabel = "repo_target_time"
	// LeftLabel is what the drilled set is of, such as PostgreSQL 15, where that is a cluster before a stanza-upgrade;
	// without it, it is of the stanza's present one.
	LeftLabel   = "cluster_left"
	LabelPrefix = "label." // label.<name>: a text that describes the run
	ReasonKey   = "reason" // one word of package reason, published by the step that failed
	DetailKey   = "detail" // one sentence: what exactly failed, naming the object
	NoteKey     = "note"   // one sentence the report should keep; may be published often
	// ProgressKey is how far the step's long work is: "restored: 4096 of 8192 bytes". It may be
	// published often, and is for whoever watches alone.
	ProgressKey = "progress"
	// ShownKey is how many of the step's next lines a terminal shows, where it shows no others: a text to copy.
	ShownKey = "shown"
	// AskedKey are the claims a run asks, separated by spaces: published by the suite's own
	// test, before the first one begins.
	AskedKey = "asked"
	// ChosenKey are the claims that somebody chose, separated by spaces, where not all were to be asked: published
	// before AskedKey by the suite's own test. Each of them must be asked then, and of the others none.
	ChosenKey = "chosen"
)

// Labels that the evidence of a run is made from. What a run did not come to has none.
const (
	RepoLabel           = "repo"            // key of the repository
	TargetLabel         = "target"          // where recovery stops, as it was asked for; none is the end of the archive
	ManifestLabel       = "manifest"        // of the set, by its path in the repository
	ManifestDigestLabel = "manifest_sha256" // of the manifest as it is stored there
	DeepLabel           = "deep_"           // deep_passed and so on: the deeper checks of that outcome, by commas
	CompareLabel        = "compare"         // what was to be compared with: none, standby or sets
	ComparedLabel       = "compared"        // what became of it: passed, failed or left_out
	KeyAccessLabel      = "key_access"      // of the drill's own key: readonly, writes or unknown
	WindowLabel         = "window_from"     // when the oldest usable set ended, RFC 3339 as the next two
	SetLabel            = "backup_label"    // of the restored set
	NewestSetLabel      = "newest_set"      // of the newest set that could have been taken
	SetStoppedLabel     = "backup_stopped"  // when the restored set ended: recovery can stop at any moment after it
	RecoveredLabel      = "recovered_to"    // the newest moment that came back
)

// OlderSet says whether a run, by its labels, was of a set that is not the newest. A release before does not say.
func OlderSet(labels map[string]string) bool {
	newest := labels[NewestSetLabel]
	return newest != "" && labels[SetLabel] != newest
}

// Beginnings of the notes that a summary never leaves out: what to type to get into a sandbox that is
// kept, and to remove it; and after a real restore.
const (
	EnterIt  = "enter it: "
	RemoveIt = "remove it: "
	NextIs   = "next: "
)

// MaxValue is the longest attribute value, in bytes, that is published: the
// testing package silently drops an attribute whose line reaches 4096 bytes.
const MaxValue = 3000

// Publisher is the part of testing.TB that carries attributes.
type Publisher interface {
	Attr(key, value string)
}

// Metric publishes a measurement. Labels are pairs of name and value.
func Metric(p Publisher, name string, value float64, labels ...string) {
	p.Attr(MetricPrefix+Series(name, labels...), strconv.FormatFloat(value, 'f', -1, 64))
}

// Label publishes a text that describes the run.
func Label(p Publisher, name, value string) { p.Attr(LabelPrefix+name, Line(value)) }

// Note publishes a sentence the report should keep.
func Note(p Publisher, text string) { p.Attr(NoteKey, Line(text)) }

// Asked publishes which claims a run asks, before the first of them begins; p is the
// suite's own test.
func Asked(p Publisher, names []string) { p.Attr(AskedKey, Line(strings.Join(names, " "))) }

// Chosen publishes the claims that somebody chose; p is the suite's own test.
func Chosen(p Publisher, names []string) { p.Attr(ChosenKey, Line(strings.Join(names, " "))) }

// Series writes a metric's name with its labels the way Prometheus does, sorted
// by label name and without spaces: rows{check="users"}.
func Series(name string, labels ...string) string {
	if len(labels) == 0 {
		return name
	}
	var pairs []string
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+"="+strconv.Quote(labels[i+1]))
	}
	sort.Strings(pairs)
	return name + "{" + strings.Join(pairs, ",") + "}"
}

// Line makes text fit for an attribute value: one line of printable text, bounded, never
// empty. Whatever else stands in it came out of a repository or a database, and may be meant
// for whoever reads the event stream.
func Line(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return "-"
	}
	if len(text) > MaxValue {
		text = strings.ToValidUTF8(text[:MaxValue], "") + "..."
	}
	return text
}
