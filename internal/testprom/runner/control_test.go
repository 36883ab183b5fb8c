package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/suite"
)

// The control stands in the package of the drill, which leaves it alone unless it is asked for; and it restores more
// than once.
func TestPrepare_TheControlIsChosen(t *testing.T) {
	for typed, want := range map[string][]string{
		"go test ./drill":                       {"-run=^TestControl$", "-timeout=1h45m0s"},
		"go test ./drill -rto=1h":               {"-run=^TestControl$", "-timeout=3h15m0s"},
		"go test ./drill -compare sets":         {"-timeout=1h45m0s"},
		"go test -run ^TestControl$/^a ./drill": {"-run", "^TestControl$/^a"},
	} {
		c, err := prepare(suite.Control, strings.Fields(typed), nil, nil)
		require.NoError(t, err)
		assert.Subset(t, c.argv, want, typed)
		assert.Equal(t, 1, strings.Count(strings.Join(c.argv, " "), "-run"), typed)
	}
	c, err := prepare(suite.Control, []string{os.Args[0], "-test.run", "^TestControl$"}, nil, nil)
	require.NoError(t, err)
	assert.NotContains(t, c.argv, "-test.run=^TestControl$")
	c, err = prepare(suite.Control, []string{os.Args[0], "-conf", "c"}, nil, nil)
	require.NoError(t, err)
	assert.Contains(t, c.argv, "-test.run=^TestControl$")
}

// A fault that is let through is told as one of the drill's: no word of it is about the backups.
func TestControl_SpeaksOfTheDrill(t *testing.T) {
	stream, err := os.ReadFile(filepath.Join(streamDir, "control-let-through.jsonl"))
	require.NoError(t, err)
	report := filepath.Join(t.TempDir(), "report.json")
	w, out, _ := world(strings.NewReader(string(stream)))
	assert.Equal(t, 1, Main([]string{"-suite", "control", "-report", report}, w))
	said := out.String()
	assert.Contains(t, said, "control of the drill of stanza demo")
	assert.Contains(t, said, "repo_denied (fault denied): "+suite.Control.Words.Failed)
	assert.Contains(t, said, suite.Control.Words.FailedNext)
	content, err := os.ReadFile(report)
	require.NoError(t, err)
	assert.Contains(t, string(content), `"backups": "fault_let_through"`)
	assert.NotContains(t, string(content), "bucket policy", "advice on credentials that are well")
}
