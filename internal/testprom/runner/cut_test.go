package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func passing(tb testing.TB) []byte {
	tb.Helper()
	stream, err := os.ReadFile(filepath.Join(streamDir, "pass.jsonl"))
	require.NoError(tb, err)
	return stream
}

// TestCut_NeverPasses cuts a passing stream at every byte: only the whole one
// may pass. The last line break is no content.
func TestCut_NeverPasses(t *testing.T) {
	whole := passing(t)
	for n := range len(whole) - 1 {
		require.Equal(t, byte('2'), verdictOf(whole[:n], nil)[0], "cut after %d bytes", n)
	}
}

// TestCut_NeverPassesWhateverTheStream cuts all other passing streams at every
// line. Of two packages the cut after the drill's own is left out: before the
// next one starts, nothing in the stream tells that it was to come.
func TestCut_NeverPassesWhateverTheStream(t *testing.T) {
	for _, c := range streamCases(t) {
		if c.header["expect"][0] != '0' || c.name == "two-packages" {
			continue
		}
		whole, err := os.ReadFile(c.path("jsonl"))
		require.NoError(t, err)
		lines := bytes.SplitAfter(bytes.TrimSuffix(whole, []byte("\n")), []byte("\n"))
		for n := range lines {
			require.Equal(t, byte('2'), verdictOf(bytes.Join(lines[:n], nil), nil)[0],
				"%s cut after %d lines", c.name, n)
		}
	}
}

// TestLostBeginning_NeverPasses cuts the beginning instead: from the second event on
// something is missing. (The first only says that the package starts.)
func TestLostBeginning_NeverPasses(t *testing.T) {
	lines := bytes.SplitAfter(passing(t), []byte("\n"))
	for n := 2; n < len(lines); n++ {
		require.Equal(t, byte('2'), verdictOf(bytes.Join(lines[n:], nil), nil)[0], "without the first %d lines", n)
	}
}

// TestLostResult_NeverPasses takes out one line at a time: what is lost may be
// text or a measurement, never the sign that a step began or passed.
func TestLostResult_NeverPasses(t *testing.T) {
	lines := bytes.SplitAfter(passing(t), []byte("\n"))
	for i, line := range lines[:len(lines)-1] {
		rest := bytes.Join(append(append([][]byte{}, lines[:i]...), lines[i+1:]...), nil)
		ofStep := bytes.Contains(line, []byte(`"Test":"TestDrill`)) && !bytes.Contains(line, []byte("verify/users"))
		begins := bytes.Contains(line, []byte(`"Action":"run"`))
		if ofStep && (begins || bytes.Contains(line, []byte(`"Action":"pass"`))) {
			assert.Equal(t, byte('2'), verdictOf(rest, nil)[0], "without %s", line)
		}
	}
}

// TestCut_LeavesAWholeFile cuts at every line and runs all of testprom: the
// textfile is whole every time, and the verdict of the run before stays.
func TestCut_LeavesAWholeFile(t *testing.T) {
	prom := filepath.Join(t.TempDir(), "drill.prom")
	w, _, _ := world(bytes.NewReader(passing(t)))
	require.Equal(t, 0, Main([]string{"-textfile", prom}, w))
	lines := bytes.SplitAfter(passing(t), []byte("\n"))
	for n := range len(lines) - 1 {
		w, _, _ := world(bytes.NewReader(bytes.Join(lines[:n], nil)))
		require.Equal(t, 2, Main([]string{"-textfile", prom}, w))
		text, err := os.ReadFile(prom)
		require.NoError(t, err)
		require.Contains(t, string(text), "veza_backup_drill_last_success{reason=\"none\",stanza=\"demo\"} 1\n")
		require.NotContains(t, string(text), "environment_error{reason=\"none\"")
	}
}

// TestForeignLines_BetweenEventsChangeNothing: what is no event is not counted
// as one, whatever its length.
func TestForeignLines_BetweenEventsChangeNothing(t *testing.T) {
	for name, foreign := range map[string]string{
		"text":          "go: downloading example.org v1.0.0\n",
		"empty lines":   "\n\r\n   \n",
		"binary":        "\x00\xff\xfe\x01\n",
		"another JSON":  `{"level":"info","msg":"hello"}` + "\n",
		"1 MB":          strings.Repeat("x", 1<<20) + "\n",
		"1 MB of event": `{"Action":"output","Package":"p","Output":"` + strings.Repeat(`\u003c`, 1<<18) + `"}` + "\n",
		"no action":     "{}\n",
		"an array":      "[1,2]\n",
		"new action":    `{"Action":"artifacts","Path":"/x"}` + "\n",
	} {
		assert.Equal(t, "0 none restored", verdictOf(between(passing(t), foreign), nil), name)
	}
}

// failureOf is the event that a test of the recorded drill failed.
func failureOf(test string) string {
	return `{"Action":"fail","Package":"example.org/recording/drill","Test":"` + test + `"}` + "\n"
}

// TestDamagedEvents_NeverPass: a line that was an event may have said anything.
func TestDamagedEvents_NeverPass(t *testing.T) {
	for name, damaged := range map[string]string{
		"cut":                  `{"Time":"2026-11-23T23:00:00Z","Action":"fa` + "\n",
		"swallowed":            `garbage{"Action":"fail","Test":"TestDrill/verify"}` + "\n",
		"brace":                "{ not json\n",
		"wrong type":           `{"Action":"fail","Elapsed":"long"}` + "\n",
		"two on one line":      `{"Action":"cont"}{"Action":"fail"}` + "\n",
		"longer than is kept":  `{"Action":"output","Output":"` + strings.Repeat("x", 9<<20) + `"}` + "\n",
		"failure within":       failureOf("TestDrill/verify/users"),
		"failure of nobody":    `{"Action":"fail","Package":"elsewhere"}` + "\n",
		"failure of a test":    `{"Action":"fail","Package":"elsewhere","Test":"TestX"}` + "\n",
		"second end of a step": failureOf("TestDrill/verify"),
	} {
		assert.NotEqual(t, byte('0'), verdictOf(append(passing(t), damaged...), nil)[0], name)
	}
}

// TestStatus_OutweighsTheStream: a command that failed is not a pass.
func TestStatus_OutweighsTheStream(t *testing.T) {
	for _, status := range []int{1, 2, 127, 137} {
		assert.Equal(t, "2 report_unreadable unknown", verdictOf(passing(t), &status))
	}
}

// between puts text after every line; a long text after one line in the middle.
func between(stream []byte, text string) []byte {
	if len(text) < 1000 {
		return bytes.ReplaceAll(stream, []byte("\n"), []byte("\n"+text))
	}
	half := bytes.IndexByte(stream[len(stream)/2:], '\n') + len(stream)/2 + 1
	return bytes.Join([][]byte{stream[:half], []byte(text), stream[half:]}, nil)
}
