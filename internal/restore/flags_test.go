package restore

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// One wrong flag is one line, and exit 2.
func TestParse_Refuses(t *testing.T) {
	for line, want := range map[string]string{
		"-to /x -stanze main":                "did you mean -stanza?",
		"-to /x -keep":                       "flag provided but not defined: -keep",
		"-to /x -primary host=x":             "flag provided but not defined: -primary",
		"-stanza main":                       "-to is missing",
		"-to /x -yes -plan":                  "give one of them",
		"-to /x -target random":              "-target: a real restore stops where somebody says",
		"-to /x -target timeline":            "-target: a real restore stops where somebody says",
		"-to /x -set yesterday":              "-set=\"yesterday\": must be latest",
		"-to /x -yes true":                   "write -yes=true, not -yes true",
		"-to /x -report /x/report":           "-report /x/report lies in the data directory",
		"-to /x -log /x/a/log":               "-log /x/a/log lies in the data directory",
		"-to /x -log /y -report /y":          "-report and -log name the same file /y",
		"-to /x -checks /there/is/none.yaml": "there is no file /there/is/none.yaml",
	} {
		var out, errs bytes.Buffer
		_, exit, done := parse(strings.Fields(line), &out, &errs)
		assert.True(t, done, line)
		assert.Equal(t, 2, exit, line)
		assert.Contains(t, errs.String(), want, line)
		assert.Equal(t, 1, strings.Count(errs.String(), "\n"), "%s: %s", line, errs.String())
		assert.Empty(t, out.String(), line)
	}
}

// A drill's variables may stand in the environment: those it shares count, the others say nothing to it,
// and one that nobody knows is refused.
func TestParse_Variables(t *testing.T) {
	t.Setenv("DRILL_STANZA", "main")
	t.Setenv("DRILL_KEEP", "perhaps")
	t.Setenv("DRILL_PRIMARY", "host=db")
	var out, errs bytes.Buffer
	a, _, done := parse([]string{"-to", "data", "-min-users", "7"}, &out, &errs)
	require.False(t, done, errs.String())
	assert.Equal(t, "main", a.settings.Stanza)
	assert.Equal(t, int64(7), a.settings.MinUsers)
	assert.False(t, a.settings.Keep)
	assert.Empty(t, a.settings.Primary)
	assert.True(t, filepath.IsAbs(a.wanted.To), "so that no later change of directory matters")

	t.Setenv("DRILL_STANZE", "main")
	_, exit, done := parse([]string{"-to", "data"}, &out, &errs)
	assert.True(t, done)
	assert.Equal(t, 2, exit)
	assert.Contains(t, errs.String(), "DRILL_STANZE: no setting has that name")
}

// Called with nothing it says how it is used; -h says all of it.
func TestParse_Usage(t *testing.T) {
	var out, errs bytes.Buffer
	_, exit, done := parse(nil, &out, &errs)
	assert.True(t, done)
	assert.Equal(t, 2, exit)
	assert.Equal(t, "veza-restore: nothing to do; -h explains\n"+synopsis, errs.String())

	errs.Reset()
	_, exit, done = parse([]string{"-h"}, &out, &errs)
	assert.True(t, done)
	assert.Zero(t, exit)
	assert.Empty(t, errs.String())
	for _, want := range []string{"-to DIRECTORY", "  -set VALUE", "DRILL_MIN_USERS", "Exit status:", "Examples:"} {
		assert.Contains(t, out.String(), want)
	}
	for _, not := range []string{"-keep", "-seed", "random", "-image"} {
		assert.NotContains(t, out.String(), not)
	}
}

func TestParse_Version(t *testing.T) {
	var out, errs bytes.Buffer
	_, exit, done := parse([]string{"-version"}, &out, &errs)
	assert.True(t, done)
	assert.Zero(t, exit)
	assert.True(t, strings.HasPrefix(out.String(), "veza-restore "), out.String())
}

// The log lies with pgBackRest's own, beside the report, or with temporary files; where it was asked
// for, or nowhere.
func TestLog_Places(t *testing.T) {
	t.Setenv("TMPDIR", "/scratch")
	assert.Equal(t, []string{"/a/log"}, asked{log: "/a/log", report: "/b/report"}.places())
	assert.Equal(t, []string{"/var/log/pgbackrest/veza-restore.log", "/scratch/veza-restore.log"}, asked{}.places())
	assert.Equal(t, []string{
		"/var/log/pgbackrest/veza-restore.log", "/b/veza-restore.log", "/scratch/veza-restore.log",
	}, asked{report: "/b/report"}.places())
}

// Attempts follow each other in one file; a link is not followed, and what cannot be written is said.
func TestLog_Open(t *testing.T) {
	a := asked{log: t.TempDir() + "/log"}
	a.wanted.To = "/data"
	for range 2 {
		log, err := openLog(a)
		require.NoError(t, err)
		require.NoError(t, log.File.Close())
	}
	text, err := os.ReadFile(a.log)
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(text), " ---- veza-restore "))
	assert.Contains(t, string(text), "to /data, stanza by the conf")

	linked := asked{log: a.log + "-link"}
	require.NoError(t, os.Symlink(a.log, linked.log))
	_, err = openLog(linked)
	require.ErrorContains(t, err, "cannot write a log, -log names another place: open "+linked.log)
}
