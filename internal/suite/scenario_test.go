package suite

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

// What a run does when its steps fail cannot be tried in this process, where it would fail
// too. So this test binary is run again, with one scenario.
const scenarioVariable = "SUITE_TEST_SCENARIO"

func TestMain(m *testing.M) {
	if os.Getenv(scenarioVariable) != "" {
		os.Exit(Main(m, ""))
	}
	os.Exit(m.Run())
}

// TestScenario plays one scenario in a process of its own; in any other there is nothing to do.
func TestScenario(t *testing.T) {
	if play, ok := scenarios[os.Getenv(scenarioVariable)]; ok {
		play(t)
	}
}

// trial is a suite with a step for each thing that can become of one.
var trial = Suite{
	Name: "trial", Test: "TestScenario", Words: Words{Title: "trial"},
	Steps: []Expected{
		{Name: "first", Default: reason.RestoreFailed},
		{Name: "second", Default: reason.SmokeQuery},
		{Name: "third", Default: reason.StaleData},
		{Name: "teardown", Default: reason.SandboxFailed},
	},
}

// played is what became of a scenario.
type played struct {
	status int
	output string
	result map[string]string   // PASS, FAIL or SKIP, of each test that ended, "" is the suite's own
	attrs  map[string][]string // key=value, of each test
	said   []string            // lines that a scenario has printed, after "say "
}

// play runs a scenario and reads what it printed.
func play(t *testing.T, name string, args ...string) played {
	t.Helper()
	return playIn(t, ".", name, args...)
}

func playIn(t *testing.T, dir, name string, args ...string) played {
	t.Helper()
	program, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	args = append([]string{"-test.v", "-test.run", "^TestScenario$"}, args...)
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir, command.Env = dir, append(os.Environ(), scenarioVariable+"="+name)
	output, _ := command.CombinedOutput() // the status says it
	p := played{
		status: command.ProcessState.ExitCode(), output: string(output),
		result: map[string]string{}, attrs: map[string][]string{},
	}
	for line := range strings.Lines(p.output) {
		p.read(strings.Fields(line))
	}
	return p
}

// read reads the words of one line.
func (p *played) read(words []string) {
	step := func(test string) string { return strings.TrimPrefix(strings.TrimPrefix(test, "TestScenario"), "/") }
	switch {
	case len(words) > 2 && words[0] == "---":
		p.result[step(words[2])] = strings.TrimSuffix(words[1], ":")
	case len(words) > 3 && words[0] == "===" && words[1] == "ATTR":
		of := step(words[2])
		p.attrs[of] = append(p.attrs[of], words[3]+"="+strings.Join(words[4:], " "))
	case len(words) > 1 && words[0] == "say":
		p.said = append(p.said, strings.Join(words[1:], " "))
	}
}
