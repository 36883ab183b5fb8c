package runner

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

// mostLines is the most that a recorded stream's summary takes of a terminal of 80 columns. Cause and facts are never
// cut, but for the measurements: they may take more than the ten lines.
const mostLines = 15

// Whatever was recorded, its summary fits the lower half of a terminal.
func TestSummary_OfEveryStreamFitsATerminal(t *testing.T) {
	dir, err := filepath.Abs(streamDir)
	require.NoError(t, err)
	cases := streamCases(t)
	for _, c := range cases {
		t.Chdir(t.TempDir()) // short names, and no later run in them
		stream, err := os.ReadFile(filepath.Join(dir, c.name+".jsonl"))
		require.NoError(t, err)
		w, out, _ := world(bytes.NewReader(stream))
		w.Colours = true
		Main([]string{"-suite", c.suite().Name, "-report", "r.json", "-textfile", c.suite().Name + ".prom"}, w)
		text := strings.TrimSuffix(out.String()[strings.LastIndex(out.String(), "\n\n")+2:], "\n")
		lines := 0
		for line := range strings.SplitSeq(text, "\n") {
			lines += 1 + max(len([]rune(line))-1, 0)/80
		}
		assert.LessOrEqual(t, lines, mostLines, "%s:\n%s", c.name, text)
	}
}

func onTerminal(columns int) *run {
	r := &run{World: World{Columns: func() int { return columns }}}
	r.live.brief = true
	return r
}

// Measurements are cut to two lines of a terminal, RTO and RPO last; a log has all of them.
func TestBrief(t *testing.T) {
	var values []suite.Value
	for i := range 30 {
		values = append(values, suite.Value{Name: fmt.Sprintf("counted_%d", i), Value: 7})
	}
	values = append(values, suite.Value{Name: "rpo_seconds", Value: 61}, suite.Value{Name: "rto_seconds", Value: 10})
	got := onTerminal(80).brief(values)
	assert.Regexp(t, `^counted 0 7, counted 1 7, .*, rpo 1 min 01 s, rto 10.0 s, and \d+ more$`, got)
	assert.LessOrEqual(t, 13+len(got), 160)
	assert.Greater(t, 13+len(got), 140, "as many as fit")
	assert.Equal(t, "rpo 1 min 01 s, and 31 more", onTerminal(20).brief(values))
	log := (&run{}).brief(values)
	assert.Contains(t, log, "counted 29 7, rpo 1 min 01 s, rto 10.0 s")
	assert.NotContains(t, log, "more")
	assert.Equal(t, "rto 10.0 s", onTerminal(80).brief(values[31:]))
}

// Rows are counted as a terminal shows them, and warnings do not push the verdict off it.
func TestFitting(t *testing.T) {
	long, short := row{"note", strings.Repeat("x", 100)}, row{"note", "x"}
	r := onTerminal(80)
	assert.Equal(t, 5, r.height(long, short, long))
	assert.Equal(t, 3, (&run{}).height(long, short, long), "a log has no columns")
	rows, left := r.fitting([]row{long, short}, 4, "there")
	assert.Equal(t, []row{long, short}, rows)
	assert.Equal(t, 1, left)
	rows, left = r.fitting([]row{short, long, short}, 3, "there")
	assert.Equal(t, []row{{"note", "2 more: there"}, short}, rows)
	assert.Zero(t, left)

	warning, written := row{warned, strings.Repeat("x", 100)}, row{"written", "a"}
	few := r.fewWarnings([]row{warning, warning, warning, written}, "there")
	assert.Equal(t, []row{{warned, "2 more: there"}, warning, written}, few)
	assert.Equal(t, []row{warning, written}, r.fewWarnings([]row{warning, written}, "there"))
}
