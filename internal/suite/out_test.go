package suite

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
)

// A line is for whoever watches; notes, measurements and labels are for the report too.
func TestOut(t *testing.T) {
	said := &record{}
	out := NewOut(said)
	out.Say("%d backups", 2)
	out.Note("%s is\nkept", "it")
	out.Metric("rows", 7, "check", "users")
	out.Metric("rto_seconds", 1.5)
	out.Label("stanza", "demo")
	out.Show("to copy:\n%s", "- a\n- b")
	assert.Equal(t, "2 backups\nit is\nkept\nto copy:\n- a\n- b\n", said.lines.String())
	assert.Equal(t, []string{
		"note=it is kept", `metric.rows{check="users"}=7`, "metric.rto_seconds=1.5", "label.stanza=demo", "shown=3",
	}, said.attrs)
}

// An attribute's value is one printable line, never empty and never too long: the testing
// package drops others in silence.
func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"as it is":                    "as it is",
		"two\nlines\r\n":              "two lines",
		"  many \t spaces  ":          "many spaces",
		"":                            "-",
		"\n":                          "-",
		"colour \x1b[31mred\x1b[0m":   "colour [31mred [0m",
		"not UTF-8: \xff":             "not UTF-8: ?",
		"a line separator \u2028here": "a line separator here",
		"accents é stay":              "accents é stay",
	} {
		assert.Equal(t, want, Line(text), "%q", text)
	}
	long := Line(strings.Repeat("é\n", MaxValue))
	assert.LessOrEqual(t, len(long), MaxValue+len("..."))
	assert.True(t, strings.HasSuffix(long, "..."))
	assert.Equal(t, -1, strings.IndexFunc(long, func(r rune) bool { return !unicode.IsPrint(r) }))
}
