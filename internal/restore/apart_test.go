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

// A file of ours inside the data directory is refused by whatever name either has, before anything is made there; one
// beside it, or behind a link that leads out of it, is not.
func TestParse_FilesInTheDataDirectory(t *testing.T) {
	dir := t.TempDir()
	at := func(text string) string { return strings.ReplaceAll(text, "DIR/", dir+"/") }
	require.NoError(t, os.MkdirAll(at("DIR/data/below"), 0o700))
	require.NoError(t, os.Symlink(at("DIR/data"), at("DIR/link")))
	require.NoError(t, os.Symlink(dir, at("DIR/data/out")))
	t.Setenv("TMPDIR", dir)
	for line, refused := range map[string]string{
		"-to DIR/link -log DIR/data/x.log":          "-log DIR/data/x.log lies",
		"-to DIR/link -report DIR/data/r.json":      "-report DIR/data/r.json lies",
		"-to DIR/link/ -log DIR/link/below/x":       "-log DIR/link/below/x lies",
		"-to DIR/data -log DIR/link/x.log":          "-log DIR/link/x.log lies",
		"-to DIR/link/new -report DIR/data/new/r":   "-report DIR/data/new/r lies",
		"-to DIR/link -report DIR/link/out/r.json":  "",
		"-to DIR/link -log DIR/x.log -report DIR/r": "",
	} {
		var out, errs bytes.Buffer
		_, exit, done := parse(strings.Fields(at(line)), &out, &errs)
		assert.Equal(t, refused != "", done, line)
		if done {
			assert.Equal(t, 2, exit, line)
		}
		assert.Contains(t, errs.String(), at(refused), line)
	}
	t.Setenv("TMPDIR", at("DIR/data"))
	var out, errs bytes.Buffer
	_, exit, done := parse(strings.Fields(at("-to DIR/link")), &out, &errs)
	assert.True(t, done)
	assert.Equal(t, 2, exit)
	assert.Contains(t, errs.String(), at("TMPDIR DIR/data lies"))
	entries, err := os.ReadDir(at("DIR/data"))
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing is made")
}

// What a mount makes of a directory is the same one by another name, as a link that nobody has resolved is.
func TestInside(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(dir+"/data/below", 0o700))
	require.NoError(t, os.Symlink(dir+"/data", dir+"/mounted"))
	for path, want := range map[string]bool{
		"/data/x": true, "/data/below/x": true, "/data/none/x": true, "/mounted/x": true, "/mounted/below/x": true,
		"/x": false, "/datax": false, "/data.json": false, "/none/x": false,
	} {
		assert.Equal(t, want, inside(dir+"/data", dir+path), path)
	}
	assert.True(t, inside(dir+"/new", dir+"/new/x"))
	assert.False(t, inside(dir+"/new", dir+"/data/x"), "it is not there yet")
}

// No file of ours comes into another cluster, nor where a tablespace of one lies; beside them it does.
func TestParse_FilesInAnotherCluster(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	at := func(text string) string { return strings.ReplaceAll(text, "DIR/", dir+"/") }
	require.NoError(t, os.MkdirAll(at("DIR/15/main/tmp"), 0o700))
	require.NoError(t, os.WriteFile(at("DIR/15/main/PG_VERSION"), []byte("15\n"), 0o600))
	require.NoError(t, os.WriteFile(at("DIR/15/main/postgresql.conf"), nil, 0o600))
	require.NoError(t, os.MkdirAll(at("DIR/ts/PG_15_202209061"), 0o700))
	require.NoError(t, os.Symlink(at("DIR/15/main"), at("DIR/link")))
	t.Setenv("TMPDIR", dir)
	t.Chdir(at("DIR/15/main"))
	refuses := func(line, words string) {
		t.Helper()
		var out, errs bytes.Buffer
		_, exit, done := parse(strings.Fields(at(line)), &out, &errs)
		require.Equal(t, words != "", done, "%s: %s", line, errs.String())
		assert.Contains(t, errs.String(), at(words), line)
		if done {
			assert.Equal(t, 2, exit, line)
			assert.Contains(t, errs.String(), "name another ", line)
		}
	}
	for line, words := range map[string]string{
		"-to DIR/15/new -plan -report DIR/15/main/PG_VERSION":        "-report DIR/15/main/PG_VERSION lies inside",
		"-to DIR/15/new -plan -log DIR/15/main/postgresql.conf":      "postgresql.conf lies inside a cluster",
		"-to DIR/15/new -report DIR/15/main/tmp/new":                 "(DIR/15/main)",
		"-to DIR/15/new -report DIR/link/new":                        "(DIR/15/main)",
		"-to DIR/15/new -log DIR/ts/log":                             "(DIR/ts)",
		"-to DIR/15/new -log DIR/15/new.veza-restore.json":           "where the mark of the restore lies",
		"-to DIR/15/new -report DIR/15/new.veza-restore.json":        "where the mark of the restore lies",
		"-to DIR/15/new -report DIR/15/restore.json -log DIR/15/log": "",
		"-to DIR/ts.new -report DIR/ts.json":                         "",
	} {
		refuses(line, words)
	}
	for tmp, words := range map[string]string{
		"DIR/15/main": "TMPDIR DIR/15/main lies inside a cluster", "DIR/link/tmp": "TMPDIR DIR/link/tmp lies inside",
		"DIR/15": "", "tmp": "TMPDIR tmp lies inside a cluster",
	} {
		t.Setenv("TMPDIR", at(tmp))
		refuses("-to DIR/15/new -log DIR/log", words)
	}
}

// Where a tablespace has the directory above the data directory, what lies beside that one lies there after a kill as
// before it: the same command line goes on. Without the mark, and beside another tablespace, it is refused.
func TestParse_FilesInTheOwnTablespace(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, name := range []string{"data/pg", "data/tmp", "data/PG_15_202209061", "other/PG_15_202209061"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o700))
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "data/tmp"))
	const own = "-to DIR/data/pg -resume -log DIR/data/log -report DIR/data/r.json"
	refuses := func(line, words string) {
		t.Helper()
		var out, errs bytes.Buffer
		_, _, done := parse(strings.Fields(strings.ReplaceAll(line, "DIR/", dir+"/")), &out, &errs)
		assert.Equal(t, words != "", done, errs.String())
		assert.Contains(t, errs.String(), words)
	}
	refuses(own, "lies inside a cluster, or what belongs to one ("+dir+"/data)")
	mark := filepath.Join(dir, "data/pg.veza-restore.json")
	require.NoError(t, os.WriteFile(mark, []byte(`{"set":"20260823-020003F"}`), 0o600))
	refuses(own, "")
	refuses("-to DIR/data/pg -resume -log DIR/other/log", "what belongs to one ("+dir+"/other)")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data/PG_VERSION"), nil, 0o600))
	refuses(own, "lies inside a cluster")
}

// A report replaces a report, of whatever verdict, suite and version, and nothing else.
func TestParse_ReportOverWhatIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "restore.json")
	former := `{"schema":1,"suite":"restore","stanza":"demo","verdict":"pass","exit_status":0,"reason":"none",` +
		`"ended":"2026-08-22T04:00:00Z"}`
	for content, refused := range map[string]bool{
		former: false, "": false,
		strings.Replace(former, `"restore"`, `"drill"`, 1):     false,
		strings.Replace(former, `"schema":1`, `"schema":2`, 1): false,
		strings.Replace(former, `"pass"`, `"fail"`, 1):         false, // it contradicts itself
		"15\n": true, `{"Backups":[]}`: true, "{}": true, former[:len(former)/2]: true, "15": true,
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		var out, errs bytes.Buffer
		_, exit, done := parse([]string{"-to", "/nowhere/pg", "-plan", "-report", path}, &out, &errs)
		assert.Equal(t, refused, done, "%s: %s", content, errs.String())
		if done {
			assert.Equal(t, 2, exit)
			assert.Contains(t, errs.String(), "-report "+path+" is there, and is no report")
		}
	}
}
