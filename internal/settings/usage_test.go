package settings_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/settings"
)

var update = flag.Bool("update", false, "write the table of settings into drill/README.md")

const (
	page  = "../../drill/README.md"
	begin = "<!-- settings -->\n"
	end   = "<!-- /settings -->"
)

func TestDrillPage_HoldsTheSettingsTable(t *testing.T) {
	content, err := os.ReadFile(page)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(content), begin)
	require.True(t, ok, "%s has no line %q", page, begin)
	table, tail, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s has no line %q", page, end)
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(head+begin+settings.Markdown()+end+tail), 0o644))
		return
	}
	assert.Equal(t, settings.Markdown(), table, "run `make golden`")
}

func TestUsage_TellsEverySettingAndEveryExitStatus(t *testing.T) {
	var out bytes.Buffer
	set := flag.NewFlagSet("drill.test", flag.ContinueOnError)
	set.SetOutput(&out)
	settings.Register(set)
	require.ErrorIs(t, set.Parse([]string{"-h"}), flag.ErrHelp)
	for _, s := range settings.Table {
		assert.Contains(t, out.String(), "\n  -"+s.Flag)
		assert.Contains(t, out.String(), s.Default)
		for _, name := range s.Variables {
			assert.Contains(t, out.String(), name)
		}
	}
	for _, text := range []string{"\n  0  ", "\n  1  ", "\n  2  ", "MIN_USERS_EXPECTED or DRILL_MIN_USERS, default 1"} {
		assert.Contains(t, out.String(), text)
	}
	assert.NotContains(t, out.String(), "`")
}

func TestTable_NamesFollowTheContract(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range settings.Table {
		require.NotEmpty(t, s.Variables, s.Flag)
		usual := s.Variables[len(s.Variables)-1]
		assert.Equal(t, "DRILL_"+strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_")), usual)
		assert.False(t, seen[s.Flag], "-%s stands twice", s.Flag)
		assert.NotEqual(t, s.Default == "", s.Otherwise == "",
			"-%s needs a default or what applies without one", s.Flag)
		seen[s.Flag] = true
	}
}
