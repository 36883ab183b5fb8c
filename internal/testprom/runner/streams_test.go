package runner

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
	"veza.fr/recovery/internal/testprom/testreport"
	"veza.fr/recovery/internal/testprom/textfile"
	"veza.fr/recovery/internal/testprom/whole"
)

var update = flag.Bool("update", false, "write the golden .prom files of fixtures/streams")

// now is when the tests judge; streams without times get it.
var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// world is one without a terminal, a signal or a clock.
func world(stdin io.Reader) (World, *bytes.Buffer, *bytes.Buffer) {
	var out, errs bytes.Buffer
	return World{
		Stdin: stdin, Stdout: &out, Stderr: &errs, Now: func() time.Time { return now }, Textfile: textfile.Files{},
	}, &out, &errs
}

// TestStreams_AreJudgedAsTheirCasesSay runs every recorded stream through
// testprom as it comes from standard input, and compares exit status, reason,
// what is proved about the backups, and the whole textfile.
func TestStreams_AreJudgedAsTheirCasesSay(t *testing.T) {
	for _, c := range streamCases(t) {
		t.Run(c.name, func(t *testing.T) {
			stream, err := os.ReadFile(c.path("jsonl"))
			require.NoError(t, err)
			prom := filepath.Join(t.TempDir(), "drill.prom")
			w, out, errs := world(bytes.NewReader(stream))

			exit := Main([]string{"-suite", c.suite().Name, "-textfile", prom}, w)

			assert.Equal(t, c.header["expect"][:1], strconv.Itoa(exit), "%s", out)
			assert.Empty(t, errs.String())
			assert.Equal(t, c.header["expect"], verdictOfSuite(c.suite(), stream, nil))
			got, err := os.ReadFile(prom)
			require.NoError(t, err)
			golden(t, c.path("prom"), got)
		})
	}
}

// TestStreams_AreJudgedTheSameWithTheirExitStatus: what the command's status
// adds never changes a verdict that the stream itself allows.
func TestStreams_AreJudgedTheSameWithTheirExitStatus(t *testing.T) {
	for _, c := range streamCases(t) {
		stream, err := os.ReadFile(c.path("jsonl"))
		require.NoError(t, err)
		status, err := strconv.Atoi(c.header["status"])
		require.NoError(t, err, c.name)
		assert.Equal(t, c.header["expect"], verdictOfSuite(c.suite(), stream, &status), c.name)
	}
}

// TestPromtool_FindsNothingInAnyTextfile lints every golden file.
func TestPromtool_FindsNothingInAnyTextfile(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	require.NoError(t, err, "promtool is missing: apt-get install prometheus")
	for _, c := range streamCases(t) {
		text, err := os.ReadFile(c.path("prom"))
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
		cmd.Stdin = bytes.NewReader(text)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", c.name, out)
		assert.Empty(t, string(out), c.name)
	}
}

// verdictOf is a drill's verdict in the words of a .case file.
func verdictOf(stream []byte, status *int) string {
	return verdictOfSuite(suite.Drill, stream, status)
}

func verdictOfSuite(s suite.Suite, stream []byte, status *int) string {
	c := testreport.New(s)
	_ = c.Read(bytes.NewReader(stream))
	v := c.Report(status).Verdict
	proved := [...]string{"unknown", s.Words.Sound, "at_fault"}[v.Backups]
	return fmt.Sprintf("%d %s %s", v.Exit, v.Reason, proved)
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, whole.Replace(path, got))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got))
}
