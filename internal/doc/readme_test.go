package doc

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

var update = flag.Bool("update", false, "write the table of reasons into "+drillPage)

const (
	drillPage  = "drill/README.md"
	backupPage = "backup/README.md"

	begin = "<!-- reasons -->\n"
	end   = "<!-- /reasons -->\n"
)

func TestDrillPage_ListsEveryReasonWithItsExitStatus(t *testing.T) {
	before, rest, found := strings.Cut(content(t, drillPage), begin)
	require.True(t, found, "%s has no line %s", drillPage, begin)
	table, after, found := strings.Cut(rest, end)
	require.True(t, found, "%s has no line %s", drillPage, end)
	if *update {
		written := []byte(before + begin + reasons() + end + after)
		require.NoError(t, os.WriteFile(filepath.Join(root, drillPage), written, 0o644)) //nolint:gosec // for everybody
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

// Each suite's page explains each of its metrics.
func TestPages_NameEveryMetricOfAPass(t *testing.T) {
	for _, kind := range []struct{ stream, namespace, page string }{
		{"pass", "veza_backup_drill_", drillPage},
		{"backup-pass", "veza_backup_check_", backupPage},
	} {
		recorded := content(t, "fixtures/streams/"+kind.stream+".prom")
		names := found(recorded, `(?m)^# HELP `+kind.namespace+`(\S+)`)
		require.Greater(t, len(names), 10)
		page := content(t, kind.page)
		for _, name := range names {
			assert.Contains(t, page, "\n| `"+name+"` |", "%s does not explain it", kind.page)
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

// A page nobody reads to its end says nothing: what does not fit here has a page of its own.
func TestReadme_FitsAScreenOrTwo(t *testing.T) {
	lines := strings.Count(content(t, "README.md"), "\n")
	assert.LessOrEqual(t, lines, 200, "lines of README.md")
}

// What the customer was promised to find in the README, by its headings. Those that have a
// command show it.
func TestReadme_HasEveryHeadingThatIsPromised(t *testing.T) {
	readme := content(t, "README.md")
	for heading, essential := range map[string]string{
		"### `make drill`": "$ make drill",
		"### `make test`":  "",
		"## RPO and RTO: what is promised, and how it is measured": "rto_worst_seconds",
		"## Operator's cheat sheet":                                "systemctl start pgbackrest-full.service",
		"## Vault set-up":                                          "ansible-vault encrypt",
		"## Repository wiring":                                     "ansible-playbook -i inventory --ask-vault-pass",
		"## The drill by hand":                                     "bin/testprom -- /opt/veza-drill/bin/drill.test",
		"## Keep the restored cluster: `-keep`":                    "DRILL_KEEP=true",
		"## After a disaster: restore for real":                    "veza-restore -to",
		"## What each alert means":                                 "journalctl -u pgbackrest-drill",
	} {
		_, section, found := strings.Cut(readme, "\n"+heading+"\n")
		if assert.True(t, found, "README.md has no heading %s", heading) {
			section, _, _ = strings.Cut(section, "\n## ")
			assert.Contains(t, section, essential, heading)
			assert.Regexp(t, `\]\([^)]+\.md`, section, "%s leads nowhere", heading)
		}
	}
	for _, command := range []string{
		"pgbackrest --stanza=veza info", "pgbackrest --stanza=veza check", "Go 1.26", "`make`", "`git`",
	} {
		assert.Contains(t, readme, command)
	}
}

// Every claim, and every step, has its line on the suite's page.
func TestPages_NameEveryClaimAndStep(t *testing.T) {
	for _, claim := range suite.Backup.Steps {
		assert.Contains(t, content(t, backupPage), "\n| `"+claim.Name+"` |", "%s does not explain it", backupPage)
	}
	for _, step := range suite.Drill.Steps {
		assert.Contains(t, content(t, "README.md"), "│ "+step.Name+" ", "the picture does not show it")
	}
}
