package doc

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
)

var update = flag.Bool("update", false, "write the reasons table into README.md")

const (
	readme = "../../README.md"
	begin  = "<!-- reasons -->\n"
	end    = "<!-- /reasons -->\n"
)

func TestReadme_ListsEveryReasonWithItsExitStatus(t *testing.T) {
	content, err := os.ReadFile(readme)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(content), begin)
	require.True(t, found, "README.md has no line %s", begin)
	table, after, found := strings.Cut(rest, end)
	require.True(t, found, "README.md has no line %s", end)
	if *update {
		require.NoError(t, os.WriteFile(readme, []byte(before+begin+reasons()+end+after), 0o644)) //nolint:gosec // a README is for everybody
		return
	}
	assert.Equal(t, reasons(), table, "write it with: make golden")
}

func reasons() string {
	var table strings.Builder
	table.WriteString("| reason | exit | means | look at next |\n|---|---|---|---|\n")
	for _, entry := range reason.Table {
		fmt.Fprintf(&table, "| `%s` | %d | %s | %s |\n", entry.Reason, entry.Exit, entry.Means, entry.Next)
	}
	return table.String()
}

func TestReadme_NamesEveryMetricOfAPass(t *testing.T) {
	content, err := os.ReadFile(readme)
	require.NoError(t, err)
	for _, pass := range []string{"pass", "backup-pass"} {
		recorded, err := os.ReadFile("../../fixtures/streams/" + pass + ".prom")
		require.NoError(t, err)
		names := regexp.MustCompile(`(?m)^# HELP veza_backup_(?:drill|check)_(\S+)`).FindAllStringSubmatch(string(recorded), -1)
		require.Greater(t, len(names), 10)
		for _, name := range names {
			assert.Contains(t, string(content), "`"+name[1], "the README does not explain it")
		}
	}
}

// Every alert stands in the README with its page.
func TestReadme_NamesEveryAlert(t *testing.T) {
	names := found(content(t, "fixtures/prometheus/veza_backup.rules.yml"), `(?m)^      - alert: (\w+)$`)
	require.Greater(t, len(names), 10)
	readme := content(t, "README.md")
	for _, name := range names {
		row := found(readme, "(?m)^\\| \\[`"+name+"`\\]\\((fixtures/runbooks/[a-z-]+\\.md)\\) \\|")
		if assert.Len(t, row, 1, "the README's table has no row for %s", name) {
			assert.FileExists(t, root+"/"+row[0])
		}
	}
}
