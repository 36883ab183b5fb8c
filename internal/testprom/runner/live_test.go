package runner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/suite"
)

// drilled are the events of a drill whose step verify does what a test of these lines says: output, or an
// attribute as KEY=VALUE.
func drilled(end string, lines ...string) string {
	var text strings.Builder
	event := func(action, test, rest string) {
		_, _ = fmt.Fprintf(&text, `{"Time":"2026-08-23T02:00:00Z","Package":"p","Action":%q%s%s}`+"\n", action, test,
			rest)
	}
	of := func(name string) string { return fmt.Sprintf(`,"Test":%q`, name) }
	event("start", "", "")
	event("run", of("TestDrill"), "")
	for _, name := range suite.Drill.StepNames() {
		step, how := of("TestDrill/"+name), "pass"
		event("run", step, "")
		if name == "verify" {
			how = end
			for _, line := range lines {
				if key, value, ok := strings.Cut(line, "="); ok {
					event("attr", step, fmt.Sprintf(`,"Key":%q,"Value":%q`, key, value))
				} else {
					event("output", step, fmt.Sprintf(`,"Output":%q`, "    "+line+"\n"))
				}
			}
		}
		event(how, step, "")
	}
	event(end, of("TestDrill"), "")
	event(end, "", "")
	return text.String()
}

// What is there to be copied is on the screen too, whole, as often as it is in a log; its neighbours are not.
func TestLive_ShowsATextToCopy(t *testing.T) {
	stream := drilled("fail", "before it", "shown=4", "a checks file:", "- name: users", "    query: SELECT 1",
		"remove it: x", "behind it", "reason=config_invalid", "detail=nothing says what must be there")
	for _, terminal := range []bool{true, false} {
		w, out, _ := world(strings.NewReader(stream))
		w.Colours = terminal
		assert.Equal(t, 2, Main(nil, w))
		assert.Contains(t, out.String(),
			"    a checks file:\n    - name: users\n        query: SELECT 1\n    remove it: x\n", "terminal: %v",
			terminal)
		assert.Equal(t, !terminal, strings.Contains(out.String(), "\n    before it\n"))
		assert.Equal(t, !terminal, strings.Contains(out.String(), "\n    behind it\n"))
		assert.Contains(t, out.String(), "give the one that the detail misses")
	}
}

// A count that is none shows nothing.
func TestLive_ACountThatIsNone(t *testing.T) {
	for _, count := range []string{"many", "-1", "0"} {
		w, out, _ := world(strings.NewReader(drilled("pass", "shown="+count, "a line")))
		w.Colours = true
		assert.Zero(t, Main(nil, w), out)
		assert.NotContains(t, out.String(), "    a line\n", count)
	}
}
