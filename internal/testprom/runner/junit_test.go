package runner

import (
	"bytes"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
)

// junitOf judges a stream and reads the JUnit file back.
func junitOf(t *testing.T, c streamCase) (exit int, text []byte, file junit.Testsuites) {
	t.Helper()
	stream, err := os.ReadFile(c.path("jsonl"))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "junit.xml")
	w, _, _ := world(bytes.NewReader(stream))
	exit = Main([]string{"-suite", c.suite().Name, "-junit", path}, w)
	text, err = os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(text, &file))
	require.Len(t, file.Suites, 1)
	return exit, text, file
}

// A CI server shows red exactly when the exit status is not 0, and a failure only where the backups are at fault.
func TestJUnit_SaysOfEveryStreamWhatTheExitStatusSays(t *testing.T) {
	for _, c := range streamCases(t) {
		exit, _, file := junitOf(t, c)
		s := file.Suites[0]
		failures, errs, skipped := 0, 0, 0
		for _, test := range s.Testcases {
			if test.Failure != nil {
				failures++
				assert.Equal(t, reason.ExitFailed, reason.Reason(test.Failure.Type).Exit(), "%s: %s", c.name, test.Name)
			}
			if test.Error != nil {
				errs++
				assert.Equal(t, reason.ExitEnvironment, reason.Reason(test.Error.Type).Exit(), "%s: %s", c.name,
					test.Name)
			}
			if test.Skipped != nil {
				skipped++
			}
		}
		assert.Equal(t, []int{len(s.Testcases), failures, errs, skipped},
			[]int{file.Tests, file.Failures, file.Errors, file.Skipped}, c.name)
		assert.GreaterOrEqual(t, len(s.Testcases), len(c.suite().Steps), c.name)
		switch exit {
		case reason.ExitPass:
			assert.Zero(t, failures+errs, c.name)
		case reason.ExitFailed:
			assert.NotZero(t, failures, c.name)
		default:
			assert.NotZero(t, errs, c.name)
		}
	}
}

func TestJUnit_OfARun(t *testing.T) {
	for _, name := range []string{"compared", "wal-missing", "interrupted", "backup-claim-fails", "no-label"} {
		_, text, _ := junitOf(t, readCase(t, name))
		golden(t, filepath.Join("testdata", "junit", name+".xml"), text)
	}
}

// What was written beside it and could not be is an error, and so is a file that cannot be written itself.
func TestJUnit_OfAnExitStatusThatIsRaised(t *testing.T) {
	r := &result{suite: suite.Drill, stanza: "demo", Report: testreport.Report{
		Verdict: testreport.Verdict{Reason: reason.None},
	}}
	text, err := r.junit(errors.New("append to h: no space left on device"))
	require.NoError(t, err)
	assert.Contains(t, string(text), `<error message="append to h: no space left on device" type="unwritten"`)

	path := filepath.Join(t.TempDir(), "gone", "junit.xml")
	w, _, errs := world(bytes.NewReader(passing(t)))
	assert.Equal(t, 2, Main([]string{"-junit", path}, w))
	assert.Contains(t, errs.String(), path)
	assert.Contains(t, errs.String(), "no such file or directory")
}

func TestJUnit_LeavesTheOldFileWhereTheNewOneCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "junit.xml")
	require.NoError(t, os.Symlink("elsewhere", path))
	w, _, errs := world(bytes.NewReader(passing(t)))
	assert.Equal(t, 2, Main([]string{"-junit", path}, w))
	assert.Contains(t, errs.String(), "symbolic link")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

// Whatever a database prints, the file is XML, and holds not one control character.
func FuzzJUnit(f *testing.F) {
	f.Add("demo", "relation \x00\x1b[31m\"a\"]]>", "out\x0b\xff\ufffe\u202e")
	f.Add("<a>&amp;", "]]>]]>", "\xed\xa0\x80")
	f.Add("", "", "\r\n\t")
	f.Fuzz(func(t *testing.T, stanza, detail, output string) {
		r := &result{suite: suite.Drill, stanza: stanza}
		r.Verdict = testreport.Verdict{Reason: reason.WALMissing, Detail: detail, Exit: 1, Step: "recover"}
		r.Labels = map[string]string{output: detail, "backup_label": output}
		r.Tail = []string{output}
		for i, name := range suite.Drill.StepNames() {
			outcome := []testreport.Outcome{
				testreport.Passed, testreport.Failed, testreport.Unfinished, testreport.NotRun,
			}[i%4]
			r.Steps = append(r.Steps, testreport.Step{
				Name: name, Outcome: outcome, Detail: detail, Output: []string{output, detail}, Seconds: -1,
			})
		}
		text, err := r.junit(errors.New(output))
		require.NoError(t, err)
		require.True(t, utf8.Valid(text))
		for _, c := range string(text) {
			require.True(t, c == '\n' || c == '\t' || c >= ' ' && c != 0x7f && c != 0xfffe && c != 0x202e, "%q", c)
		}
		var file junit.Testsuites
		require.NoError(t, xml.Unmarshal(text, &file))
		require.Equal(t, len(suite.Drill.Steps)+1, file.Tests)
		require.Equal(t, 1, strings.Count(string(text), "<testsuite "))
	})
}
