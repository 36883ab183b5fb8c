package runner

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/report"
)

// A run whose history, report or evidence could not be written does not begin, and what can be written says so: the
// verdict of the last run that was one stands, and beside it that this one was none.
func TestRefused_IsToldByWhatCanBeWritten(t *testing.T) {
	for name, args := range map[string][]string{
		"history":  {"-history", "/dev/null/none"},
		"report":   {"-report", "/dev/null/none"},
		"junit":    {"-junit", "/dev/null/none"},
		"stream":   {"-stream", "/dev/null/none"},
		"evidence": {"-evidence", "/dev/null/none"},
		"key":      {"-evidence", filepath.Join(t.TempDir(), "e"), "-sign-key", "/dev/null/none"},
	} {
		dir := t.TempDir()
		prom, mark := filepath.Join(dir, "drill.prom"), filepath.Join(dir, "mark")
		w, _, _ := world(bytes.NewReader(passing(t)))
		require.Equal(t, 0, Main([]string{"-textfile", prom}, w), name)
		before := read(t, prom)
		require.Contains(t, before, `environment_error{reason="none",stanza="demo"} 0`)

		w, out, errs := world(nil)
		w.Env = append(os.Environ(), "DRILL_STANZA=demo")
		w.Now = func() time.Time { return now.Add(7 * 24 * time.Hour) }
		args = append(args, "-textfile", prom, "--", "touch", mark)
		assert.Equal(t, reason.ExitEnvironment, Main(args, w), name)
		assert.Contains(t, errs.String(), "/dev/null/none", name)
		assert.Contains(t, out.String(), "config_invalid", name)
		assert.NoFileExists(t, mark, name)
		after := read(t, prom)
		assert.Contains(t, after, `environment_error{reason="config_invalid",stanza="demo"} 1`, name)
		assert.Empty(t, line(after, "duration_seconds"), name)
		for _, kept := range []string{"last_success", "last_run_timestamp_seconds", "last_success_timestamp_seconds"} {
			assert.Equal(t, line(before, kept), line(after, kept), name)
		}
		assert.NotEqual(t, line(before, "last_attempt_timestamp_seconds"),
			line(after, "last_attempt_timestamp_seconds"), name)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// line is the first series of a metric of the drill, whole.
func line(text, metric string) string {
	for l := range bytes.Lines([]byte(text)) {
		if bytes.HasPrefix(l, []byte(suite.Drill.Namespace+metric+"{")) {
			return string(l)
		}
	}
	return ""
}

// A textfile that cannot be replaced stays to the byte, and the history knows of the attempt.
func TestRefused_ForTheTextfile(t *testing.T) {
	dir := t.TempDir()
	prom := filepath.Join(dir, "drill.prom")
	w, _, _ := world(bytes.NewReader(passing(t)))
	require.Equal(t, 0, Main([]string{"-textfile", prom}, w))
	before := read(t, prom)
	w, _, errs := world(bytes.NewReader(passing(t)))
	require.Equal(t, 2, Main([]string{"-suite", "backup", "-textfile", prom, "-history", dir + "/h"}, w))
	assert.Contains(t, errs.String(), "give each suite a file of its own")
	assert.Equal(t, before, read(t, prom))
	last := history(t, dir+"/h")
	assert.Equal(t, reason.ConfigInvalid, last.Reason)
	assert.Equal(t, report.VerdictOf(reason.ExitEnvironment), last.Verdict)
}

// The file of another program, named by mistake, stays to the byte, and nothing is run.
func TestRefused_ForTheTextfileOfAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	prom, mark := filepath.Join(dir, "node.prom"), filepath.Join(dir, "mark")
	const text = "# TYPE node_x gauge\nnode_x 1\n"
	require.NoError(t, os.WriteFile(prom, []byte(text), 0o600))
	w, _, errs := world(nil)
	require.Equal(t, 2, Main([]string{"-textfile", prom, "-report", dir + "/r.json", "--", "touch", mark}, w))
	assert.Contains(t, errs.String(), "it holds node_x, which is another program's")
	assert.Contains(t, read(t, dir+"/r.json"), `"config_invalid"`)
	assert.Equal(t, text, read(t, prom))
	assert.NoFileExists(t, mark)
}

// A command that -suite was left off names files of the other suite: its report and evidence stay to the byte.
func TestRefused_ForTheTextfileOfAnotherSuiteLeavesItsFiles(t *testing.T) {
	dir := t.TempDir()
	args := []string{
		"-textfile", dir + "/d.prom", "-report", dir + "/r.json", "-junit", dir + "/j.xml", "-evidence", dir + "/e",
	}
	w, _, _ := world(bytes.NewReader(passing(t)))
	require.Equal(t, 0, Main(args, w))
	before := files(t, dir)
	require.Greater(t, len(before), 3)
	w, _, errs := world(bytes.NewReader(passing(t)))
	require.Equal(t, reason.ExitEnvironment, Main(append([]string{"-suite", "backup"}, args...), w))
	assert.Contains(t, errs.String(), "give each suite a file of its own")
	assert.Equal(t, before, files(t, dir))
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found[path] = read(t, path)
		}
		return err
	}))
	return found
}

func TestRefusal(t *testing.T) {
	for err, want := range map[error]reason.Reason{
		syscall.ENOSPC: reason.DiskSpace, syscall.EDQUOT: reason.DiskSpace,
		syscall.EACCES: reason.ConfigInvalid, syscall.EROFS: reason.ConfigInvalid,
	} {
		assert.Equal(t, want, refusal(errors.Join(errors.New("first"), &os.PathError{Err: err})), err)
	}
}
