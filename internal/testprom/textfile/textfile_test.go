package textfile

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

var at = time.Date(2026, 11, 22, 4, 20, 0, 0, time.UTC)

// week is the time of the n-th drill.
func week(n int) time.Time { return at.Add(time.Duration(n) * 7 * 24 * time.Hour) }

func passed(stanza string, when time.Time) Run {
	return Run{
		Suite: suite.Drill, Stanza: stanza, Verdict: new(reason.None), Environment: reason.None, At: when,
		Duration:     time.Minute,
		Steps:        []Step{{Name: "restore", Seconds: 42.5}},
		Labels:       map[string]string{"backup_label": "20261122-020003F", "secret": "no info label"},
		Measurements: []suite.Value{{Name: "rows", Labels: map[string]string{"check": "users"}, Value: 100000}},
	}
}

func failed(stanza string, when time.Time, r reason.Reason) Run {
	run := passed(stanza, when)
	run.Verdict = &r
	return run
}

func noVerdict(stanza string, when time.Time, r reason.Reason) Run {
	return Run{Suite: suite.Drill, Stanza: stanza, Environment: r, At: when, Duration: -1}
}

// write writes the runs one after the other and returns the lines of the file
// that are no comments.
func write(t *testing.T, path string, runs ...Run) (lines, warnings []string) {
	t.Helper()
	for _, run := range runs {
		var err error
		_, warnings, err = Write(path, run)
		require.NoError(t, err)
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, line := range strings.Split(string(text), "\n") {
		if line != "" && line[0] != '#' {
			lines = append(lines, strings.TrimPrefix(line, "veza_backup_drill_"))
		}
	}
	return lines, warnings
}

func promFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "drill.prom")
}

func TestWrite_AfterAPass(t *testing.T) {
	lines, warnings := write(t, promFile(t), passed("demo", at))
	assert.Empty(t, warnings)
	assert.Equal(t, []string{
		`last_success{reason="none",stanza="demo"} 1`,
		`last_run_timestamp_seconds{stanza="demo"} 1.7953212e+09`,
		`last_success_timestamp_seconds{stanza="demo"} 1.7953212e+09`,
		`last_attempt_timestamp_seconds{stanza="demo"} 1.7953212e+09`,
		`environment_error{reason="none",stanza="demo"} 0`,
		`duration_seconds{stanza="demo"} 60`,
		`step_duration_seconds{stanza="demo",step="restore"} 42.5`,
		`info{backup_label="20261122-020003F",stanza="demo"} 1`,
		`rows{check="users",stanza="demo"} 100000`,
	}, lines)
}

func TestWrite_AfterAFailureKeepsTheLastSuccess(t *testing.T) {
	lines, _ := write(t, promFile(t), passed("demo", at), failed("demo", week(1), reason.WALMissing))
	assert.Subset(t, lines, []string{
		`last_success{reason="wal_missing",stanza="demo"} 0`,
		`last_run_timestamp_seconds{stanza="demo"} 1.795926e+09`,
		`last_success_timestamp_seconds{stanza="demo"} 1.7953212e+09`,
		`environment_error{reason="none",stanza="demo"} 0`,
	})
	assert.Len(t, lines, 9)
}

func TestWrite_WithoutAVerdictKeepsTheOldOne(t *testing.T) {
	for name, before := range map[string]Run{
		"pass": passed("demo", at), "fail": failed("demo", at, reason.WrongCipher),
	} {
		path := promFile(t)
		old, _ := write(t, path, before)
		lines, _ := write(t, path, noVerdict("demo", week(1), reason.ToolMissing),
			noVerdict("demo", week(2), reason.Timeout))
		kept := old[:2]
		if name == "pass" {
			kept = old[:3]
		}
		assert.Equal(t, append(append([]string{}, kept...),
			`last_attempt_timestamp_seconds{stanza="demo"} 1.7965308e+09`,
			`environment_error{reason="timeout",stanza="demo"} 1`), lines, name)
	}
}

func TestWrite_WithoutAVerdictAndAnOldFileClaimsNothing(t *testing.T) {
	lines, _ := write(t, promFile(t), noVerdict("unknown", at, reason.BuildFailed))
	assert.Equal(t, []string{
		`last_attempt_timestamp_seconds{stanza="unknown"} 1.7953212e+09`,
		`environment_error{reason="build_failed",stanza="unknown"} 1`,
	}, lines)
}

func TestWrite_WhenOnlyTeardownFailedSaysBoth(t *testing.T) {
	run := passed("demo", at)
	run.Environment = reason.SandboxFailed
	lines, _ := write(t, promFile(t), run)
	assert.Contains(t, lines, `last_success{reason="none",stanza="demo"} 1`)
	assert.Contains(t, lines, `environment_error{reason="sandbox_failed",stanza="demo"} 1`)
}

func TestWrite_KeepsOtherStanzas(t *testing.T) {
	path := promFile(t)
	first, _ := write(t, path, failed("alpha", at, reason.NoBackup))
	lines, _ := write(t, path, passed("beta", week(1)), noVerdict("beta", week(2), reason.Locked))
	assert.Subset(t, lines, first)
	assert.Contains(t, lines, `last_success{reason="none",stanza="beta"} 1`)
}

func TestWrite_EscapesWhatALabelMayHold(t *testing.T) {
	run := passed("de\"m\\o\n", at)
	lines, _ := write(t, promFile(t), run, run)
	assert.Contains(t, lines, `last_success{reason="none",stanza="de\"m\\o\n"} 1`)
}

func TestWrite_IsReadableByAllWhateverTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	path := promFile(t)
	write(t, path, passed("demo", at), passed("demo", week(1)))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing stays beside the file")
}

func TestWrite_RefusesADuplicateAndLeavesTheOldFile(t *testing.T) {
	path := promFile(t)
	before, _ := write(t, path, passed("demo", at))
	run := passed("demo", week(1))
	run.Measurements = append(run.Measurements, run.Measurements...)
	_, _, err := Write(path, run)
	require.ErrorContains(t, err, "twice")
	after, _ := write(t, path)
	assert.Equal(t, before, after)
}

func TestCheck_NamesPathAndCause(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file.prom")
	require.NoError(t, os.WriteFile(file, []byte("old\n"), 0o600))
	require.NoError(t, os.Symlink(file, filepath.Join(dir, "link.prom")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dir.prom"), 0o700))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.prom"), 0o600))
	for path, cause := range map[string]string{
		filepath.Join(dir, "link.prom"):              "symbolic link",
		filepath.Join(dir, "dir.prom"):               "is a directory",
		filepath.Join(dir, "pipe.prom"):              "special file",
		filepath.Join(dir, "missing/x.prom"):         "no such file or directory",
		filepath.Join(dir, "file.prom/x.prom"):       "not a directory",
		"/proc/drill.prom":                           "/proc/drill.prom",
		filepath.Join(dir, strings.Repeat("x", 300)): "too long",
	} {
		_, _, err := Write(path, passed("demo", at))
		require.ErrorContains(t, err, cause)
		require.ErrorContains(t, err, path)
	}
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "old\n", string(text))
}
