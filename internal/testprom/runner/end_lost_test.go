package runner

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
)

// lossy is where the runs of a test are written down, each in a directory of its own.
type lossy struct {
	root string
	day  int
}

func (f *lossy) path(name string) string { return filepath.Join(f.root, name, name+".prom") }

// run judges a stream as that of the next day. What is lost is not there when it is to be written, and is afterwards.
func (f *lossy) run(t *testing.T, text []byte, lost string) (exit int, said string) {
	t.Helper()
	f.day++
	text = regexp.MustCompile(`"Time":"\d{4}-\d\d-\d\d`).
		ReplaceAll(text, fmt.Appendf(nil, `"Time":"2027-01-%02d`, f.day))
	for _, name := range []string{"textfile", "report"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(f.path(name)), 0o700))
	}
	dir := filepath.Dir(f.path(lost))
	w, out, errs := world(io.MultiReader(bytes.NewReader(text), readerFunc(func() {
		if lost != "" {
			require.NoError(t, os.Rename(dir, dir+".away"))
		}
	})))
	exit = Main([]string{"-textfile", f.path("textfile"), "-report", f.path("report")}, w)
	if lost != "" {
		require.Contains(t, errs.String(), f.path(lost))
		require.NoError(t, os.Rename(dir+".away", dir))
	}
	return exit, out.String()
}

// A pass that could not write the textfile down is one that the next run, and the list, can read; it ends what was red.
func TestUnwritten_APassIsKnown(t *testing.T) {
	f := lossy{root: t.TempDir()}
	f.run(t, stream(t, "wal-missing"), "")
	exit, _ := f.run(t, passing(t), "textfile")
	require.Equal(t, 2, exit)
	require.NoError(t, schemaOf(t, "report").Validate(valueOf(t, []byte(read(t, f.path("report"))))))
	old, err := report.Parse([]byte(read(t, f.path("report"))))
	require.NoError(t, err)
	assert.Equal(t, []any{"environment", 2, reason.None}, []any{old.Verdict, old.Exit, old.Reason})
	assert.True(t, old.Unwritten())
	assert.False(t, old.Known().AtFault())
	f.run(t, stream(t, "teardown-fails")[:900], "")
	old, err = report.Parse([]byte(read(t, f.path("report"))))
	require.NoError(t, err)
	require.Equal(t, "unknown", old.Backups)
	assert.Equal(t, "pass", old.Last.Verdict, "it is the verdict before a run without one")
}

// What was red at the end of the archive is known by the textfile or by the report, whichever could not be written: a
// drill with a -target does not end it, and one to the end does.
func TestEndRed_IsKnownByOneOfTheTwo(t *testing.T) {
	type drill struct{ stream, lost string }
	const red, target, end = "wal-missing", "target", "pass"
	for name, c := range map[string]struct {
		before []drill
		red    bool
	}{
		"nothing":                        {nil, false},
		"no textfile of the red one":     {[]drill{{end, ""}, {red, "textfile"}}, true},
		"no report of the red one":       {[]drill{{end, ""}, {red, "report"}}, true},
		"no report at all":               {[]drill{{red, "report"}}, true},
		"no textfile of the aimed one":   {[]drill{{red, ""}, {target, "textfile"}}, true},
		"no report of the aimed one":     {[]drill{{red, ""}, {target, "report"}}, true},
		"aimed twice without a textfile": {[]drill{{end, ""}, {red, "textfile"}, {target, "textfile"}}, true},

		"no textfile of the mended one":     {[]drill{{red, ""}, {end, "textfile"}}, false},
		"no report of the mended one":       {[]drill{{red, ""}, {end, "report"}}, false},
		"mended, after a lost textfile":     {[]drill{{red, "textfile"}, {end, ""}}, false},
		"mended, after a lost report":       {[]drill{{red, "report"}, {end, ""}}, false},
		"green, and no textfile of it":      {[]drill{{end, ""}, {end, "textfile"}}, false},
		"green, and no report of it":        {[]drill{{end, ""}, {end, "report"}}, false},
		"aimed, green, without a textfile":  {[]drill{{end, ""}, {target, "textfile"}}, false},
		"aimed, green, and without reports": {[]drill{{end, "report"}, {target, "report"}}, false},
	} {
		f := lossy{root: t.TempDir()}
		of := func(kind string) []byte {
			if kind == target {
				return aimed(t)
			}
			return stream(t, kind)
		}
		for _, d := range c.before {
			f.run(t, of(d.stream), d.lost)
		}
		exit, said := f.run(t, of(target), "")
		assert.Equal(t, 0, exit, name)
		old, err := report.Parse([]byte(read(t, f.path("report"))))
		require.NoError(t, err, name)
		assert.Equal(t, c.red, old.Known().EndRed(), name)
		assert.Equal(t, c.red, strings.Contains(said, "PASSED, BUT the end of the archive STILL RED"), name)
		const redLine = `last_success{reason="(wal_missing)?",stanza="demo"} 0\n`
		assert.Equal(t, c.red, regexp.MustCompile(redLine).MatchString(read(t, f.path("textfile"))), name)
		f.run(t, of(end), "")
		assert.Contains(t, read(t, f.path("textfile")), `last_success{reason="none",stanza="demo"} 1`, name)
		assert.NotContains(t, read(t, f.path("report")), suite.EndOfArchive, name)
	}
}
