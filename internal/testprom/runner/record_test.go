package runner

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

var record = flag.Bool("record", false, "record fixtures/streams/*.jsonl again with the Go of this machine")

// TestRecord records the streams of fixtures/streams from the throw-away module
// in testdata/recording. It runs on request only, `make golden` style:
//
//	go test ./internal/testprom/runner -run TestRecord -record &&
//		go test ./internal/testprom/runner -run TestStreams -update
//
// -run TestRecord/^NAME$ records one of them.
func TestRecord(t *testing.T) {
	if !*record {
		t.Skip("recording needs -record")
	}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/recording")))
	for _, s := range suite.Suites {
		runIn(t, dir, nil, "go", "test", "-c", "-o", s.Name+".test", "./"+s.Name)
	}
	for _, c := range streamCases(t) {
		t.Run(c.name, func(t *testing.T) {
			stream, status := recordOne(t, dir, c)
			stream = bytes.ReplaceAll(stream, []byte(dir), []byte("/src"))
			require.NoError(t, os.WriteFile(c.path("jsonl"), stream, 0o644))
			c.header["status"] = fmt.Sprint(status)
			require.NoError(t, os.WriteFile(c.path("case"), c.text(), 0o644))
		})
	}
}

// recordOne runs the command of a case and returns its standard output and exit status.
func recordOne(t *testing.T, dir string, c streamCase) ([]byte, int) {
	t.Helper()
	env := append(os.Environ(), "PROBE="+c.header["probe"])
	argv := strings.Fields(c.header["command"])
	name := c.suite().Name
	switch argv[0] {
	case "binary":
		tool := []string{
			"go", "tool", "test2json", "-t", "-p", "example.org/recording/" + name, "./" + name + ".test",
			"-test.v=test2json",
		}
		return runIn(t, dir, env, append(tool, argv[1:]...)...)
	case "cached":
		runIn(t, dir, env, "go", "test", "-json", "-v=test2json", "./drill")
		return runIn(t, dir, env, "go", "test", "-json", "-v=test2json", "./drill")
	case "cut":
		text, _ := runIn(t, dir, env, "./drill.test", "-test.v=test2json")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "cut"), text[:len(text)*2/3], 0o644))
		return runIn(t, dir, env, "sh", "-c", "go tool test2json -t -p example.org/recording/drill <cut")
	}
	return runIn(t, dir, env, argv...)
}

func runIn(t *testing.T, dir string, env []string, argv ...string) ([]byte, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.Output()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		require.NoError(t, err)
	}
	return out, cmd.ProcessState.ExitCode()
}

// streamCase is one recorded stream: NAME.case says what it is and what must
// come out, NAME.jsonl is the stream, NAME.prom the textfile.
type streamCase struct {
	name   string
	header map[string]string
}

// caseKeys are the lines of a .case file, in their order.
var caseKeys = []string{"case", "suite", "probe", "command", "expect", "status"}

const streamDir = "../../../fixtures/streams"

// suite is the drill, unless the case names another one.
func (c streamCase) suite() suite.Suite {
	for _, s := range suite.Suites {
		if s.Name == c.header["suite"] {
			return s
		}
	}
	return suite.Drill
}

func (c streamCase) path(suffix string) string {
	return filepath.Join(streamDir, c.name+"."+suffix)
}

func (c streamCase) text() []byte {
	var text bytes.Buffer
	for _, key := range caseKeys {
		if c.header[key] != "" {
			fmt.Fprintf(&text, "%s: %s\n", key, c.header[key])
		}
	}
	return text.Bytes()
}

// streamCases reads all .case files; a file that belongs to none is an error, so
// that nothing rots unseen.
func streamCases(tb testing.TB) []streamCase {
	tb.Helper()
	entries, err := os.ReadDir(streamDir)
	require.NoError(tb, err)
	var cases []streamCase
	for _, entry := range entries {
		name, suffix, _ := strings.Cut(entry.Name(), ".")
		require.Contains(tb, []string{"case", "jsonl", "prom"}, suffix, "unknown file %s", entry.Name())
		if suffix == "case" {
			cases = append(cases, readCase(tb, name))
		}
	}
	for _, entry := range entries {
		name, _, _ := strings.Cut(entry.Name(), ".")
		require.True(tb, slices.ContainsFunc(cases, func(c streamCase) bool { return c.name == name }),
			"%s has no .case file", entry.Name())
	}
	return cases
}

func readCase(tb testing.TB, name string) streamCase {
	tb.Helper()
	c := streamCase{name, map[string]string{}}
	text, err := os.ReadFile(c.path("case"))
	require.NoError(tb, err)
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		key, value, ok := strings.Cut(line, ": ")
		require.True(tb, ok && slices.Contains(caseKeys, key), "%s.case: %q", name, line)
		c.header[key] = value
	}
	return c
}
